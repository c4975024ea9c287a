// SPDX-License-Identifier: GPL-2.0-only
/* Every verdict and every exception of it, on made-up looks. T is 10 s. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "../../src/analysis/judge.h"
#include "made_up.h"

#define T (10 * SEC)
#define CLOSE_WAIT 8
#define AT(s) (START_NS + (s) * SEC)

struct story {
	struct session session;
	struct table table;
	struct sites sites;
	struct report report;
	struct ended *ended;
	struct judge_options opt;
};

/* One connection as the next look will see it; times are seconds after the start. */
struct scene {
	__u64 id;
	double opened, sent, arrived, received;
	enum role role;
	enum reader_how reader;
	__u8 state; /* 0 = established */
	double peer_closed;
	__u32 unread, seq;
	__u32 opener, holder; /* pids; 0 = 4121 */
	const char *thread; /* opener's name; NULL = orders */
	__u8 conn_flags, seen_flags; /* added */
	bool snapshot;
};

static __u32 tick(double s)
{
	return s ? made_tick(START_NS + (__u64)(s * SEC)) : 0;
}

static void begin(struct story *st)
{
	struct ev_session s = made_session();

	memset(st, 0, sizeof(*st));
	session_event(&st->session, &s.head);
	st->opt.older_ns = T;
}

static void end(struct story *st)
{
	report_free(&st->report);
	sites_free(&st->sites);
	table_free(&st->table);
	session_free(&st->session);
}

static void see(struct story *st, double now, struct scene sc)
{
	struct ev_seen ev = { .head = made_head(EV_SEEN, sizeof(ev), START_NS + (__u64)(now * SEC)) };
	__u32 opener = sc.opener ? sc.opener : 4121, holder = sc.holder ? sc.holder : opener;

	ev.conn = made_client();
	ev.conn.id = sc.id;
	ev.conn.lport = 40000 + sc.id;
	ev.conn.connect_ns = 0;
	ev.conn.opened_ns = START_NS + (__u64)(sc.opened * SEC);
	ev.conn.origin = sc.snapshot ? ORIGIN_SNAPSHOT : ORIGIN_TRACED;
	ev.conn.role = sc.role ? sc.role : ROLE_CLIENT;
	ev.conn.flags = CONN_ESTABLISHED | CONN_OPENER_SEEN | sc.conn_flags;
	ev.conn.opener = made_actor(opener, opener, sc.thread ? sc.thread : "orders");
	ev.conn.recv_jiffies = tick(sc.received);
	ev.conn.receiver = sc.received ? made_actor(holder, holder, "orders") : (struct actor){ 0 };
	ev.conn.peer_closed_ns = sc.peer_closed ? START_NS + (__u64)(sc.peer_closed * SEC) : 0;
	ev.sock.now_jiffies = tick(now);
	ev.sock.sent_jiffies = tick(sc.sent);
	ev.sock.arrived_jiffies = tick(sc.arrived);
	ev.sock.tx_bytes = sc.sent ? 100 : 0;
	ev.sock.rx_bytes = sc.arrived ? 200 + sc.unread : 0;
	ev.sock.unread = sc.unread;
	ev.sock.copied_seq = sc.seq;
	ev.sock.state = sc.state ? sc.state : 1;
	ev.holder = made_actor(holder, holder, "orders");
	ev.fd = 7;
	ev.reader = sc.reader ? sc.reader : READER_NONE;
	ev.flags = SEEN_OPENER_CHECKED | SEEN_OPENER_ALIVE;
	if (sc.seen_flags)
		ev.flags = sc.seen_flags;
	assert_int_equal(table_event(&st->table, &st->session, &ev.head), 0);
}

static void looked(struct story *st, double now)
{
	__u64 now_ns = START_NS + (__u64)(now * SEC);
	struct ev_look ev = { .head = made_head(EV_LOOK, sizeof(ev), now_ns), .read_ns = now_ns, .why = LOOK_SAMPLE };

	assert_int_equal(table_event(&st->table, &st->session, &ev.head), 0);
}

