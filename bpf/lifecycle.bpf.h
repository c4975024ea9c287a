/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lifecycle.bpf.h - a connection from open to destroy. One body per fact; connlife.bpf.c attaches them.
 *
 * open (connect or accept, in the opener's context) -> established -> closed (the application let go, in the closer's
 * context) -> state CLOSE (the kernel is done with it: the record is said and deleted). A connection that the kernel
 * ends first (reset, timeout, ss -K) is said and deleted at that moment: no process closed it. One that both ends have
 * shut down before the application closes is said when the socket is destroyed.
 */
#ifndef CONNLIFE_LIFECYCLE_BPF_H
#define CONNLIFE_LIFECYCLE_BPF_H

#include "sock.bpf.h"
#include "emit.bpf.h"
#include "site.bpf.h"

static __always_inline struct conn *conn_of(struct sock *sk)
{
	__u64 key = (__u64)sk;

	return bpf_map_lookup_elem(&conns, &key);
}

static __always_inline void forget(struct sock *sk)
{
	__u64 key = (__u64)sk;

	bpf_map_delete_elem(&conns, &key);
}

static __always_inline bool keep(struct sock *sk, const struct conn *c)
{
	__u64 key = (__u64)sk;

	return !bpf_map_update_elem(&conns, &key, c, BPF_ANY);
}

/* A fresh record of sk that the current task opens; false = not wanted. */
static __always_inline bool conn_begin(struct conn *c, struct sock *sk, __u8 role)
{
	c->opened_ns = bpf_ktime_get_ns();
	c->role = role;
	c->origin = ORIGIN_TRACED;
	c->fd = -1;
	sock_tuple(c, sk);
	actor_is_current(&c->opener);
	if (!wants_conn(c) || !wants_task((void *)bpf_get_current_task(), c->opener.pid, c->opener.comm))
		return false;
	c->flags = CONN_OPENER_SEEN;
	c->id = sock_cookie_peek(sk);
	c->cgroup = bpf_get_current_cgroup_id();
	c->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	return true;
}

/* The last word on a connection. In quiet mode only ends that an analysis needs one by one are said. */
static __always_inline void finish(struct conn *c, struct sock *sk, __u64 now)
{
	conn_identify(c, sk);
	count(CNT_CLOSED);
	if (cfg.quiet)
		site_closed(c, sk);
	if (!cfg.quiet || c->how == HOW_EXIT)
		emit_conn(EV_CLOSE, c, now, sk, bpf_skc_to_tcp_sock(sk));
	forget(sk);
}

static __always_inline void closed_by_current(struct conn *c, __u64 now)
{
	c->closed_ns = now;
	c->how = current_is_exiting() ? HOW_EXIT : HOW_APP;
	actor_is_current(&c->closer);
}

/* Fact: active open. The SYN goes out, or (tracepoint) is about to: then the local port is not chosen yet. */
static __always_inline void on_connect(struct sock *sk)
{
	struct conn c = {};

	if (!sock_is_tcp(sk))
		return;
	if (!conn_begin(&c, sk, ROLE_CLIENT)) {
		/* a socket that was disconnected and connects again may have a record of its former life */
		forget(sk);
		return;
	}
	if (!keep(sk, &c))
		count(CNT_LOST_MAP);
}

/* Fact: passive open. sk was just handed to the current task by accept. */
static __always_inline void on_accept(struct sock *sk, __s32 fd)
{
	struct conn c = {};
	__u8 state;

	if (!sk || !sock_is_tcp(sk) || !conn_begin(&c, sk, ROLE_SERVER))
		return;
	c.fd = fd;
	c.flags |= CONN_ESTABLISHED;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK) {
		c.peer_closed_ns = c.opened_ns;
	} else if (state == TCP_CLOSE) { /* it died in the accept queue; the application has yet to close it */
		c.closed_ns = c.opened_ns;
		c.how = how_of_error(BPF_CORE_READ(sk, sk_err));
	}
	count(CNT_OPENED);
	if (!keep(sk, &c)) {
		count(CNT_LOST_MAP);
		return;
	}
	if (cfg.emit_open)
		emit_conn(EV_OPEN, &c, c.opened_ns, sk, NULL);
}

/*
 * Fact: the application closed, in the closer's context. A connection without a record (accepted through io_uring in
 * the tracepoint flavour, opened while conns was full) gets one now: its opening is unknown, its end is not.
 */
static __always_inline void on_app_close(struct sock *sk)
{
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);
	__u64 now = bpf_ktime_get_ns();
	struct conn *c = conn_of(sk);
	struct conn late = {};

	if (c) {
		if (!c->closed_ns)
			closed_by_current(c, now);
		return;
	}
	if (state == TCP_LISTEN || state == TCP_SYN_SENT || !sock_is_tcp(sk))
		return;
	/* in function flavours CLOSE here means: never connected, or ended before and said then */
	if (state == TCP_CLOSE && !cfg.tp_close)
		return;
	late.origin = ORIGIN_TRACED;
	late.role = sock_role(sk);
	late.fd = -1;
	late.flags = CONN_ESTABLISHED;
	sock_tuple(&late, sk);
	closed_by_current(&late, now);
	if (!late.lport || !wants_conn(&late) ||
	    !wants_task((void *)bpf_get_current_task(), late.closer.pid, late.closer.comm))
		return;
	late.id = sock_cookie_peek(sk);
	late.netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	if (state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK)
		late.peer_closed_ns = now; /* no later than this */
	keep(sk, &late); /* if this fails its opening failed too, and was counted */
}

