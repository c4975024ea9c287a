// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "made_up.h"

static struct session begun(void)
{
	struct ev_session ev = made_session();
	struct session s = {};

	session_event(&s, &ev.head);
	return s;
}

static void wall_time(void **state)
{
	struct session s = begun();

	(void)state;
	assert_true(session_wall_ns(&s, START_NS) == START_WALL_NS);
	assert_true(session_wall_ns(&s, START_NS + 5) == START_WALL_NS + 5);
	assert_true(session_wall_ns(&s, START_NS - 7 * SEC) == START_WALL_NS - 7 * SEC);
}

static void ticks(void **state)
{
	struct session s = begun();
	__u64 now = 10000 * SEC;

	(void)state;
	assert_true(session_tick_ns(&s, 0, 500, now) == 0);
	assert_true(session_tick_ns(&s, 500, 500, now) == now);
	assert_true(session_tick_ns(&s, 250, 500, now) == now - SEC);
	assert_true(session_tick_ns(&s, 499, 500, now) == now - 4 * MSEC);
	/* The counter wrapped in between. */
	assert_true(session_tick_ns(&s, 0xffffff00, 244, now) == now - 2 * SEC);
	/* Read after now_jiffies, on another CPU: now, not weeks ago. */
	assert_true(session_tick_ns(&s, 501, 500, now) == now);
	assert_true(session_tick_ns(&s, 500 + 10 * MADE_HZ, 500, now) == now);
	/* Before boot there was nothing; 0 would say unknown. */
	assert_true(session_tick_ns(&s, 1, 5001, SEC) == 1);
	s.ev.hz = 0;
	assert_true(session_tick_ns(&s, 250, 500, now) == 0);
	s.ev.hz = 1000;
	assert_true(session_tick_ns(&s, 1, 1000001, now) == now - 1000 * SEC);
}

static void cgroups(void **state)
{
	__u64 room[64] = {};
	struct session s = begun();

	(void)state;
	assert_null(session_cgroup(&s, 7));
	session_event(&s, &made_cgroup(room, 7, "/a")->head);
	session_event(&s, &made_cgroup(room, 8, "/system.slice/b.service")->head);
	assert_string_equal(session_cgroup(&s, 7), "/a");
	assert_string_equal(session_cgroup(&s, 8), "/system.slice/b.service");
	session_event(&s, &made_cgroup(room, 7, "/other")->head);
	session_event(&s, &made_cgroup(room, 7, "/other")->head);
	assert_string_equal(session_cgroup(&s, 7), "/other");
	assert_null(session_cgroup(&s, 9));
	session_free(&s);
	session_free(&s);
	assert_null(session_cgroup(&s, 7));
}

static void flavours(void **state)
{
	struct ev_flavour f = { .head = made_head(EV_FLAVOUR, sizeof(f), START_NS),
				.fact = "open", .flavour = "kprobe" };
	struct session s = begun();

	(void)state;
	session_event(&s, &f.head);
	strcpy(f.flavour, "fentry");
	session_event(&s, &f.head);
	assert_int_equal(s.nflavours, 1);
	assert_string_equal(s.flavours[0].flavour, "fentry");
	for (int i = 0; i < 2 * MAX_FLAVOURS; i++) {
		f.fact[0] = (char)('A' + i);
		session_event(&s, &f.head);
	}
	assert_int_equal(s.nflavours, MAX_FLAVOURS);
}

static void counters_and_end(void **state)
{
	struct ev_counters c = { .head = made_head(EV_COUNTERS, sizeof(c), START_NS + SEC) };
	struct ev_end end = { .head = made_head(EV_END, sizeof(end), START_NS + 9 * SEC), .program_status = 256 };
	struct ev_session again = made_session();
	struct session s = begun();

	(void)state;
	assert_true(session_lost(&s) == 0);
	c.value[CNT_OPENED] = 1000;
	c.value[CNT_LOST_RING] = 3;
	c.value[CNT_LOST_LOOK] = 4;
	session_event(&s, &c.head);
	assert_true(session_lost(&s) == 7);
	assert_true(s.last_ns == START_NS + SEC);
	again.wall_ns = 1;
	session_event(&s, &again.head);
	assert_true(s.ev.wall_ns == START_WALL_NS);
	assert_false(s.ended);
	session_event(&s, &end.head);
	assert_true(s.ended);
	assert_int_equal(s.program_status, 256);
	assert_true(s.last_ns == START_NS + 9 * SEC);
}

static void time_that_the_host_ran(void **state)
{
	struct ev_standstill e = { .head = made_head(EV_STANDSTILL, sizeof(e), START_NS + 9 * SEC),
				   .from_ns = START_NS + 4 * SEC };
	struct session s = begun();

	(void)state;
	assert_true(session_ran_ns(&s, START_NS, START_NS + 10 * SEC) == 10 * SEC);
	assert_true(session_standstill_ns(&s) == 0);
	session_event(&s, &e.head);
	assert_true(session_ran_ns(&s, START_NS, START_NS + 10 * SEC) == 5 * SEC);
	assert_true(session_ran_ns(&s, START_NS + 5 * SEC, START_NS + 6 * SEC) == 0);
	assert_true(session_ran_ns(&s, START_NS + 9 * SEC, START_NS + 10 * SEC) == SEC);
	assert_true(session_ran_ns(&s, START_NS + 2 * SEC, START_NS + SEC) == 0);
	assert_true(session_standstill_ns(&s) == 5 * SEC);
	for (int i = 0; i < 2 * MAX_STANDSTILLS; i++) /* only the newest are remembered */
		session_event(&s, &(struct ev_standstill){ .head = made_head(EV_STANDSTILL, sizeof(e), START_NS + (20 + i) * SEC),
							   .from_ns = START_NS + (19 + i) * SEC }.head);
	assert_true(session_standstill_ns(&s) == MAX_STANDSTILLS * SEC);
}

static void loss_words(void **state)
{
	(void)state;
	for (int c = CNT_LOST; c < CNT_MAX; c++) {
		assert_non_null(loss_name((enum counter)c));
		assert_non_null(loss_meaning((enum counter)c));
	}
	assert_null(loss_name(CNT_OPENED));
	assert_null(loss_name(CNT_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wall_time),
		cmocka_unit_test(ticks),
		cmocka_unit_test(cgroups),
		cmocka_unit_test(flavours),
		cmocka_unit_test(counters_and_end),
		cmocka_unit_test(time_that_the_host_ran),
		cmocka_unit_test(loss_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
