// SPDX-License-Identifier: GPL-2.0-only
/* What a look did not see is not open: which connections a look decides about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "made_up.h"
#include "model/table.h"

struct world {
	struct table table;
	struct session session;
};

static void begin(struct world *w)
{
	struct ev_session s = made_session();

	*w = (struct world){ 0 };
	session_event(&w->session, &s.head);
}

static void end(struct world *w)
{
	table_free(&w->table);
	session_free(&w->session);
}

/* A client whose connect took from `opened` for `connect` ns. */
static void opened(struct world *w, __u64 id, __u64 opened, __u64 connect)
{
	struct ev_conn ev = { .head = made_head(EV_OPEN, sizeof(ev), opened + connect), .conn = made_client() };

	ev.conn.id = id;
	ev.conn.opened_ns = opened;
	ev.conn.connect_ns = connect;
	assert_int_equal(table_event(&w->table, &w->session, &ev.head), 0);
}

static void seen(struct world *w, __u64 id, __u64 now)
{
	struct ev_seen ev = { .head = made_head(EV_SEEN, sizeof(ev), now), .conn = made_client(), .fd = -1 };

	ev.conn.id = id;
	assert_int_equal(table_event(&w->table, &w->session, &ev.head), 0);
}

static void looked(struct world *w, __u64 began)
{
	struct ev_look ev = { .head = made_head(EV_LOOK, sizeof(ev), began + 3 * MSEC), .began_ns = began,
			      .read_ns = began + 2 * MSEC, .why = LOOK_INTERVAL };

	assert_int_equal(table_event(&w->table, &w->session, &ev.head), 0);
}

/* Its close was never said: the first look after the opening tells. */
static void test_what_a_look_misses_is_not_open(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	opened(&w, 1, START_NS + SEC, MSEC);
	opened(&w, 2, START_NS + SEC, MSEC);
	seen(&w, 2, START_NS + 2 * SEC);
	looked(&w, START_NS + 2 * SEC);
	assert_null(table_find(&w.table, 1));
	assert_non_null(table_find(&w.table, 2));
	looked(&w, START_NS + 3 * SEC);
	assert_null(table_find(&w.table, 2));
	end(&w);
}

static void test_what_was_opened_during_a_look_is_open(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	opened(&w, 1, START_NS + 2 * SEC + MSEC, MSEC);
	opened(&w, 2, START_NS + SEC, SEC + MSEC); /* it began before, and was established during the look */
	looked(&w, START_NS + 2 * SEC);
	assert_non_null(table_find(&w.table, 1));
	assert_non_null(table_find(&w.table, 2));
	looked(&w, START_NS + 3 * SEC);
	assert_int_equal(w.table.count, 0);
	end(&w);
}

/* Ages count to the moment at which the sockets were read, not to the end of all that follows. */
static void test_a_look_is_of_the_moment_it_read(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	looked(&w, START_NS + SEC);
	assert_int_equal(w.table.look_ns, START_NS + SEC + 2 * MSEC);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_look_misses_is_not_open),
		cmocka_unit_test(test_what_was_opened_during_a_look_is_open),
		cmocka_unit_test(test_a_look_is_of_the_moment_it_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