static void sample(struct story *st, double now)
{
	looked(st, now);
	assert_int_equal(judge_sample(&st->table, &st->session, &st->sites, &st->opt), 0);
}

static void report(struct story *st, double now)
{
	looked(st, now);
	report_free(&st->report);
	assert_int_equal(judge(&st->report, &st->table, &st->session, &st->sites, st->ended, &st->opt), 0);
}

/* Closes at the site of that thread of made-up clients, of connections that had lived so long. */
static void closes_of(struct story *st, const char *thread, double now, __u32 n, unsigned int class,
		      double newest_opened)
{
	struct conn c = made_client();
	struct ev_site ev = { .head = made_head(EV_SITE, sizeof(ev), START_NS + (__u64)(now * SEC)) };

	c.opener = made_actor(4121, 4121, thread);
	site_key_of(&c, &ev.key);
	ev.counts.closed[class] = n;
	ev.counts.used = n;
	ev.counts.newest_open_ns = newest_opened ? START_NS + (__u64)(newest_opened * SEC) : 0;
	assert_int_equal(sites_event(&st->sites, &ev), 0);
}

static void closes(struct story *st, double now, __u32 n, unsigned int class, double newest_opened)
{
	closes_of(st, "orders", now, n, class, newest_opened);
}

static const struct finding *only(struct story *st, enum verdict v, enum severity s, size_t count)
{
	assert_int_equal(st->report.nfindings, 1);
	assert_string_equal(verdict_word(st->report.findings[0].verdict), verdict_word(v));
	assert_string_equal(severity_word(st->report.findings[0].severity), severity_word(s));
	assert_int_equal(st->report.findings[0].count, count);
	return &st->report.findings[0];
}

#define STORY(name) static void name(void **state)
#define BEGIN         \
	struct story st; \
	(void)state;  \
	begin(&st)

STORY(test_server_close_wait_is_a_leak)
{
	BEGIN;
	see(&st, 60, (struct scene){ .id = 1, .opened = 1, .arrived = 2, .received = 2, .role = ROLE_SERVER,
				     .state = CLOSE_WAIT, .peer_closed = 3 });
	report(&st, 60);
	assert_int_equal(only(&st, VERDICT_CLOSE_WAIT, SEVERITY_LEAK, 1)->confidence, CONFIDENCE_CERTAIN);
	end(&st);
}

STORY(test_young_close_wait_is_nothing)
{
	BEGIN;
	see(&st, 60, (struct scene){ .id = 1, .opened = 1, .sent = 55, .role = ROLE_SERVER, .state = CLOSE_WAIT,
				     .peer_closed = 55 });
	report(&st, 60);
	assert_int_equal(st.report.nfindings, 0);
	end(&st);
}

static void stood_still(struct story *st, double from, double to)
{
	struct ev_standstill ev = { .head = made_head(EV_STANDSTILL, sizeof(ev), START_NS + (__u64)(to * SEC)),
				    .from_ns = START_NS + (__u64)(from * SEC) };

	session_event(&st->session, &ev.head);
}

/* Nobody ran: neither the application that has yet to close nor anybody who could use the idle one. */
STORY(test_what_stood_still_is_not_accused)
{
	BEGIN;
	stood_still(&st, 4, 59);
	see(&st, 60, (struct scene){ .id = 1, .opened = 1, .sent = 2, .role = ROLE_SERVER, .state = CLOSE_WAIT,
				     .peer_closed = 3 });
	see(&st, 60, (struct scene){ .id = 2, .opened = 1, .sent = 2 });
	report(&st, 60);
	assert_int_equal(st.report.nfindings, 0);
	end(&st);
}

STORY(test_half_close_that_still_sends_is_info)
{
	BEGIN;
	see(&st, 60, (struct scene){ .id = 1, .opened = 1, .sent = 59, .role = ROLE_SERVER, .state = CLOSE_WAIT,
				     .peer_closed = 3 });
	report(&st, 60);
	only(&st, VERDICT_CLOSE_WAIT, SEVERITY_INFO, 1);
	end(&st);
}

