/* SPDX-License-Identifier: GPL-2.0-only */
/* sock.bpf.h - what a socket says about itself. */
#ifndef CONNLIFE_SOCK_BPF_H
#define CONNLIFE_SOCK_BPF_H

#include "config.bpf.h"
#include "core_fixes.bpf.h"

#define AF_INET 2
#define AF_INET6 10
#define SHUTDOWN_BOTH 3
#define SOCK_DEAD_BIT 0 /* include/net/sock.h, enum sock_flags: no socket any more (sock_orphan) */
#define SOCK_DONE_BIT 1 /* include/net/sock.h, enum sock_flags: the peer's FIN was received (tcp_fin) */

/* Errors of the kernel's sk_err (include/uapi/asm-generic/errno.h). */
#define EAGAIN 11
#define EPIPE 32
#define ECONNABORTED 103
#define ECONNRESET 104

/*
 * The first bytes of a socket (struct sock_common: addresses, ports, family, state, cookie) and the number of its
 * network namespace.
 */
struct sock_head {
	/* struct sock_common is 136 bytes on every kernel so far; a longer one is read in part */
	__u8 bytes[144] __attribute__((aligned(8)));
	__u32 netns;
};

#define HEAD_FIELD(head, field) \
	(*(typeof(((struct sock *)0)->field) *)((head)->bytes + bpf_core_field_offset(struct sock, field)))

/* In every program type: by one probe read instead of one for each field, since a helper call costs 30 ns. */
static __always_inline void sock_head_read(struct sock_head *head, struct sock *sk)
{
	__u32 size = bpf_core_type_size(struct sock_common);
	struct net *net;

	bpf_probe_read_kernel(head->bytes, size < sizeof(head->bytes) ? size : sizeof(head->bytes), sk);
	net = HEAD_FIELD(head, __sk_common.skc_net.net);
	head->netns = BPF_CORE_READ(net, ns.inum);
}

/* The same where sk is a typed pointer (tp_btf, fentry): only the fields that are asked for, by plain loads. */
static __always_inline void sock_head_load(struct sock_head *head, struct sock *sk)
{
#define LOAD(field) HEAD_FIELD(head, __sk_common.field) = sk->__sk_common.field
	LOAD(skc_family);
	LOAD(skc_state);
	LOAD(skc_num);
	LOAD(skc_dport);
	LOAD(skc_cookie.counter);
	if (sk->__sk_common.skc_family == AF_INET6) {
		LOAD(skc_v6_rcv_saddr.in6_u.u6_addr32[0]);
		LOAD(skc_v6_rcv_saddr.in6_u.u6_addr32[1]);
		LOAD(skc_v6_rcv_saddr.in6_u.u6_addr32[2]);
		LOAD(skc_v6_rcv_saddr.in6_u.u6_addr32[3]);
		LOAD(skc_v6_daddr.in6_u.u6_addr32[0]);
		LOAD(skc_v6_daddr.in6_u.u6_addr32[1]);
		LOAD(skc_v6_daddr.in6_u.u6_addr32[2]);
		LOAD(skc_v6_daddr.in6_u.u6_addr32[3]);
	} else {
		LOAD(skc_rcv_saddr);
		LOAD(skc_daddr);
	}
#undef LOAD
	head->netns = sk->__sk_common.skc_net.net->ns.inum;
}

static __always_inline bool head_is_inet(const struct sock_head *head)
{
	__u16 family = HEAD_FIELD(head, __sk_common.skc_family);

	return family == AF_INET || family == AF_INET6;
}

static __always_inline bool sock_is_tcp(struct sock *sk)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	/* sk_protocol was a bitfield before 5.6; inside our range it is a plain u16 (MPTCP has 262) */
	return (family == AF_INET || family == AF_INET6) && BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP;
}

/* Which end are we? An accepted socket is a clone of its listener and keeps the listener's backlog limit. */
static __always_inline __u8 sock_role(struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_max_ack_backlog) ? ROLE_SERVER : ROLE_CLIENT;
}

static __always_inline bool addr_is_v4_mapped(const __u8 *a)
{
	const __u32 *w = (const __u32 *)a;

	return !w[0] && !w[1] && w[2] == bpf_htonl(0xffff);
}

/* The local port of a socket in state CLOSE: it has given it back (skc_num is 0), but inet_sport still tells it. */
static __always_inline __u16 sock_former_lport(struct sock *sk)
{
	return bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
}

/* It is established, though the state change that says so was skipped: how long the connect took stays unknown. */
static __always_inline void conn_catch_up(struct conn *c, __u16 lport)
{
	c->flags |= CONN_ESTABLISHED;
	if (!c->lport)
		c->lport = lport;
	count(CNT_OPENED);
}

