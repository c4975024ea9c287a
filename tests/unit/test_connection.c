// SPDX-License-Identifier: GPL-2.0-only
/* When a connection was last used, and which filters it passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "made_up.h"

#define NOW (START_NS + 60 * SEC)

static struct connection set(const struct conn *c, const struct sock_facts *f)
{
	struct ev_session ev = made_session();
	struct session s = {};
	struct connection k = {};

	session_event(&s, &ev.head);
	connection_set(&k, &s, c, f, NOW);
	return k;
}

static void expect_use(const struct connection *k, __u64 time_ns, enum direction direction, __u32 pid)
{
	struct last_use use = connection_last_use(k);

	assert_true(use.time_ns == time_ns);
	assert_int_equal(use.direction, direction);
	assert_int_equal(use.who.pid, pid);
}

static void never_used(void **state)
{
	struct conn c = made_client();
	struct sock_facts f = made_facts(NOW);
	struct connection k;

	(void)state;
	/* Its clocks stand at the handshake, but no byte was sent or came. */
	f.tx_bytes = f.rx_bytes = 0;
	k = set(&c, &f);
	assert_true(!k.sent_ns && !k.arrived_ns);
	expect_use(&k, c.opened_ns, DIR_NONE, 0);
	/* Not looked at: nothing is known. */
	f = (struct sock_facts){ .tx_bytes = 5, .sent_jiffies = 5 };
	c.recv_jiffies = 77;
	k = set(&c, &f);
	assert_true(!k.sent_ns && !k.recv_ns && !k.arrived_ns);
	expect_use(&k, c.opened_ns, DIR_NONE, 0);
}

static void sent_last(void **state)
{
	struct conn c = made_client();
	struct sock_facts f = made_facts(NOW);
	struct connection k;

	(void)state;
	f.sent_jiffies = made_tick(NOW - SEC);
	k = set(&c, &f);
	expect_use(&k, NOW - SEC, DIR_SEND, 0);
	/* What was read before does not matter. */
	c.recv_jiffies = made_tick(NOW - 2 * SEC);
	c.receiver = made_actor(5, 6, "reader");
	k = set(&c, &f);
	expect_use(&k, NOW - SEC, DIR_SEND, 0);
}

/* Where senders are traced, who sent last stands in the closer's place while the connection is open. */
static void sender(void **state)
{
	struct conn c = made_client();
	struct sock_facts f = made_facts(NOW);
	struct connection k;

	(void)state;
	c.closer = made_actor(7, 8, "writer");
	f.unread = 10;
	k = set(&c, &f);
	expect_use(&k, NOW - 3 * SEC, DIR_SEND, 7);
	/* closed: the closer is the closer */
	c.closed_ns = NOW;
	k = set(&c, &f);
	expect_use(&k, NOW - 3 * SEC, DIR_SEND, 0);
	/* used by a receive that was not seen: not by who sent before it */
	c.closed_ns = 0;
	f.unread = 0;
	k = set(&c, &f);
	expect_use(&k, NOW - 2 * SEC, DIR_RECV, 0);
}

static void received_last(void **state)
{
	struct conn c = made_client();
	struct sock_facts f = made_facts(NOW);
	struct connection k;

	(void)state;
	c.recv_jiffies = made_tick(NOW - SEC);
	c.receiver = made_actor(5, 6, "reader");
	k = set(&c, &f);
	expect_use(&k, NOW - SEC, DIR_RECV, 5);
	/* In the same tick as the send: the answer comes after the request. */
	f.sent_jiffies = c.recv_jiffies;
	k = set(&c, &f);
	expect_use(&k, NOW - SEC, DIR_RECV, 5);
	/* Data that came after the last receive is no use by the application. */
	f.arrived_jiffies = made_tick(NOW);
	k = set(&c, &f);
	expect_use(&k, NOW - SEC, DIR_RECV, 5);
}

static void receive_not_seen(void **state)
{
	struct conn c = made_client();
	struct sock_facts f = made_facts(NOW);
	struct connection k = set(&c, &f);

	(void)state;
	expect_use(&k, NOW - 2 * SEC, DIR_RECV, 0);
	f.unread = 10;
	k = set(&c, &f);
	expect_use(&k, NOW - 3 * SEC, DIR_SEND, 0);
	f.unread = 0;
	f.arrived_jiffies = f.sent_jiffies;
	k = set(&c, &f);
	expect_use(&k, NOW - 3 * SEC, DIR_SEND, 0);
}

/* The tick counter stands for up to a tick's length: a send right after the opening may seem to be before it. */
static void coarse_ticks(void **state)
{
	struct conn c = made_client();
	struct sock_facts f = made_facts(NOW);
	struct connection k;

	(void)state;
	c.opened_ns += 3 * MSEC;
	f.sent_jiffies = f.arrived_jiffies = made_tick(c.opened_ns);
	k = set(&c, &f);
	assert_true(k.sent_ns == c.opened_ns + c.connect_ns);
	expect_use(&k, c.opened_ns + c.connect_ns, DIR_SEND, 0);
}

static void snapshot_used_before(void **state)
{
	struct conn c = made_server();
	struct sock_facts f = made_facts(NOW);
	struct connection k;

	(void)state;
	c.opened_ns = NOW - MSEC;
	k = set(&c, &f);
	assert_true(k.sent_ns == NOW - 3 * SEC);
	expect_use(&k, NOW - 2 * SEC, DIR_RECV, 0);
	f.unread = 1;
	k = set(&c, &f);
	expect_use(&k, NOW - 3 * SEC, DIR_SEND, 0);
	assert_true(connection_age_ns(&k, NOW) == MSEC);
	assert_true(connection_age_ns(&k, 0) == 0);
}