STORY(test_steady_client_close_wait_is_a_suspect)
{
	BEGIN;
	for (int now = 10; now <= 60; now += 10) {
		see(&st, now, (struct scene){ .id = 1, .opened = 1, .sent = 2, .state = CLOSE_WAIT, .peer_closed = 3 });
		sample(&st, now);
	}
	see(&st, 70, (struct scene){ .id = 1, .opened = 1, .sent = 2, .state = CLOSE_WAIT, .peer_closed = 3 });
	report(&st, 70);
	only(&st, VERDICT_CLOSE_WAIT, SEVERITY_SUSPECT, 1);
	end(&st);
}

STORY(test_client_close_wait_with_newer_connection_is_a_leak)
{
	BEGIN;
	see(&st, 60, (struct scene){ .id = 1, .opened = 1, .sent = 2, .state = CLOSE_WAIT, .peer_closed = 3 });
	see(&st, 60, (struct scene){ .id = 2, .opened = 20, .sent = 59.5 });
	report(&st, 60);
	only(&st, VERDICT_CLOSE_WAIT, SEVERITY_LEAK, 1);
	end(&st);
}

static void unread_case(struct story *st, struct scene sc)
{
	see(st, 30, sc);
	sample(st, 30);
	see(st, 60, sc);
	report(st, 60);
}

STORY(test_answer_read_in_part_is_a_leak)
{
	BEGIN;
	unread_case(&st, (struct scene){ .id = 1, .opened = 1, .sent = 2, .arrived = 2.1, .received = 2.2, .unread = 10,
					 .seq = 5, .conn_flags = CONN_RECV_LEFT });
	only(&st, VERDICT_UNREAD, SEVERITY_LEAK, 1);
	end(&st);
}

STORY(test_answer_not_read_at_all_is_a_leak)
{
	BEGIN;
	unread_case(&st, (struct scene){ .id = 1, .opened = 1, .received = 2, .sent = 3, .arrived = 4, .unread = 10 });
	only(&st, VERDICT_UNREAD, SEVERITY_LEAK, 1);
	end(&st);
}

STORY(test_unsolicited_data_is_info)
{
	BEGIN;
	unread_case(&st, (struct scene){ .id = 1, .opened = 1, .sent = 2, .received = 3, .arrived = 9, .unread = 10 });
	only(&st, VERDICT_UNREAD, SEVERITY_INFO, 1);
	end(&st);
}

STORY(test_unread_request_is_a_suspect)
{
	BEGIN;
	unread_case(&st, (struct scene){ .id = 1, .opened = 1, .arrived = 2, .unread = 10, .role = ROLE_SERVER });
	only(&st, VERDICT_UNREAD, SEVERITY_SUSPECT, 1);
	end(&st);
}

STORY(test_stopped_process_is_info)
{
	BEGIN;
	unread_case(&st, (struct scene){ .id = 1, .opened = 1, .sent = 2, .arrived = 2.1, .unread = 10,
					 .seen_flags = SEEN_STOPPED });
	only(&st, VERDICT_UNREAD, SEVERITY_INFO, 1);
	end(&st);
}

STORY(test_slow_reader_is_nothing)
{
	BEGIN;
	see(&st, 59, (struct scene){ .id = 1, .opened = 1, .sent = 2, .arrived = 58, .received = 58.5, .unread = 99, .seq = 5 });
	sample(&st, 59);
	see(&st, 60, (struct scene){ .id = 1, .opened = 1, .sent = 2, .arrived = 59, .received = 59.5, .unread = 98, .seq = 6 });
	report(&st, 60);
	assert_int_equal(st.report.nfindings, 0);
	end(&st);
}

STORY(test_ownerless)
{
	BEGIN;
	see(&st, 60, (struct scene){ .id = 1, .opened = 1, .sent = 2, .opener = 100, .holder = 200,
				     .seen_flags = SEEN_OPENER_CHECKED });
	report(&st, 60);
	assert_int_equal(only(&st, VERDICT_OWNERLESS, SEVERITY_SUSPECT, 1)->holder.pid, 200);
	end(&st);
}

