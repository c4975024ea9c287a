/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * made_up.h - a session and connections that never were, for the tests of what is said about them.
 * The session began at 100 s on the monotonic clock, 2026-01-02T03:04:05.678901234Z, 250 ticks a second.
 */
#ifndef CONNLIFE_TESTS_MADE_UP_H
#define CONNLIFE_TESTS_MADE_UP_H

#include <string.h>
#include "../../src/model/connection.h"
#include "../../src/model/session.h"

#define SEC 1000000000ULL
#define MSEC 1000000ULL
#define START_NS (100 * SEC)
#define START_WALL_NS 1767323045678901234ULL
#define MADE_HZ 250
#define START_JIFFIES 0xffffff00U /* wraps one second and a bit after the start */

/* The tick at a moment after the start. */
static inline __u32 made_tick(__u64 ns)
{
	return START_JIFFIES + (__u32)((ns - START_NS) / (SEC / MADE_HZ));
}

static inline struct ev_head made_head(__u16 kind, size_t size, __u64 time_ns)
{
	return (struct ev_head){ .size = (__u32)size, .kind = kind, .time_ns = time_ns };
}

static inline struct ev_session made_session(void)
{
	return (struct ev_session){
		.head = made_head(EV_SESSION, sizeof(struct ev_session), START_NS),
		.wall_ns = START_WALL_NS,
		.version = EVENTS_VERSION,
		.hz = MADE_HZ,
		.host = "db1",
		.kernel = "6.12.0",
		.boot_id = "c0ffee",
		.tool = "0.1",
		.command = "connlife trace",
		.last_use = 1,
	};
}

static inline struct ev_cgroup *made_cgroup(void *room, __u64 id, const char *path)
{
	struct ev_cgroup *g = room; /* aligned, large enough and zero */
	size_t len = (strlen(path) + 8) / 8 * 8;

	g->head = made_head(EV_CGROUP, sizeof(*g) + len, START_NS);
	g->id = id;
	memcpy(g->path, path, strlen(path) + 1);
	return g;
}

static inline struct actor made_actor(__u32 pid, __u32 tid, const char *comm)
{
	struct actor a = { .pid = pid, .tid = tid };

	memcpy(a.comm, comm, strlen(comm));
	return a;
}

/* A client's connection 10.0.0.1:40000 -> 10.0.3.7:5432, opened one second after the start in 1.5 ms. */
static inline struct conn made_client(void)
{
	return (struct conn){
		.id = 4660,
		.opened_ns = START_NS + SEC,
		.connect_ns = 1500000,
		.cgroup = 77,
		.opener = made_actor(4121, 4122, "orders"),
		.laddr = { 10, 0, 0, 1 },
		.raddr = { 10, 0, 3, 7 },
		.lport = 40000,
		.rport = 5432,
		.netns = 4026531840U,
		.family = 4,
		.role = ROLE_CLIENT,
		.origin = ORIGIN_TRACED,
		.flags = CONN_ESTABLISHED | CONN_OPENER_SEEN,
		.fd = 7,
	};
}

/* A server's, over IPv6, that was there before the start. */
static inline struct conn made_server(void)
{
	return (struct conn){
		.id = 18446744073709551615ULL,
		.opened_ns = START_NS,
		.opener = made_actor(900, 900, "a \"b\", \xff\n"),
		.laddr = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 },
		.raddr = { 0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0xab, 0xcd },
		.lport = 443,
		.rport = 50000,
		.family = 6,
		.role = ROLE_SERVER,
		.origin = ORIGIN_SNAPSHOT,
		.flags = CONN_ESTABLISHED,
		.fd = -1,
	};
}

/* An established socket that was looked at now: sent 3 s ago 4100 bytes, and 900 came 2 s ago, all read. */
static inline struct sock_facts made_facts(__u64 now_ns)
{
	return (struct sock_facts){
		.tx_bytes = 4100,
		.rx_bytes = 900,
		.rtt_us = 250,
		.now_jiffies = made_tick(now_ns),
		.sent_jiffies = made_tick(now_ns - 3 * SEC),
		.arrived_jiffies = made_tick(now_ns - 2 * SEC),
		.state = 1,
	};
}

#endif
