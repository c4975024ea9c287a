/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * timeline.h - what each thread opened and closed, in the order in which it happened (not in which it was said: a close
 * is said when the kernel frees the socket). Bounded: the threads that did something last, and their last deeds.
 */
#ifndef CONNLIFE_TIMELINE_H
#define CONNLIFE_TIMELINE_H

#include <stdbool.h>
#include <uthash.h>
#include "../../bpf/events.h"

#define TIMELINE_DEEDS 32
#define TIMELINE_THREADS 8192

enum deed_kind { DEED_OPEN, DEED_CLOSE, DEED_FAIL };

struct deed {
	__u64 time_ns;
	__u64 id; /* connection */
	enum deed_kind kind;
};

struct thread_key {
	__u32 pid, tid;
};

struct thread {
	struct thread_key key;
	char comm[COMM_LEN];
	__u64 opened, closed, failed;
	__u64 closed_elsewhere; /* of those it opened: by another thread or process, or by the kernel */
	struct deed deeds[TIMELINE_DEEDS]; /* the newest, oldest first */
	unsigned int ndeeds;
	UT_hash_handle hh;
};

struct timelines {
	struct thread *threads; /* uthash head, in the order of their last deed */
	__u64 forgotten; /* threads dropped for want of room */
};

/* Takes EV_CLOSE and EV_FAILED, which carry the opening. 0 or -ENOMEM. */
int timelines_event(struct timelines *t, const struct ev_head *ev);
void timelines_free(struct timelines *t);

#endif
