/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * session.h - the frame of one run: who traced, where, since when, by which flavours, and how its times read.
 */
#ifndef CONNLIFE_SESSION_H
#define CONNLIFE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include "../../bpf/events.h"

#define MAX_FLAVOURS 16
#define MAX_STANDSTILLS 16 /* the newest so many are remembered */

struct cgroup_path; /* uthash entry: id -> path */

struct session {
	struct ev_session ev; /* as said at the start; head.size 0 while nothing was said */
	struct ev_flavour flavours[MAX_FLAVOURS];
	size_t nflavours;
	struct cgroup_path *cgroups;
	struct ev_counters counters; /* the newest */
	__u64 last_ns; /* time of the newest event */
	struct standstill {
		__u64 from_ns, to_ns;
	} standstills[MAX_STANDSTILLS]; /* a ring */
	size_t nstandstills; /* ever seen */
	bool ended; /* EV_END was seen: the stream is whole */
	__u32 program_status;
};

/* Takes EV_SESSION, EV_FLAVOUR, EV_CGROUP, EV_COUNTERS, EV_STANDSTILL and EV_END; ignores all others. */
void session_event(struct session *s, const struct ev_head *ev);
void session_free(struct session *s);

/* Path of a cgroup id below the cgroup2 mount ("/system.slice/x.service"); NULL when it was not said. Owned by s. */
const char *session_cgroup(const struct session *s, __u64 id);

/* CLOCK_MONOTONIC ns of this run -> CLOCK_REALTIME ns. */
__u64 session_wall_ns(const struct session *s, __u64 mono_ns);

/*
 * A 32-bit tick count that was read no later than at now_ns, when the counter stood at now_jiffies -> CLOCK_MONOTONIC
 * ns. The counter wraps after 49 days at 1000 Hz: older times come out too young by whole wraps. 0 when then is 0.
 */
__u64 session_tick_ns(const struct session *s, __u32 then, __u32 now_jiffies, __u64 now_ns);

/* How long between two times (CLOCK_MONOTONIC ns) the host ran: what stood still could neither use nor close anything. */
__u64 session_ran_ns(const struct session *s, __u64 from_ns, __u64 to_ns);

/* How long the host stood still in all, as far as that is remembered. */
__u64 session_standstill_ns(const struct session *s);

/* Sum of all loss counters. */
__u64 session_lost(const struct session *s);

/* JSON and doctor name of a loss counter (CNT_LOST <= c < CNT_MAX), and one sentence for people. */
const char *loss_name(enum counter c);
const char *loss_meaning(enum counter c);

#endif