STORY(test_holder_that_receives_is_not_ownerless)
{
	BEGIN;
	see(&st, 60, (struct scene){ .id = 1, .opened = 1, .sent = 2, .received = 3, .opener = 100, .holder = 200,
				     .seen_flags = SEEN_OPENER_CHECKED });
	report(&st, 60);
	only(&st, VERDICT_IDLE, SEVERITY_INFO, 1);
	end(&st);
}

/* Three quiet ones and a busy newer one. */
static void pool(struct story *st, double newer_opened, enum reader_how reader)
{
	for (__u64 id = 1; id <= 3; id++)
		see(st, 60, (struct scene){ .id = id, .opened = 1, .sent = 20, .received = 20.1, .reader = reader });
	see(st, 60, (struct scene){ .id = 9, .opened = newer_opened, .sent = 59.5, .received = 59.6 });
}

STORY(test_bypassed)
{
	BEGIN;
	pool(&st, 30, READER_NONE);
	report(&st, 60);
	only(&st, VERDICT_BYPASSED, SEVERITY_SUSPECT, 3);
	end(&st);
}

STORY(test_older_busy_connection_bypasses_nobody)
{
	BEGIN;
	pool(&st, 2, READER_NONE);
	report(&st, 60);
	only(&st, VERDICT_IDLE, SEVERITY_INFO, 3);
	end(&st);
}

STORY(test_pool_that_fills_bypasses_nobody)
{
	BEGIN;
	pool(&st, 20.5, READER_NONE); /* within T/10 of the last use */
	report(&st, 60);
	only(&st, VERDICT_IDLE, SEVERITY_INFO, 3);
	end(&st);
}

STORY(test_reader_that_waits_is_not_bypassed)
{
	BEGIN;
	pool(&st, 30, READER_RECV);
	report(&st, 60);
	only(&st, VERDICT_IDLE, SEVERITY_INFO, 3);
	end(&st);
}

STORY(test_two_bypassed_are_info)
{
	BEGIN;
	for (__u64 id = 1; id <= 2; id++)
		see(&st, 60, (struct scene){ .id = id, .opened = 1, .sent = 20 });
	see(&st, 60, (struct scene){ .id = 9, .opened = 30, .sent = 59.5 });
	report(&st, 60);
	only(&st, VERDICT_BYPASSED, SEVERITY_INFO, 2);
	end(&st);
}

STORY(test_replacement_bypasses_nobody)
{
	BEGIN;
	sample(&st, 29);
	closes(&st, 31, 1, 16, 0); /* one of up to 65 s closed when the newer one was opened */
	pool(&st, 30, READER_NONE);
	report(&st, 60);
	only(&st, VERDICT_IDLE, SEVERITY_INFO, 3);
	end(&st);
}

STORY(test_replacement_by_another_thread_bypasses_nobody)
{
	BEGIN;
	sample(&st, 29);
	closes_of(&st, "other", 31, 1, 16, 0);
	pool(&st, 30, READER_NONE);
	report(&st, 60);
	only(&st, VERDICT_IDLE, SEVERITY_INFO, 3);
	end(&st);
}

STORY(test_young_close_is_no_replacement)
{
	BEGIN;
	sample(&st, 29);
	closes(&st, 31, 1, 7, 0); /* one of 128 ms */
	pool(&st, 30, READER_NONE);
	report(&st, 60);
	only(&st, VERDICT_BYPASSED, SEVERITY_SUSPECT, 3);
	end(&st);
}

STORY(test_opened_and_closed_again_meanwhile_counts)
{
	BEGIN;
	sample(&st, 29);
	closes(&st, 31, 1, 4, 30.5);
	for (__u64 id = 1; id <= 3; id++)
		see(&st, 60, (struct scene){ .id = id, .opened = 1, .sent = 20 });
	report(&st, 60);
	only(&st, VERDICT_BYPASSED, SEVERITY_SUSPECT, 3);
	end(&st);
}

