// SPDX-License-Identifier: GPL-2.0-only
/*
 * make_golden.c - writes recordings that never happened: the same bytes each time, with every kind of event and the
 * odd things that a real host shows rarely. `make_golden FILE` writes the whole one; the expected outputs beside it say
 * what each format must make of it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "../../src/events/recording.h"

#define SEC 1000000000ULL
#define MSEC 1000000ULL
#define START (1000 * SEC)
#define HZ 250
#define START_JIFFIES 0xffffec78U /* 20 s before the counter wraps */

static struct ev_head head(__u16 kind, size_t size, __u64 time_ns)
{
	return (struct ev_head){ .size = (__u32)size, .kind = kind, .time_ns = time_ns };
}

static __u32 tick(__u64 ns)
{
	return START_JIFFIES + (__u32)((ns - START) / (SEC / HZ));
}

static struct actor actor(__u32 pid, __u32 tid, const char *comm)
{
	struct actor a = { .pid = pid, .tid = tid };

	strncpy(a.comm, comm, COMM_LEN - 1);
	return a;
}

static void write_session(struct recording *r)
{
	struct ev_session s = {
		.head = head(EV_SESSION, sizeof(s), START),
		.wall_ns = 1767323045678901234ULL, /* 2026-01-02T03:04:05.678901234Z */
		.version = EVENTS_VERSION,
		.hz = HZ,
		.host = "golden",
		.kernel = "6.12.0-golden",
		.boot_id = "00000000-1111-2222-3333-444444444444",
		.tool = "0.0-golden",
		.command = "connlife trace --events -w golden.rec",
		.older_ns = 60 * SEC,
		.last_use = 1,
	};

	recording_write(r, &s.head);
}

static void write_flavours(struct recording *r)
{
	static const char *const facts[][2] = {
		{ "connect", "fentry" }, { "accept", "kprobe" }, { "close", "tracepoint" },
	};

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		struct ev_flavour f = { .head = head(EV_FLAVOUR, sizeof(f), START) };

		strcpy(f.fact, facts[i][0]);
		strcpy(f.flavour, facts[i][1]);
		recording_write(r, &f.head);
	}
}

static void write_cgroup(struct recording *r, __u64 id, const char *path)
{
	union {
		struct ev_cgroup ev;
		__u64 room[32];
	} g = {};

	g.ev.head = head(EV_CGROUP, sizeof(g.ev) + (strlen(path) + 8) / 8 * 8, START);
	g.ev.id = id;
	memcpy((char *)g.room + sizeof(g.ev), path, strlen(path) + 1);
	recording_write(r, &g.ev.head);
}

/* Of a kind that this version does not know; readers skip it. */
static void write_newer(struct recording *r)
{
	struct ev_head ev[3] = { head(4242, sizeof(ev), START + SEC) };

	recording_write(r, ev);
}

static struct conn client(__u64 id, __u64 opened_ns)
{
	return (struct conn){
		.id = id,
		.opened_ns = opened_ns,
		.connect_ns = 750000,
		.cgroup = 101,
		.opener = actor(4121, 4122, "orders"),
		.laddr = { 10, 0, 0, 1 },
		.raddr = { 10, 0, 3, 7 },
		.lport = (__u16)(40000 + id),
		.rport = 5432,
		.netns = 4026531840U,
		.family = 4,
		.role = ROLE_CLIENT,
		.origin = ORIGIN_TRACED,
		.flags = CONN_ESTABLISHED | CONN_OPENER_SEEN,
		.fd = (__s32)id,
	};
}

static struct conn server(__u64 id, __u64 opened_ns)
{
	return (struct conn){
		.id = id,
		.opened_ns = opened_ns,
		.cgroup = 102,
		.opener = actor(900, 901, "nginx"),
		.laddr = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 },
		.raddr = { 0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff, [14] = 0x12, [15] = (__u8)id },
		.lport = 443,
		.rport = (__u16)(50000 + id),
		.netns = 4026531840U,
		.family = 6,
		.role = ROLE_SERVER,
		.origin = ORIGIN_TRACED,
		.flags = CONN_ESTABLISHED | CONN_OPENER_SEEN,
		.fd = -1,
	};
}

/* Looked at now: last sent `sent` ago, last data came `arrived` ago. */
static struct sock_facts facts(__u64 now, __u64 sent, __u64 arrived, __u8 state)
{
	return (struct sock_facts){
		.tx_bytes = 123456,
		.rx_bytes = 7890,
		.rtt_us = 431,
		.retransmits = 2,
		.now_jiffies = tick(now),
		.sent_jiffies = tick(now - sent),
		.arrived_jiffies = tick(now - arrived),
		.copied_seq = 99,
		.state = state,
	};
}

