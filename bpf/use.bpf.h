/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * use.bpf.h - last use: who received last, who tried last and found nothing, and on request who sent last (when, the
 * socket itself tells: lsndtime). Runs at every receive of every socket: times are jiffies and the comm is copied only
 * when the thread changed (figures: README, Overhead).
 */
#ifndef CONNLIFE_USE_BPF_H
#define CONNLIFE_USE_BPF_H

#include "lifecycle.bpf.h"

#define MSG_PEEK 2

/* ret: bytes, 0 for the peer's FIN, or -errno. left: the receive queue is not empty after it. */
static __always_inline void on_receive(struct sock *sk, int ret, bool left)
{
	struct conn *c = conn_of(sk);
	__u64 id;

	if (!c)
		return;
	id = current_pid_tid();
	if (ret > 0) {
		c->recv_jiffies = (__u32)bpf_jiffies64();
		c->flags &= ~(CONN_RECV_EAGAIN | CONN_RECV_EOF | CONN_RECV_LEFT);
		if (left)
			c->flags |= CONN_RECV_LEFT;
		if (c->receiver.tid != (__u32)id)
			actor_is_current(&c->receiver);
	} else if (ret == 0) {
		c->flags |= CONN_RECV_EOF;
	} else if (ret == -EAGAIN) {
		c->try_jiffies = (__u32)bpf_jiffies64();
		c->try_pid = id >> 32;
		c->try_tid = (__u32)id;
		c->flags |= CONN_RECV_EAGAIN;
	}
}

static __always_inline void on_send(struct sock *sk)
{
	struct conn *c = conn_of(sk);

	if (c && c->flags & CONN_ESTABLISHED && !c->closed_ns && c->closer.tid != (__u32)current_pid_tid())
		actor_is_current(&c->closer);
}

#endif
