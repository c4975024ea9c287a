/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * connection.h - one TCP connection as far as it is known: the kernel's record, what the socket said when it was last
 * looked at, and who has it open. Times are CLOCK_MONOTONIC ns; 0 = unknown.
 */
#ifndef CONNLIFE_CONNECTION_H
#define CONNLIFE_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include "../../bpf/events.h"

struct session;

struct holder {
	struct actor who;
	int fd; /* -1 = unknown */
	bool stopped;
	bool is_opener; /* by the credentials object of the open file */
};

enum direction { DIR_NONE, DIR_SEND, DIR_RECV };

/* When and how a connection was last used, and by whom as far as that was seen. */
struct last_use {
	__u64 time_ns;
	enum direction direction;
	struct actor who; /* pid 0 = not seen */
};

/* A host has 200 000 of these: no padding, and 376 bytes fill malloc()'s 384. */
struct connection {
	struct conn c;
	struct sock_facts sock; /* now_jiffies 0 = never looked at */
	__u64 looked_ns; /* when sock was read; for an ended connection the time of that event */
	__u64 recv_ns; /* last receive with data, by the application */
	__u64 sent_ns, arrived_ns; /* last data sent and arrived, by the socket's own clock */
	__u64 heard_ns; /* last segment of the peer; in CLOSE_WAIT its FIN came no later */
	struct holder *holders; /* in the order in which the look met them; &holder while there is one */
	__u64 unread_since_ns; /* first look of an unbroken run of looks with the same unread bytes; 0 = none */
	struct connection *next; /* in its chain of the table */
	struct holder holder; /* nearly all have one: an array beside each cost 64 bytes more */
	__u32 prev_copied_seq, prev_unread; /* of the look before, when looked_before */
	__u32 reader_pid, reader_tid;
	__u32 look; /* number of the look that saw it last */
	unsigned int nholders : 25;
	enum reader_how reader : 3;
	bool opener_checked : 1, opener_alive : 1; /* a living process has the opener's credentials object */
	bool looked_before : 1; /* prev_* are known */
	bool found : 1; /* its socket was found in some process by the newest look */
};

/* Fills everything but the holders from an event's parts. The caller owns *k; holders are kept. */
void connection_set(struct connection *k, const struct session *s, const struct conn *c, const struct sock_facts *f,
		    __u64 now_ns);

/* The latest of opening, sends and receives that is known; DIR_NONE when only the opening is. */
struct last_use connection_last_use(const struct connection *k);

/* Age at now_ns; for origin snapshot a lower bound. */
__u64 connection_age_ns(const struct connection *k, __u64 now_ns);

/* fd of the opener's process, or the only holder's; -1 when unknown. */
int connection_fd(const struct connection *k);

/* Does it pass the filter? State is applied only to connections still open. */
bool connection_matches(const struct connection *k, const struct filter *f);

#endif
