/* SPDX-License-Identifier: GPL-2.0-only */
/* reader.bpf.h - who waits on a socket, from its wait queue (read when looked at, free otherwise). */
#ifndef CONNLIFE_READER_BPF_H
#define CONNLIFE_READER_BPF_H

#include "config.bpf.h"

#define WAITERS_MAX 8 /* entries of a wait queue that are looked at */

static __always_inline void reader_is(struct look_fd *r, __u8 how, struct task_struct *t)
{
	if (how == READER_EPOLL && r->reader != READER_UNKNOWN && r->reader != READER_NONE)
		return; /* a thread that waits for just this socket says more than a set */
	r->reader = how;
	r->reader_pid = t ? BPF_CORE_READ(t, tgid) : 0;
	r->reader_tid = t ? BPF_CORE_READ(t, pid) : 0;
}

/* A thread inside epoll_wait on the set that e belongs to, or NULL. */
static __always_inline struct task_struct *epoll_waiter(struct wait_queue_entry *e)
{
	struct eppoll_entry *pe = container_of(e, struct eppoll_entry, wait);
	struct eventpoll *ep = BPF_CORE_READ(pe, base, ep);
	struct list_head *head, *first;
	struct wait_queue_entry *w;

	if (!ep)
		return NULL;
	head = &ep->wq.head;
	first = BPF_CORE_READ(head, next);
	if (!first || first == head)
		return NULL;
	w = container_of(first, struct wait_queue_entry, entry);
	return BPF_CORE_READ(w, private);
}

static __always_inline void probe_reader(struct look_fd *r, struct socket_wq *wq)
{
	struct list_head *head, *at;
	bool strange = false;

	if (!wq || !cfg.fn_recv || !cfg.fn_poll || !cfg.fn_epoll)
		return;
	head = &wq->wait.head;
	at = BPF_CORE_READ(head, next);
	r->reader = READER_NONE;
	for (int i = 0; i < WAITERS_MAX && at && at != head; i++) {
		struct wait_queue_entry *e = container_of(at, struct wait_queue_entry, entry);
		__u64 fn = (__u64)BPF_CORE_READ(e, func);

		if (fn == cfg.fn_recv) {
			reader_is(r, READER_RECV, BPF_CORE_READ(e, private));
			return;
		}
		if (fn == cfg.fn_poll) {
			struct poll_wqueues *pwq = BPF_CORE_READ(e, private);

			reader_is(r, READER_POLL, BPF_CORE_READ(pwq, polling_task));
		} else if (fn == cfg.fn_epoll) {
			reader_is(r, READER_EPOLL, epoll_waiter(e));
		} else if (cfg.fn_uring_poll && fn == cfg.fn_uring_poll) {
			reader_is(r, READER_POLL, NULL);
		} else {
			strange = true;
		}
		at = BPF_CORE_READ(at, next);
	}
	if (strange && r->reader == READER_NONE)
		r->reader = READER_UNKNOWN;
}

#endif