static void write_conn(struct recording *r, __u16 kind, __u64 now, const struct conn *c, const struct sock_facts *f)
{
	struct ev_conn ev = { .head = head(kind, sizeof(ev), now), .conn = *c, .sock = *f };

	recording_write(r, &ev.head);
}

static void write_open(struct recording *r, const struct conn *c)
{
	struct sock_facts f = { .now_jiffies = tick(c->opened_ns), .rtt_us = 431, .state = 1 };

	write_conn(r, EV_OPEN, c->opened_ns + c->connect_ns, c, &f);
}

/* One connection for every way to end. */
static void write_closes(struct recording *r)
{
	static const char *const comms[] = { "orders", "a b,\"c\"", "bad\xff\xc3", "tab\tnl\n\x1b[31m",
					     "\xc3\xa4\xe2\x82\xac" };

	for (__u8 how = HOW_APP; how <= HOW_ABORT; how++) {
		__u64 now = START + (5 + how) * SEC;
		struct conn c = how % 2 ? client(how, START + how * SEC) : server(how, START + how * SEC);
		struct sock_facts f = facts(now, 900 * MSEC, 800 * MSEC, 1);

		c.opener = actor(c.opener.pid, c.opener.tid, comms[how - 1]);
		write_open(r, &c);
		c.closed_ns = now;
		c.how = how;
		if (how == HOW_APP || how == HOW_EXIT) {
			c.closer = c.opener;
			c.recv_jiffies = tick(now - 800 * MSEC);
			c.receiver = c.opener;
		}
		if (how == HOW_EXIT)
			c.peer_closed_ns = now - 50 * MSEC;
		write_conn(r, EV_CLOSE, now, &c, how == HOW_RESET ? &(struct sock_facts){} : &f);
	}
}

static void write_odd_closes(struct recording *r)
{
	__u64 now = START + 12 * SEC;
	struct sock_facts f = facts(now, 3 * SEC, 2 * SEC, 8);
	struct conn c = client(20, START + 2 * SEC);

	c.closed_ns = now; /* closed by a process it was handed to */
	c.how = HOW_APP;
	c.closer = actor(4200, 4200, "child");
	c.peer_closed_ns = now - SEC;
	write_conn(r, EV_CLOSE, now, &c, &f);

	c = server(21, START); /* from before the start; opener unknown */
	c.origin = ORIGIN_SNAPSHOT;
	c.opener = (struct actor){};
	c.cgroup = 0;
	c.closed_ns = now;
	c.how = HOW_APP;
	c.closer = actor(900, 902, "nginx");
	c.flags = CONN_ESTABLISHED | CONN_SYNTHETIC_ID;
	write_conn(r, EV_CLOSE, now, &c, &f);
}

static void write_failed(struct recording *r)
{
	static const __u32 errs[] = { ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, 0 };

	for (__u32 i = 0; i < sizeof(errs) / sizeof(errs[0]); i++) {
		__u64 now = START + 13 * SEC + i * MSEC;
		struct conn c = client(30 + i, now - 2 * MSEC);
		struct sock_facts f = { .now_jiffies = tick(now), .err = errs[i], .state = 7 };

		c.flags = CONN_OPENER_SEEN;
		c.connect_ns = 0;
		c.closed_ns = now;
		if (!errs[i]) { /* given up by the application */
			c.how = HOW_APP;
			c.closer = c.opener;
			c.lport = 0;
			memset(c.laddr, 0, sizeof(c.laddr));
		}
		write_conn(r, EV_FAILED, now, &c, &f);
	}
}

static void write_seen(struct recording *r, __u64 now, const struct conn *c, const struct sock_facts *f,
		       struct actor holder, __s32 fd, __u8 reader, __u8 flags)
{
	struct ev_seen ev = {
		.head = head(EV_SEEN, sizeof(ev), now),
		.conn = *c,
		.sock = *f,
		.holder = holder,
		.holder_start_ns = holder.pid ? 10 * SEC : 0,
		.holder_cgroup = holder.pid ? c->cgroup : 0,
		.fd = fd,
		.reader_pid = reader == READER_RECV ? holder.pid : 0,
		.reader_tid = reader == READER_RECV ? holder.tid : 0,
		.reader = reader,
		.flags = flags,
	};

	recording_write(r, &ev.head);
}