STORY(test_loss_makes_unverified)
{
	struct ev_counters lost = { .head = made_head(EV_COUNTERS, sizeof(lost), AT(60)) };
	const struct finding *f;

	BEGIN;
	lost.value[CNT_LOST_MAP] = 50;
	session_event(&st.session, &lost.head);
	pool(&st, 30, READER_NONE);
	report(&st, 60);
	f = only(&st, VERDICT_BYPASSED, SEVERITY_INFO, 3);
	assert_int_equal(f->confidence, CONFIDENCE_UNVERIFIED);
	assert_non_null(strstr(f->reason, "50 openings or closings were lost"));
	end(&st);
}

STORY(test_growing)
{
	BEGIN;
	for (int i = 1; i <= 4; i++) {
		for (int id = 1; id <= i; id++)
			see(&st, 20 * i, (struct scene){ .id = id, .opened = 1 + 20 * (id - 1) });
		if (i < 4)
			sample(&st, 20 * i);
	}
	report(&st, 80);
	only(&st, VERDICT_GROWING, SEVERITY_SUSPECT, 4);
	end(&st);
}

/* One thread's connections are replaced by another's, which rest: the process has no more than it had. */
STORY(test_turnover_between_threads_does_not_grow)
{
	BEGIN;
	for (int i = 1; i <= 4; i++) {
		for (int id = 1; id <= 4; id++)
			see(&st, 20 * i, (struct scene){ .id = id, .opened = 1 + 20 * (id - 1),
							 .sent = id > i ? 20 * i - 1 : 0,
							 .thread = id > i ? "other" : NULL });
		if (i < 4)
			sample(&st, 20 * i);
	}
	report(&st, 80);
	only(&st, VERDICT_IDLE, SEVERITY_INFO, 4);
	end(&st);
}

/* Every look finds one more of the same four quiet: the load fades. */
STORY(test_fading_load_does_not_grow)
{
	BEGIN;
	for (int i = 0; i <= 4; i++) {
		double now = 20 + 2 * i;

		for (int id = 1; id <= 4; id++)
			see(&st, now, (struct scene){ .id = id, .opened = 1, .sent = 8.5 + 2 * id });
		if (i < 4)
			sample(&st, now);
	}
	report(&st, 28);
	assert_int_equal(st.report.findings[0].verdict, VERDICT_IDLE);
	end(&st);
}

STORY(test_churn)
{
	BEGIN;
	sample(&st, 10);
	closes(&st, 20, 200, 3, 0);
	report(&st, 20);
	only(&st, VERDICT_CHURN, SEVERITY_INFO, 200);
	end(&st);
}

STORY(test_turnover_is_no_churn)
{
	BEGIN;
	sample(&st, 10);
	closes(&st, 20, 200, 15, 0); /* mass close of old ones */
	report(&st, 20);
	assert_int_equal(st.report.nfindings, 0);
	end(&st);
}

static void reaped_case(struct story *st, double used, enum reads reads, bool program)
{
	struct ended e = { .reads = reads };

	e.k.c = made_client();
	e.k.c.origin = ORIGIN_TRACED;
	e.k.c.closed_ns = AT(60);
	e.k.recv_ns = START_NS + (__u64)(used * SEC);
	e.k.c.receiver = e.k.c.opener;
	st->session.ev.program = program;
	st->ended = &e;
	report(st, 60);
	st->ended = NULL;
}

STORY(test_reaped)
{
	BEGIN;
	reaped_case(&st, 5, READS_NOBODY, false);
	only(&st, VERDICT_REAPED, SEVERITY_SUSPECT, 1);
	reaped_case(&st, 59, READS_NOBODY, false);
	only(&st, VERDICT_REAPED, SEVERITY_INFO, 1);
	reaped_case(&st, 5, READS_SOMEBODY, false);
	only(&st, VERDICT_REAPED, SEVERITY_INFO, 1);
	reaped_case(&st, 59, READS_NOBODY, true);
	only(&st, VERDICT_REAPED, SEVERITY_SUSPECT, 1);
	end(&st);
}

