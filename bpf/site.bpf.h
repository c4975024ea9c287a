/* SPDX-License-Identifier: GPL-2.0-only */
/* site.bpf.h - closes counted per site, so that quiet mode knows churn and turnover without an event per close. */
#ifndef CONNLIFE_SITE_BPF_H
#define CONNLIFE_SITE_BPF_H

#include "config.bpf.h"

/* 0 below 1 ms, n below 2^n ms: the number of bits of the milliseconds. */
static __always_inline __u32 age_class(__u64 ns)
{
	__u64 ms = ns / 1000000;
	__u32 bits = 0;

	if (ms >> 16) {
		bits += 16;
		ms >>= 16;
	}
	if (ms >> 8) {
		bits += 8;
		ms >>= 8;
	}
	for (int i = 0; i < 8 && ms; i++) {
		ms >>= 1;
		bits++;
	}
	return bits < AGE_CLASSES ? bits : AGE_CLASSES - 1;
}

static __always_inline void site_closed(const struct conn *c, struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct site_counts fresh = {}, *s;
	struct site_key key = {};
	__u32 class;

	if (!c->opened_ns || !c->opener.pid)
		return; /* its opening was not seen: counted where that was lost */
	key.pid = c->opener.pid;
	key.netns = c->netns;
	key.family = c->family;
	key.role = c->role;
	if (c->role == ROLE_SERVER) {
		key.rport = c->lport;
	} else {
		__builtin_memcpy(key.raddr, c->raddr, sizeof(key.raddr));
		key.rport = c->rport;
	}
	__builtin_memcpy(key.comm, c->opener.comm, sizeof(key.comm));
	s = bpf_map_lookup_elem(&sites, &key);
	if (!s) {
		if (bpf_map_update_elem(&sites, &key, &fresh, BPF_NOEXIST) &&
		    !bpf_map_lookup_elem(&sites, &key)) {
			count(CNT_LOST_SITE);
			return;
		}
		s = bpf_map_lookup_elem(&sites, &key);
		if (!s)
			return; /* user space swept it in between */
	}
	s->last_close_ns = c->closed_ns;
	/* how old a pre-existing one was is not known: at least as old as anything else */
	class = c->origin == ORIGIN_SNAPSHOT ? AGE_CLASSES - 1 : age_class(c->closed_ns - c->opened_ns);
	if (class < AGE_CLASSES)
		__sync_fetch_and_add(&s->closed[class], 1);
	if (tp && tp->bytes_sent && tp->bytes_received) {
		__sync_fetch_and_add(&s->used, 1);
		/* when a pre-existing one was opened is not known */
		if (c->origin == ORIGIN_TRACED && s->newest_open_ns < c->opened_ns)
			s->newest_open_ns = c->opened_ns;
	}
}

#endif