/* One look at what is open: every reader, shared and stopped holders, one in flight, one whose opener is gone. */
static void write_look(struct recording *r, __u64 began, __u32 why)
{
	__u64 now = began + MSEC;
	struct ev_look look = { .head = head(EV_LOOK, sizeof(look), now), .began_ns = began, .read_ns = now,
				.why = why };
	const __u8 opener = SEEN_OPENER_ALIVE | SEEN_OPENER_CHECKED | SEEN_IS_OPENER;
	struct actor orders = actor(4121, 4125, "orders");
	struct sock_facts f;

	for (__u8 reader = READER_UNKNOWN; reader <= READER_EPOLL; reader++) {
		struct conn c = client(40 + reader, START + 500 * MSEC);

		f = facts(now, 400 * MSEC, 300 * MSEC, 1);
		c.recv_jiffies = tick(now - 300 * MSEC);
		c.receiver = orders;
		if (reader == READER_EPOLL) { /* a goroutine: tried once more, found nothing */
			c.flags |= CONN_RECV_EAGAIN;
			c.try_jiffies = tick(now - 200 * MSEC);
			c.try_pid = c.try_tid = 4121;
		}
		write_seen(r, now, &c, &f, orders, c.fd, reader, opener);
	}

	struct conn dead = client(50, START + 100 * MSEC); /* the peer closed; two processes have it, one stopped */

	dead.peer_closed_ns = START + 3 * SEC;
	dead.flags |= CONN_RECV_EOF;
	f = facts(now, 900 * MSEC, 950 * MSEC, 8);
	write_seen(r, now, &dead, &f, orders, 50, READER_NONE, opener);
	write_seen(r, now, &dead, &f, actor(4200, 4200, "child"), 3, READER_NONE, SEEN_OPENER_ALIVE | SEEN_STOPPED);

	struct conn old = server(51, START); /* from before the start: unread data, nobody reads */

	old.origin = ORIGIN_SNAPSHOT;
	old.flags = CONN_ESTABLISHED;
	f = facts(now, 800 * MSEC, 700 * MSEC, 1);
	f.unread = 512;
	write_seen(r, now, &old, &f, actor(900, 0, "nginx"), 12, READER_NONE, SEEN_OPENER_CHECKED);

	struct conn flying = client(52, START + 200 * MSEC); /* in no process's fd table, never used */

	f = (struct sock_facts){ .now_jiffies = tick(now), .state = 1, .sent_jiffies = tick(START + 200 * MSEC) };
	write_seen(r, now, &flying, &f, (struct actor){}, -1, READER_UNKNOWN, 0);
	recording_write(r, &look.head);
}

static void write_site(struct recording *r)
{
	struct ev_site ev = {
		.head = head(EV_SITE, sizeof(ev), START + 14 * SEC),
		.key = { .pid = 4300, .netns = 4026531840U, .raddr = { 10, 0, 3, 8 }, .rport = 6379, .family = 4,
			 .role = ROLE_CLIENT, .comm = "cache" },
		.counts = { .last_close_ns = START + 13 * SEC, .newest_open_ns = START + 12 * SEC, .used = 90,
			    .closed = { [2] = 60, [5] = 40 } },
	};

	recording_write(r, &ev.head);
}

static void write_counters(struct recording *r, __u64 now, __u64 lost)
{
	struct ev_counters ev = { .head = head(EV_COUNTERS, sizeof(ev), now) };

	ev.value[CNT_OPENED] = 14;
	ev.value[CNT_CLOSED] = 7;
	ev.value[CNT_FAILED] = 4;
	ev.value[CNT_PRE_EXISTING] = 2;
	for (int c = CNT_LOST; c < CNT_MAX; c++)
		ev.value[c] = lost ? lost + (__u64)c : 0;
	recording_write(r, &ev.head);
}

static void write_standstill(struct recording *r, __u64 from, __u64 to)
{
	struct ev_standstill ev = { .head = head(EV_STANDSTILL, sizeof(ev), to), .from_ns = from };

	recording_write(r, &ev.head);
}

static void write_end(struct recording *r)
{
	struct ev_end ev = { .head = head(EV_END, sizeof(ev), START + 30 * SEC) };

	recording_write(r, &ev.head);
}

int main(int argc, char **argv)
{
	struct recording *r;
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: make_golden FILE\n");
		return 2;
	}
	err = recording_create(argv[1], &r);
	if (!err) {
		write_session(r);
		write_flavours(r);
		write_cgroup(r, 101, "/system.slice/orders.service");
		write_cgroup(r, 102, "/odd \"path\"\xff");
		write_look(r, START + SEC, LOOK_START);
		write_newer(r);
		write_counters(r, START + 4 * SEC, 0);
		write_closes(r);
		write_odd_closes(r);
		write_failed(r);
		write_site(r);
		write_standstill(r, START + 10 * SEC, START + 10 * SEC + 700 * MSEC);
		write_look(r, START + 15 * SEC, LOOK_INTERVAL);
		write_counters(r, START + 29 * SEC, 1);
		write_look(r, START + 29 * SEC, LOOK_FINAL);
		write_end(r);
		err = recording_close(r);
	}
	if (err)
		fprintf(stderr, "make_golden: %s: %s\n", argv[1], strerror(-err));
	return err ? 1 : 0;
}
