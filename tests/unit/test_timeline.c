// SPDX-License-Identifier: GPL-2.0-only
/* What each thread did comes out in the order in which it happened, whatever the order in which it was said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "model/timeline.h"

static struct ev_conn ended(__u64 id, __u32 opener, __u64 opened, __u32 closer, __u64 closed)
{
	return (struct ev_conn){
		.head = { .size = sizeof(struct ev_conn), .kind = EV_CLOSE, .time_ns = closed },
		.conn = { .id = id, .origin = ORIGIN_TRACED, .opened_ns = opened, .closed_ns = closed,
			  .opener = { .pid = 1, .tid = opener }, .closer = { .pid = closer ? 1 : 0, .tid = closer } },
	};
}

static struct thread *find(struct timelines *t, __u32 tid)
{
	struct thread_key key = { 1, tid };
	struct thread *th;

	HASH_FIND(hh, t->threads, &key, sizeof(key), th);
	return th;
}

static void test_event_time(void **state)
{
	struct timelines t = { 0 };
	struct ev_conn late = ended(1, 10, 100, 10, 900), early = ended(2, 10, 200, 11, 300);
	struct thread *th;

	(void)state;
	assert_int_equal(timelines_event(&t, &late.head), 0);
	assert_int_equal(timelines_event(&t, &early.head), 0);
	th = find(&t, 10);
	assert_non_null(th);
	assert_int_equal(th->opened, 2);
	assert_int_equal(th->closed, 1);
	assert_int_equal(th->closed_elsewhere, 1);
	assert_int_equal(th->ndeeds, 3);
	assert_int_equal(th->deeds[0].time_ns, 100);
	assert_int_equal(th->deeds[1].time_ns, 200);
	assert_int_equal(th->deeds[2].time_ns, 900);
	assert_int_equal(find(&t, 11)->closed, 1);
	timelines_free(&t);
}

static void test_bounds(void **state)
{
	struct timelines t = { 0 };

	(void)state;
	for (__u32 i = 0; i < TIMELINE_THREADS + 5; i++) {
		struct ev_conn ev = ended(i, 100 + i, i + 1, 0, i + 2);

		assert_int_equal(timelines_event(&t, &ev.head), 0);
	}
	assert_int_equal(HASH_COUNT(t.threads), TIMELINE_THREADS);
	assert_int_equal(t.forgotten, 5);
	assert_null(find(&t, 100));
	for (__u32 i = 0; i < TIMELINE_DEEDS * 2; i++) {
		struct ev_conn ev = ended(i, 7, 1000 + i, 7, 2000 + i);

		timelines_event(&t, &ev.head);
	}
	assert_int_equal(find(&t, 7)->ndeeds, TIMELINE_DEEDS);
	assert_int_equal(find(&t, 7)->deeds[TIMELINE_DEEDS - 1].time_ns, 2000 + TIMELINE_DEEDS * 2 - 1);
	timelines_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_event_time), cmocka_unit_test(test_bounds) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