/* A program that ends with its peer's close unanswered leaked when it went on opening, by whichever thread. */
STORY(test_program_that_ends_in_close_wait)
{
	struct ended e = { .reads = READS_NOBODY };
	BEGIN;

	e.k.c = made_client();
	e.k.c.opener = made_actor(4121, 4121, "orders");
	e.k.c.peer_closed_ns = AT(20);
	e.k.c.closed_ns = AT(60);
	st.session.ev.program = true;
	st.ended = &e;
	closes_of(&st, "orders", 15, 1, 10, 14);
	report(&st, 60);
	only(&st, VERDICT_CLOSE_WAIT, SEVERITY_SUSPECT, 1);
	closes_of(&st, "other", 55, 1, 10, 54);
	report(&st, 60);
	only(&st, VERDICT_CLOSE_WAIT, SEVERITY_LEAK, 1);
	end(&st);
}

STORY(test_growth_between_reports)
{
	BEGIN;
	see(&st, 30, (struct scene){ .id = 1, .opened = 1 });
	report(&st, 30);
	assert_false(st.report.findings[0].has_growth);
	see(&st, 60, (struct scene){ .id = 1, .opened = 1 });
	see(&st, 60, (struct scene){ .id = 2, .opened = 2 });
	report(&st, 60);
	assert_true(st.report.findings[0].has_growth);
	assert_int_equal(st.report.findings[0].growth, 1);
	end(&st);
}

STORY(test_opinions_name_the_innocent)
{
	BEGIN;
	st.opt.opinions = true;
	see(&st, 60, (struct scene){ .id = 1, .opened = 1, .sent = 59 });
	report(&st, 60);
	assert_int_equal(st.report.nfindings, 0);
	assert_int_equal(st.report.nopinions, 1);
	assert_int_equal(st.report.opinions[0].verdict, VERDICT_NONE);
	assert_non_null(strstr(st.report.opinions[0].why, "in use"));
	end(&st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server_close_wait_is_a_leak),
		cmocka_unit_test(test_young_close_wait_is_nothing),
		cmocka_unit_test(test_what_stood_still_is_not_accused),
		cmocka_unit_test(test_half_close_that_still_sends_is_info),
		cmocka_unit_test(test_steady_client_close_wait_is_a_suspect),
		cmocka_unit_test(test_client_close_wait_with_newer_connection_is_a_leak),
		cmocka_unit_test(test_answer_read_in_part_is_a_leak),
		cmocka_unit_test(test_answer_not_read_at_all_is_a_leak),
		cmocka_unit_test(test_unsolicited_data_is_info),
		cmocka_unit_test(test_unread_request_is_a_suspect),
		cmocka_unit_test(test_stopped_process_is_info),
		cmocka_unit_test(test_slow_reader_is_nothing),
		cmocka_unit_test(test_ownerless),
		cmocka_unit_test(test_holder_that_receives_is_not_ownerless),
		cmocka_unit_test(test_bypassed),
		cmocka_unit_test(test_older_busy_connection_bypasses_nobody),
		cmocka_unit_test(test_pool_that_fills_bypasses_nobody),
		cmocka_unit_test(test_reader_that_waits_is_not_bypassed),
		cmocka_unit_test(test_two_bypassed_are_info),
		cmocka_unit_test(test_replacement_bypasses_nobody),
		cmocka_unit_test(test_replacement_by_another_thread_bypasses_nobody),
		cmocka_unit_test(test_young_close_is_no_replacement),
		cmocka_unit_test(test_opened_and_closed_again_meanwhile_counts),
		cmocka_unit_test(test_loss_makes_unverified),
		cmocka_unit_test(test_growing),
		cmocka_unit_test(test_turnover_between_threads_does_not_grow),
		cmocka_unit_test(test_fading_load_does_not_grow),
		cmocka_unit_test(test_churn),
		cmocka_unit_test(test_turnover_is_no_churn),
		cmocka_unit_test(test_reaped),
		cmocka_unit_test(test_program_that_ends_in_close_wait),
		cmocka_unit_test(test_growth_between_reports),
		cmocka_unit_test(test_opinions_name_the_innocent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
