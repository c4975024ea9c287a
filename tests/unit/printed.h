/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * printed.h - runs an output over a made-up session and keeps what it printed. Times are UTC.
 */
#ifndef CONNLIFE_TESTS_PRINTED_H
#define CONNLIFE_TESTS_PRINTED_H

#include <stdlib.h>
#include <time.h>
#include "../../src/output/output.h"
#include "made_up.h"

struct printed {
	struct session session;
	struct output o;
	char *text;
	size_t len;
};

static inline void printed_begin(struct printed *p, const struct output_ops *ops)
{
	struct ev_session ev = made_session();
	__u64 room[16] = {};

	setenv("TZ", "UTC", 1);
	tzset();
	memset(p, 0, sizeof(*p));
	session_event(&p->session, &ev.head);
	session_event(&p->session, &made_cgroup(room, 77, "/system.slice/orders.service")->head);
	p->o = (struct output){ .ops = ops, .session = &p->session, .events = true };
	p->o.file = open_memstream(&p->text, &p->len);
	assert_non_null(p->o.file);
}

/* Compares all that was printed since the last call, and forgets it. */
static inline void printed_expect(struct printed *p, const char *want)
{
	fclose(p->o.file);
	assert_string_equal(p->text, want);
	free(p->text);
	p->o.file = open_memstream(&p->text, &p->len);
	assert_non_null(p->o.file);
}

static inline void printed_end(struct printed *p)
{
	fclose(p->o.file);
	free(p->text);
	session_free(&p->session);
}

/* The client, closed by its own process after 2.5 s. */
static inline struct connection printed_closed(const struct printed *p)
{
	struct conn c = made_client();
	struct sock_facts f;
	struct connection k = {};

	c.closed_ns = c.opened_ns + 2500 * MSEC;
	c.how = HOW_APP;
	c.closer = made_actor(4121, 4130, "orders");
	f = made_facts(c.closed_ns);
	connection_set(&k, &p->session, &c, &f, c.closed_ns);
	return k;
}

/* A connect that was refused after 1 ms; of the socket nothing but its error is known. */
static inline struct connection printed_failed(const struct printed *p)
{
	struct conn c = made_client();
	struct sock_facts f = { .err = 111 };
	struct connection k = {};

	c.connect_ns = 0;
	c.cgroup = 5; /* no path was said */
	c.fd = -1;
	c.lport = 0;
	memset(c.laddr, 0, sizeof(c.laddr));
	c.closed_ns = c.opened_ns + MSEC;
	connection_set(&k, &p->session, &c, &f, c.closed_ns);
	return k;
}

/* The server's connection at START_NS + 60 s, in CLOSE_WAIT, held by two. The holders belong to the caller. */
static inline struct connection printed_open(const struct printed *p, struct holder holders[2])
{
	__u64 now = START_NS + 60 * SEC;
	struct conn c = made_server();
	struct sock_facts f = made_facts(now);
	struct connection k = {};

	c.recv_jiffies = made_tick(now - SEC);
	c.receiver = made_actor(900, 901, "worker");
	c.peer_closed_ns = now - 500 * MSEC;
	f.state = 8;
	f.rtt_us = 0;
	holders[0] = (struct holder){ .who = made_actor(900, 0, "nginx"), .fd = 11 };
	holders[1] = (struct holder){ .fd = -1 };
	k.holders = holders;
	k.nholders = 2;
	k.reader = READER_RECV;
	k.reader_pid = 900;
	k.reader_tid = 901;
	connection_set(&k, &p->session, &c, &f, now);
	return k;
}

#endif