static __always_inline void on_established(struct sock *sk, struct conn *c)
{
	c->connect_ns = bpf_ktime_get_ns() - c->opened_ns;
	c->flags |= CONN_ESTABLISHED;
	conn_identify(c, sk);
	if (!c->lport || cfg.tp_connect) {
		sock_tuple(c, sk);
		if (!wants_conn(c)) {
			forget(sk);
			return;
		}
	}
	count(CNT_OPENED);
	if (cfg.emit_open)
		emit_conn(EV_OPEN, c, c->opened_ns + c->connect_ns, sk, NULL);
}

/* States from which the last FIN or ACK leads to CLOSE: whoever runs then is not ending the connection. */
static __always_inline bool fins_exchanged(int state)
{
	return state == TCP_LAST_ACK || state == TCP_CLOSING || state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 ||
	       state == TCP_TIME_WAIT;
}

/* The connection is over in the kernel (state CLOSE) though its socket lives on. */
static __always_inline void on_state_close(struct sock *sk, struct conn *c, int old)
{
	int err = sk->sk_err;
	__u64 now;

	if (!(c->flags & CONN_ESTABLISHED)) {
		if (!c->lport)
			sock_tuple(c, sk); /* still 0 when no local port was to be had (EADDRNOTAVAIL) */
		if (c->lport ? wants_conn(c) : true) {
			now = bpf_ktime_get_ns();
			if (!c->closed_ns)
				c->closed_ns = now;
			conn_identify(c, sk);
			count(CNT_FAILED);
			if (!cfg.quiet)
				emit_conn(EV_FAILED, c, now, sk, bpf_skc_to_tcp_sock(sk));
		}
		forget(sk);
		return;
	}
	now = bpf_ktime_get_ns();
	if (!c->closed_ns && err) {
		/* sk_err is set before the state in every path that ends a connection from outside the application */
		c->closed_ns = now;
		c->how = how_of_error(err);
	} else if (!c->closed_ns && sk->sk_lock.owned && !fins_exchanged(old)) {
		closed_by_current(c, now); /* disconnected: connect(2) to AF_UNSPEC. The socket may connect again */
	}
	/* Said now, not at destroy: tcp_disconnect() clears the counters next. What both ends have shut down and the
	 * application has yet to close stays open: destroy says it. */
	if (c->closed_ns)
		finish(c, sk, now);
}

/*
 * Facts of a state change. It runs in softirq for most of them: the current task is a bystander unless sock_in_close()
 * or the transition itself (CLOSE -> SYN_SENT) says otherwise.
 */
static __always_inline void on_state(struct sock *sk, int old, int new)
{
	struct conn *c;

	switch (new) {
	case TCP_SYN_SENT:
		if (cfg.tp_connect)
			on_connect(sk);
		return;
	case TCP_ESTABLISHED:
		c = conn_of(sk);
		if (c && !(c->flags & CONN_ESTABLISHED))
			on_established(sk, c);
		else if (!c && old == TCP_SYN_RECV && cfg.has_cookie)
			bpf_get_socket_cookie(sk); /* made now, so that accept can read it in any flavour */
		return;
	case TCP_CLOSE_WAIT:
		c = conn_of(sk);
		if (c && !c->peer_closed_ns)
			c->peer_closed_ns = bpf_ktime_get_ns();
		return;
	case TCP_FIN_WAIT1:
	case TCP_LAST_ACK:
		if (cfg.tp_close && sock_in_close(sk))
			on_app_close(sk);
		return;
	case TCP_CLOSE:
		if (old == TCP_LISTEN)
			return;
		if (cfg.tp_close && sock_in_close(sk))
			on_app_close(sk);
		c = conn_of(sk);
		if (c)
			on_state_close(sk, c, old);
		return;
	}
}

/*
 * Fact: gone. With no closer known yet there are two cases. tcp_close() is what runs and owns the socket: the current
 * task closes a connection that had ended before. Or softirq frees an orphan whose close was not seen, which only the
 * tracepoint flavour can miss (after shutdown(), with the last FIN still unacknowledged): who closed stays unknown.
 */
static __always_inline void on_destroy(struct sock *sk)
{
	struct conn *c = conn_of(sk);
	__u64 now;

	if (!c)
		return;
	now = bpf_ktime_get_ns();
	if (!c->closed_ns && sk->sk_lock.owned)
		closed_by_current(c, now);
	else if (!c->closed_ns)
		c->closed_ns = now;
	finish(c, sk, now);
}

#endif