/* Addresses and ports. A v4-mapped IPv6 socket (Java's default) is IPv4 to the user. lport is 0 before it is chosen. */
static __always_inline void sock_tuple(struct conn *c, const struct sock_head *h)
{
	c->lport = HEAD_FIELD(h, __sk_common.skc_num);
	c->rport = bpf_ntohs(HEAD_FIELD(h, __sk_common.skc_dport));
	if (HEAD_FIELD(h, __sk_common.skc_family) == AF_INET) {
		c->family = 4;
		*(__u32 *)c->laddr = HEAD_FIELD(h, __sk_common.skc_rcv_saddr);
		*(__u32 *)c->raddr = HEAD_FIELD(h, __sk_common.skc_daddr);
		return;
	}
	c->family = 6;
	*(struct in6_addr *)c->laddr = HEAD_FIELD(h, __sk_common.skc_v6_rcv_saddr);
	*(struct in6_addr *)c->raddr = HEAD_FIELD(h, __sk_common.skc_v6_daddr);
	if (addr_is_v4_mapped(c->raddr)) {
		c->family = 4;
		__builtin_memcpy(c->laddr, c->laddr + 12, 4);
		__builtin_memcpy(c->raddr, c->raddr + 12, 4);
		__builtin_memset(c->laddr + 4, 0, 12);
		__builtin_memset(c->raddr + 4, 0, 12);
	}
}

/* The cookie as far as the kernel has made one; 0 otherwise. Any program type. */
static __always_inline __u64 sock_cookie_peek(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
}

#define MADE_UP (1ULL << 52)

/* An id where the kernel makes no cookie for us (before 5.12): the cookie if something else made one, else our own and
 * a flag that says so. Ours is a time in 1024 ns and the CPU, above every cookie (they are counted up) and below 2^53:
 * what reads JSON keeps no more than that of a number. It comes again after 208 days. */
static __always_inline void conn_make_up_id(struct conn *c, struct sock *sk)
{
	if (!c->id)
		c->id = sock_cookie_peek(sk);
	if (!c->id) {
		c->id = MADE_UP | (bpf_ktime_get_ns() >> 10 << 8 & (MADE_UP - 1)) | (bpf_get_smp_processor_id() & 0xff);
		c->flags |= CONN_SYNTHETIC_ID;
	}
}

/* The public id of a socket: its cookie, made now if the kernel had not made one. Only where sk is a trusted pointer
 * (tp_btf, fentry). */
static __always_inline void conn_identify(struct conn *c, struct sock *sk)
{
	if (c->id)
		return;
	if (cfg.has_cookie)
		c->id = bpf_get_socket_cookie(sk);
	else
		conn_make_up_id(c, sk);
}

/* The peer's FIN takes a sequence number, so rcv_nxt and bytes_received count it as a byte. 1 once it is in, else 0. */
static __always_inline __u32 sock_fin_received(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_flags) >> SOCK_DONE_BIT & 1;
}

/* Bytes that arrived and were not read, the FIN not counted. */
static __always_inline __u32 sock_unread(struct sock *sk)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;
	__s32 n = BPF_CORE_READ(tp, rcv_nxt) - BPF_CORE_READ(tp, copied_seq) - sock_fin_received(sk);

	return n > 0 ? n : 0;
}

/* The facts of a socket for a record of its end. Plain loads: sk and tp are trusted here. */
static __always_inline void sock_facts(struct sock_facts *f, struct sock *sk, struct tcp_sock *tp)
{
	f->tx_bytes = tp->bytes_sent - tp->bytes_retrans;
	f->rx_bytes = tp->bytes_received - (sk->__sk_common.skc_flags >> SOCK_DONE_BIT & 1);
	f->rtt_us = tp->srtt_us >> 3;
	f->retransmits = tp->total_retrans;
	f->now_jiffies = (__u32)bpf_jiffies64();
	f->sent_jiffies = tp->lsndtime;
	f->arrived_jiffies = tp->inet_conn.icsk_ack.lrcvtime;
	f->copied_seq = tp->copied_seq;
	f->unread = tp->rcv_nxt - tp->copied_seq - (sk->__sk_common.skc_flags >> SOCK_DONE_BIT & 1);
	if ((__s32)f->unread < 0)
		f->unread = 0;
	f->heard_jiffies = tp->rcv_tstamp;
	f->err = sk->sk_err;
	f->state = sk->__sk_common.skc_state;
	f->shutdown = sk->sk_shutdown;
}

/*
 * Is the application letting go of sk right now, in the current task? True only inside tcp_close(): the socket is
 * locked by a process (softirq never owns it), both directions are shut down (tcp_close does that first) and the open
 * file has no reference left; shutdown(2) holds one. tcp_close keeps the lock after it has orphaned the socket (then
 * sk_socket is NULL). Sockets of the kernel itself have no file. Plain loads: sk is trusted.
 */
static __always_inline bool sock_in_close(struct sock *sk)
{
	struct socket *so;
	struct file *f;

	if (!sk->sk_lock.owned || sk->sk_shutdown != SHUTDOWN_BOTH)
		return false;
	so = sk->sk_socket;
	if (!so)
		return true;
	f = so->file;
	return !f || file_is_released(f);
}

/* Why the kernel itself ended a connection, by the error it left: RST in either state, ss -K, or any time-out. */
static __always_inline __u8 how_of_error(int err)
{
	switch (err) {
	case ECONNRESET:
	case EPIPE: /* RST in CLOSE_WAIT (tcp_reset) */
		return HOW_RESET;
	case ECONNABORTED:
		return HOW_ABORT;
	}
	return HOW_TIMEOUT; /* ETIMEDOUT, or the soft error (EHOSTUNREACH ...) that came before it */
}

#endif
