/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * conns.bpf.h - the table of open connections, by the address of their sock. The address is a key only while the
 * socket lives (the allocator hands it out again at once); the public id is the cookie in the record.
 *
 * The table is two maps. In `slots` the address picks the one place where a record can be; a record whose place was
 * taken at its opening goes into the hash map `conns`. Entering and leaving the hash costs 295 ns (Linux 6.18), a third
 * of all programs together: short connections, which are the many, hardly ever need it.
 */
#ifndef CONNLIFE_CONNS_BPF_H
#define CONNLIFE_CONNS_BPF_H

#include "emit.bpf.h"

#define EEXIST 17 /* include/uapi/asm-generic/errno-base.h */

/*
 * A sock's address as a number. The verifier allows no arithmetic on a typed pointer except the difference of two,
 * which is a number to it (adjust_reg_min_max_vals in kernel/bpf/verifier.c); and the current task comes in both forms.
 */
static __always_inline __u64 sock_number(struct sock *sk, bool typed)
{
	__u64 distance;

	if (!typed)
		return (__u64)sk;
	distance = (__u64)bpf_get_current_task_btf();
	asm volatile("%0 -= %1" : "+r"(distance) : "r"(sk)); /* no compiler reorders this into sums of pointers */
	return bpf_get_current_task() - distance;
}

/* The place of sk's record in slots, whoever's is there; NULL where slots are not used. */
static __always_inline struct slot *slot_of(struct sock *sk, bool typed)
{
	__u32 i;

	if (!cfg.slot_bits)
		return NULL;
	i = sock_number(sk, typed) * 0x9e3779b97f4a7c15ULL >> (64 - cfg.slot_bits);
	return bpf_map_lookup_elem(&slots, &i);
}

#ifdef WITHOUT_ATOMICS /* for kernels that know no atomic instruction but add: user space sets slot_bits to 0 there */
static __always_inline bool slot_take(struct slot *s)
{
	return false;
}

static __always_inline void slot_set(struct slot *s, __u64 sock)
{
}
#else
static __always_inline bool slot_take(struct slot *s)
{
	return !__sync_val_compare_and_swap(&s->sock, SLOT_FREE, SLOT_TAKEN);
}

/* A full barrier: the record is whole before others find it, and we are done with it before others take its place. */
static __always_inline void slot_set(struct slot *s, __u64 sock)
{
	__sync_lock_test_and_set(&s->sock, sock);
}
#endif

/* sk's record, or NULL. typed: sk is a typed pointer. */
static __always_inline struct conn *find(struct sock *sk, bool typed)
{
	struct slot *s = slot_of(sk, typed);
	__u64 key = (__u64)sk;

	if (s && s->sock == key)
		return &s->conn;
	return bpf_map_lookup_elem(&conns, &key);
}

/* In the programs that see connections live: sk is a typed pointer wherever slots are used. */
static __always_inline struct conn *conn_of(struct sock *sk)
{
	return find(sk, true);
}

static __always_inline void forget(struct sock *sk, bool typed)
{
	struct slot *s = slot_of(sk, typed);
	__u64 key = (__u64)sk;

	if (s && s->sock == key)
		slot_set(s, SLOT_FREE);
	else
		bpf_map_delete_elem(&conns, &key);
}

/*
 * What is not inlined, because a record and a socket's head are most of what a BPF stack holds, ends with this: a void
 * function may leave anything in r0, and the verifier refuses one that returns with a pointer to its stack there.
 */
static __always_inline void no_result(void)
{
	asm volatile("r0 = 0" ::: "r0");
}

static __always_inline __u32 ports_of(const struct conn *c)
{
	return c->lport | (__u32)c->rport << 16;
}

/* An end that no program saw, and where it was not established to our knowledge, an opening. */
static __always_inline void count_unseen_end(const struct conn *c)
{
	if (!(c->flags & CONN_ESTABLISHED))
		count(CNT_OPENED);
	count(CNT_CLOSED);
}

/*
 * old stands in the place of a new record. It is the same connection's when a look was first. Else its sock is gone, its
 * address was given out again, and no program saw it go: its end is said now. (Counting it at its site takes more stack
 * than is left here: that is counted as lost.)
 */
static __noinline void replaces(const struct conn *old, __u32 ports)
{
	if (old && ports != ports_of(old)) {
		count_unseen_end(old);
		if (cfg.quiet)
			count(CNT_LOST_SITE);
		else
			emit_conn(EV_CLOSE, old, bpf_ktime_get_ns(), NULL, NULL);
	}
	no_result();
}

static __always_inline bool keep_in_hash(__u64 key, const struct conn *c)
{
	if (!bpf_map_update_elem(&conns, &key, c, BPF_NOEXIST))
		return true;
	replaces(bpf_map_lookup_elem(&conns, &key), ports_of(c));
	return !bpf_map_update_elem(&conns, &key, c, BPF_EXIST);
}

/*
 * Enters a record, in place of one that sk has. false: no room. typed: sk is a typed pointer. visible: a look may find
 * sk at the same time and enter it into conns. Each writes its own first and looks for the other's then, so that one of
 * them at least sees both; the one in conns goes.
 */
static __always_inline bool keep(struct sock *sk, const struct conn *c, bool typed, bool visible)
{
	struct slot *s = slot_of(sk, typed);
	const struct conn *old;
	__u64 key = (__u64)sk;

	if (s && s->sock == key)
		replaces(&s->conn, ports_of(c));
	else if (!s || !slot_take(s))
		return keep_in_hash(key, c);
	s->conn = *c;
	slot_set(s, key);
	old = visible ? bpf_map_lookup_elem(&conns, &key) : NULL;
	if (old) {
		replaces(old, ports_of(c));
		bpf_map_delete_elem(&conns, &key);
	}
	return true;
}

/* Enters what a look found, unless sk has a record by now. 0, -EEXIST, or another negative errno: no room. */
static __always_inline long keep_found(struct sock *sk, const struct conn *c)
{
	struct slot *s = slot_of(sk, true);
	__u64 key = (__u64)sk;
	long err;

	err = bpf_map_update_elem(&conns, &key, c, BPF_NOEXIST);
	if (!err && s && s->sock == key) {
		bpf_map_delete_elem(&conns, &key);
		err = -EEXIST;
	}
	return err;
}

#endif
