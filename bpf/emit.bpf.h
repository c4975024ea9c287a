/* SPDX-License-Identifier: GPL-2.0-only */
/* emit.bpf.h - saying an event. */
#ifndef CONNLIFE_EMIT_BPF_H
#define CONNLIFE_EMIT_BPF_H

#include "config.bpf.h"

/*
 * User space drains on a timer; it is woken only when the buffer fills faster than that. A wake-up per event (the
 * ring buffer's default) costs three quarters of the throughput of a connect/close loop on two cores.
 */
static __always_inline __u64 wake_up_flag(void)
{
	/* every 16th event of a CPU asks: the fill level moves by 4 kB in between */
	if (count(CNT_SAID) & 15 || bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) < cfg.wake_bytes)
		return BPF_RB_NO_WAKEUP;
	return BPF_RB_FORCE_WAKEUP;
}

/* Say one connection event. sock facts are left zero (unknown) when tp is NULL. */
static __always_inline void emit_conn(__u16 kind, const struct conn *c, __u64 now, struct sock *sk, struct tcp_sock *tp)
{
	struct ev_conn *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e) {
		count(CNT_LOST_RING);
		return;
	}
	e->head.size = sizeof(*e);
	e->head.kind = kind;
	e->head.pad = 0;
	e->head.time_ns = now;
	__builtin_memcpy(&e->conn, c, sizeof(e->conn));
	__builtin_memset(&e->sock, 0, sizeof(e->sock));
	if (tp)
		sock_facts(&e->sock, sk, tp);
	bpf_ringbuf_submit(e, wake_up_flag());
}

#endif