static void fds(void **state)
{
	struct holder h[2] = { { .who = { .pid = 1 }, .fd = 3 }, { .who = { .pid = 4121 }, .fd = 9 } };
	struct connection k = { .c = made_client() };

	(void)state;
	assert_int_equal(connection_fd(&k), 7);
	k.holders = h;
	k.nholders = 2;
	assert_int_equal(connection_fd(&k), 9);
	h[0].who.pid = 4121; /* two of the opener: the one it began with when it is among them */
	assert_int_equal(connection_fd(&k), 3);
	h[1].fd = 7;
	assert_int_equal(connection_fd(&k), 7);
	h[0].who.pid = h[1].who.pid = 1;
	assert_int_equal(connection_fd(&k), -1);
	k.nholders = 1;
	assert_int_equal(connection_fd(&k), 3);
}

static bool passes(const struct connection *k, struct filter f)
{
	return connection_matches(k, &f);
}

#define PASSES(k, ...) passes(k, (struct filter){ __VA_ARGS__ })

static void ports(void **state)
{
	struct connection k = { .c = made_client() }; /* 40000 -> 5432 */

	(void)state;
	assert_true(PASSES(&k, .port = { 0 }));
	assert_true(PASSES(&k, .port = { 5432 }));
	assert_true(PASSES(&k, .port = { 1, 40000 }));
	assert_false(PASSES(&k, .port = { 1, 2 }));
	assert_true(PASSES(&k, .lport = { 40000 }));
	assert_false(PASSES(&k, .lport = { 5432 }));
	assert_true(PASSES(&k, .rport = { 1, 5432 }));
	assert_false(PASSES(&k, .rport = { 40000 }));
	assert_true(PASSES(&k, .port = { 5432 }, .lport = { 40000 }, .rport = { 5432 }));
	assert_false(PASSES(&k, .port = { 5432 }, .lport = { 1 }));
	assert_true(PASSES(&k, .port = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 5432 }));
	k.c.lport = 0;
	assert_false(PASSES(&k, .lport = { 40000 }));
}

static void processes(void **state)
{
	struct holder h = { .who = { .pid = 50 }, .fd = 3 };
	struct connection k = { .c = made_client(), .holders = &h, .nholders = 1 };

	(void)state;
	assert_true(PASSES(&k, .pids = { 1, 4121 }, .npids = 2));
	assert_true(PASSES(&k, .pids = { 50 }, .npids = 1));
	assert_false(PASSES(&k, .pids = { 1, 2 }, .npids = 2));
	assert_true(PASSES(&k, .pids = { 1 }, .npids = 1, .children = 1));
	assert_true(PASSES(&k, .has_comm = 1, .comm = "orders"));
	assert_false(PASSES(&k, .has_comm = 1, .comm = "order"));
	assert_false(PASSES(&k, .has_comm = 1, .comm = "orders2"));
}

static void kinds(void **state)
{
	struct connection k = { .c = made_client(), .sock = { .state = 1 } };

	(void)state;
	assert_true(PASSES(&k, .family = 4));
	assert_false(PASSES(&k, .family = 6));
	assert_true(PASSES(&k, .role = ROLE_CLIENT));
	assert_false(PASSES(&k, .role = ROLE_SERVER));
	assert_true(PASSES(&k, .state = 1));
	assert_false(PASSES(&k, .state = 8));
	k.c.closed_ns = NOW;
	assert_true(PASSES(&k, .state = 8));
}

static void nets(void **state)
{
	struct connection k = { .c = made_client() }, k6 = { .c = made_server() };

	(void)state;
	assert_true(PASSES(&k, .net_family = 4, .net = { 10 }, .net_bits = 8));
	assert_true(PASSES(&k, .net_family = 4, .net = { 10, 0, 3, 7 }, .net_bits = 32));
	assert_true(PASSES(&k, .net_family = 4, .net = { 10, 0, 0, 1 }, .net_bits = 32));
	assert_false(PASSES(&k, .net_family = 4, .net = { 10, 0, 0, 2 }, .net_bits = 32));
	assert_true(PASSES(&k, .net_family = 4, .net = { 10, 0, 2 }, .net_bits = 23));
	assert_false(PASSES(&k, .net_family = 4, .net = { 10, 0, 4 }, .net_bits = 22));
	assert_true(PASSES(&k, .net_family = 4, .net_bits = 0));
	assert_false(PASSES(&k6, .net_family = 4, .net_bits = 0));
	assert_true(PASSES(&k6, .net_family = 6, .net = { 0x20, 0x01, 0x0d, 0xb8 }, .net_bits = 33));
	assert_true(PASSES(&k6, .net_family = 6, .net = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 }, .net_bits = 128));
	assert_false(PASSES(&k6, .net_family = 6, .net = { 0x20, 0x01, 0x0d, 0xb8, [15] = 2 }, .net_bits = 128));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_used),	 cmocka_unit_test(sent_last),
		cmocka_unit_test(sender),	 cmocka_unit_test(received_last),
		cmocka_unit_test(receive_not_seen), cmocka_unit_test(coarse_ticks),
		cmocka_unit_test(snapshot_used_before),
		cmocka_unit_test(fds),		 cmocka_unit_test(ports),	 cmocka_unit_test(processes),
		cmocka_unit_test(kinds),	 cmocka_unit_test(nets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
