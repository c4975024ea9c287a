/* SPDX-License-Identifier: GPL-2.0-only */
/* site.bpf.h - closes counted per site, so that quiet mode knows churn and turnover without an event per close. */
#ifndef CONNLIFE_SITE_BPF_H
#define CONNLIFE_SITE_BPF_H

#include "config.bpf.h"

/* The class of a lifetime: 0 below 2^20 ns (about a millisecond), c below 2^(20 + c). */
static __always_inline __u32 age_class(__u64 ns)
{
	__u64 left = ns >> 20;
	__u32 bits = 0;

	if (left >> 16) {
		bits += 16;
		left >>= 16;
	}
	if (left >> 8) {
		bits += 8;
		left >>= 8;
	}
	for (int i = 0; i < 8 && left; i++) {
		left >>= 1;
		bits++;
	}
	return bits < AGE_CLASSES ? bits : AGE_CLASSES - 1;
}

#define SITE_WORDS (sizeof(struct site_key) / sizeof(__u64))

/* A site's key as numbers in registers: they are compared and hashed at every close. */
struct site_words {
	__u64 w[SITE_WORDS];
};

static __always_inline struct site_words site_words_of(const struct conn *c)
{
	/* accepted and closed before a look told by whom: the closer's process */
	const struct actor *process = c->opener.pid ? &c->opener : &c->closer;
	const __u64 *raddr = (const __u64 *)c->raddr, *comm = (const __u64 *)process->comm;
	bool server = c->role == ROLE_SERVER;
	struct site_words s;

	/* the layout of struct site_key */
	s.w[0] = process->pid | (__u64)c->netns << 32;
	s.w[1] = server ? 0 : raddr[0];
	s.w[2] = server ? 0 : raddr[1];
	s.w[3] = (server ? c->lport : c->rport) | (__u64)c->family << 16 | (__u64)c->role << 24;
	s.w[4] = comm[0];
	s.w[5] = comm[1];
	return s;
}

/* What `sites` is keyed by: over the key itself, 48 bytes, the kernel spent 60 ns more at every close. */
static __always_inline __u64 site_hash(const struct site_words *s)
{
	__u64 h = 0;

	for (int i = 0; i < SITE_WORDS; i++) {
		h = (h ^ s->w[i]) * 0x9e3779b97f4a7c15ULL; /* 2^64 / golden ratio: Fibonacci hashing, Knuth vol. 3, 6.4 */
		h ^= h >> 32;
	}
	return h;
}

static __always_inline bool same_site(const struct site_key *key, const struct site_words *s)
{
	const __u64 *k = (const __u64 *)key;
	__u64 differs = 0;

	for (int i = 0; i < SITE_WORDS; i++)
		differs |= k[i] ^ s->w[i];
	return !differs;
}

/* Not inlined: a row is a third of what a BPF stack holds. */
static __noinline struct site_row *site_new(__u64 hash, const struct conn *c)
{
	struct site_row row = {};

	if (!c)
		return NULL;
	*(struct site_words *)&row.key = site_words_of(c);
	bpf_map_update_elem(&sites, &hash, &row, BPF_NOEXIST); /* fails too when another CPU was first */
	return bpf_map_lookup_elem(&sites, &hash);
}

static __always_inline void site_closed(const struct conn *c, struct tcp_sock *tp)
{
	struct site_words site = site_words_of(c);
	struct site_counts *counts;
	struct site_row *row;
	__u32 class;
	__u64 hash;

	if (!c->opened_ns || !(__u32)site.w[0])
		return; /* its opening was not seen (counted where that was lost), or nobody ever accepted it */
	hash = site_hash(&site);
	row = bpf_map_lookup_elem(&sites, &hash);
	if (!row)
		row = site_new(hash, c);
	if (!row || !same_site(&row->key, &site)) {
		count(CNT_LOST_SITE);
		return;
	}
	counts = &row->counts;
	counts->last_close_ns = c->closed_ns;
	/* how old a pre-existing one was is not known: at least as old as anything else */
	class = c->origin == ORIGIN_SNAPSHOT ? AGE_CLASSES - 1 : age_class(c->closed_ns - c->opened_ns);
	if (class < AGE_CLASSES)
		__sync_fetch_and_add(&counts->closed[class], 1);
	if (tp && tp->bytes_sent && tp->bytes_received) {
		__sync_fetch_and_add(&counts->used, 1);
		/* when a pre-existing one was opened is not known */
		if (c->origin == ORIGIN_TRACED && counts->newest_open_ns < c->opened_ns)
			counts->newest_open_ns = c->opened_ns;
	}
}

#endif
