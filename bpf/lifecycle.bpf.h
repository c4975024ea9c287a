/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lifecycle.bpf.h - a connection from open to destroy. One body per fact; connlife.bpf.c attaches them.
 *
 * open (connect or accept, in the opener's context) -> established -> closed (the application let go, in the closer's
 * context) -> destroyed (the kernel is done with it: the record is said and deleted). A connection that the kernel
 * ends first (reset, timeout, ss -K) is said and deleted when its state becomes CLOSE: no process closed it, and the
 * socket may live on.
 *
 * The kernel skips a run of a program while another run of it is under way on that CPU: interrupted by a softirq that
 * changes another socket's state, or (preemptible kernels) preempted by another task. So every fact has a second sight:
 * established and the peer's close are caught up when the connection is seen next; the end of an orphan comes by two
 * programs, state and destroy, of which one CPU can be in only one; and a look ends what is gone all the same. Only who
 * opened has no second: accept is told where softirqs and preemption are off, if the kernel has such a place, and a
 * connection whose connect was skipped is found by a look. The skips are counted (CNT_LOST_MISSED).
 */
#ifndef CONNLIFE_LIFECYCLE_BPF_H
#define CONNLIFE_LIFECYCLE_BPF_H

#include "sock.bpf.h"
#include "emit.bpf.h"
#include "conns.bpf.h"
#include "time.bpf.h"
#include "site.bpf.h"

/* A fresh record, opened now by whom is not known yet; false = not wanted. */
static __always_inline bool conn_begin(struct conn *c, const struct sock_head *head, __u8 role)
{
	c->role = role;
	c->origin = ORIGIN_TRACED;
	c->fd = -1;
	sock_tuple(c, head);
	if (!wants_conn(c))
		return false;
	c->opened_ns = fact_ns();
	c->id = HEAD_FIELD(head, __sk_common.skc_cookie.counter);
	c->netns = head->netns;
	return true;
}

/* It is the current task that opens it; false = not wanted. */
static __always_inline bool opened_by_current(struct conn *c)
{
	actor_is_current(&c->opener);
	if (!wants_task(c->opener.pid, c->opener.comm))
		return false;
	c->flags |= CONN_OPENER_SEEN;
	c->cgroup = current_cgroup();
	return true;
}

/* The last word on a connection. In quiet mode only ends that an analysis needs one by one are said. */
static __always_inline void finish(struct conn *c, struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	count(CNT_CLOSED);
	if (cfg.quiet)
		site_closed(c, tp);
	if (!cfg.quiet || c->how == HOW_EXIT) {
		conn_identify(c, sk);
		emit_conn(EV_CLOSE, c, bpf_ktime_get_ns(), sk, tp);
	}
	forget(sk, true);
}

static __always_inline void closed_by_current(struct conn *c)
{
	c->closed_ns = fact_ns();
	c->how = current_is_exiting() ? HOW_EXIT : HOW_APP;
	actor_is_current(&c->closer);
	if (c->closer.pid == cfg.self) /* the closer let go while we looked: it is not known */
		__builtin_memset(&c->closer, 0, sizeof(c->closer));
}

/* It is over, and no process ended it. Who sent last may stand in the closer's place. */
static __always_inline void closed_by_nobody(struct conn *c, __u8 how)
{
	c->closed_ns = fact_ns();
	c->how = how;
	__builtin_memset(&c->closer, 0, sizeof(c->closer));
}

/*
 * Fact: active open. The SYN goes out, or (tracepoint) is about to: then the local port is not chosen yet.
 * typed: sk is a typed pointer.
 */
static __noinline void on_connect(struct sock *sk, bool typed)
{
	struct sock_head head;
	struct conn c = {};

	if (typed)
		sock_head_load(&head, sk);
	else
		sock_head_read(&head, sk);
	if (head_is_inet(&head) && conn_begin(&c, &head, ROLE_CLIENT) && opened_by_current(&c) &&
	    !keep(sk, &c, typed, !cfg.tp_connect))
		count(CNT_LOST_MAP);
	no_result();
}

static __always_inline void begin_accepted(struct sock *sk, bool typed, __s32 fd)
{
	struct sock_head head;
	struct conn c = {};
	__u8 state;

	if (!sk)
		return;
	sock_head_read(&head, sk);
	if (!head_is_inet(&head) || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP ||
	    !conn_begin(&c, &head, ROLE_SERVER) || !opened_by_current(&c))
		return;
	c.fd = fd;
	c.flags |= CONN_ESTABLISHED;
	state = HEAD_FIELD(&head, __sk_common.skc_state);
	if (state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK) {
		c.peer_closed_ns = c.opened_ns;
	} else if (state == TCP_CLOSE) { /* it died in the accept queue; the application has yet to close it */
		c.closed_ns = c.opened_ns;
		c.how = how_of_error(BPF_CORE_READ(sk, sk_err));
	}
	if (cfg.emit_open && !cfg.has_cookie)
		conn_make_up_id(&c, sk);
	count(CNT_OPENED);
	if (!keep(sk, &c, typed, true)) {
		count(CNT_LOST_MAP);
		return;
	}
	if (cfg.emit_open && c.id) /* 0: it was queued before the start, and has no cookie yet */
		emit_conn(EV_OPEN, &c, c.opened_ns, sk, NULL);
}

/* Fact: passive open. sk was just handed to the current task by accept. typed: sk is a typed pointer. */
static __noinline void on_accept(struct sock *sk, bool typed, __s32 fd)
{
	begin_accepted(sk, typed, fd);
	no_result();
}

/*
 * Fact: a passive open's handshake is complete; the application has yet to accept. Where nothing tells of the accept
 * itself the connection is recorded now, with no opener: a look tells later who holds it, or nobody ever does.
 */
static __noinline void on_handshake(struct sock *sk)
{
	struct sock_head head;
	struct conn c = {};

	sock_head_load(&head, sk);
	if (conn_begin(&c, &head, ROLE_SERVER)) {
		c.flags = CONN_ESTABLISHED; /* the look that finds a holder makes the id */
		count(CNT_OPENED);
		if (!keep(sk, &c, true, false))
			count(CNT_LOST_MAP);
	}
	no_result();
}

static __always_inline void begin_closing(struct sock *sk)
{
	struct sock_head head;
	struct conn c = {};
	__u8 state;

	sock_head_read(&head, sk);
	state = HEAD_FIELD(&head, __sk_common.skc_state);
	if (state == TCP_LISTEN || state == TCP_SYN_SENT || !head_is_inet(&head) ||
	    BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return;
	/* in function flavours CLOSE here means: never connected, or ended before and said then */
	if (state == TCP_CLOSE && !cfg.tp_close)
		return;
	c.origin = ORIGIN_TRACED;
	c.role = sock_role(sk);
	c.fd = -1;
	c.flags = CONN_ESTABLISHED;
	sock_tuple(&c, &head);
	if (!c.lport)
		c.lport = sock_former_lport(sk);
	closed_by_current(&c);
	if (!c.lport || !wants_conn(&c) || !wants_task(c.closer.pid, c.closer.comm))
		return;
	c.id = HEAD_FIELD(&head, __sk_common.skc_cookie.counter);
	c.netns = head.netns;
	if (state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK)
		c.peer_closed_ns = c.closed_ns; /* no later than this */
	keep(sk, &c, true, true); /* if this fails its opening failed too, and was counted */
}

/*
 * The application closes a connection without a record (accepted through io_uring in the tracepoint flavour, opened
 * while conns was full): it gets one now. Its opening is unknown, its end is not.
 */
static __noinline void on_late_close(struct sock *sk)
{
	begin_closing(sk);
	no_result();
}

/* Fact: the application closed, in the closer's context. */
static __always_inline void on_app_close(struct sock *sk)
{
	struct conn *c = conn_of(sk);

	if (!c)
		on_late_close(sk);
	else if (!c->closed_ns)
		closed_by_current(c);
}

static __always_inline void on_established(struct sock *sk, struct conn *c)
{
	c->connect_ns = fact_ns() - c->opened_ns;
	c->flags |= CONN_ESTABLISHED;
	if (cfg.has_cookie || cfg.emit_open) /* else: what makes a cookie before the close makes the id */
		conn_identify(c, sk);
	if (!c->lport) { /* it was not chosen yet when the SYN was to go out: the filter has to be asked again */
		c->lport = sk->__sk_common.skc_num;
		if (!wants_conn(c)) {
			forget(sk, true);
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

/* A connect that never became established is over. */
static __always_inline void on_failed(struct sock *sk, struct conn *c)
{
	__u64 now = fact_ns();

	if (!c->lport)
		c->lport = sock_former_lport(sk); /* still 0 when none was to be had (EADDRNOTAVAIL) */
	if (wants_conn(c)) {
		if (!c->closed_ns)
			c->closed_ns = now;
		conn_identify(c, sk);
		count(CNT_FAILED);
		if (!cfg.quiet)
			emit_conn(EV_FAILED, c, now, sk, bpf_skc_to_tcp_sock(sk));
	}
	forget(sk, true);
}

/* The connection is over in the kernel (state CLOSE) though its socket lives on. */
static __always_inline void on_state_close(struct sock *sk, struct conn *c, int old)
{
	int err = sk->sk_err;

	if (!(c->flags & CONN_ESTABLISHED)) {
		if (old == TCP_SYN_SENT || old == TCP_SYN_RECV) {
			on_failed(sk, c);
			return;
		}
		conn_catch_up(c, sock_former_lport(sk));
	}
	if (!c->closed_ns && err) {
		/* sk_err is set before the state in every path that ends a connection from outside the application */
		closed_by_nobody(c, how_of_error(err));
	} else if (!c->closed_ns && sk->sk_lock.owned && !fins_exchanged(old)) {
		closed_by_current(c); /* disconnected: connect(2) to AF_UNSPEC. The socket may connect again */
	}
	/* Said now, not at destroy: tcp_disconnect() clears the counters next. What both ends have shut down and the
	 * application has yet to close stays open: destroy says it. */
	if (c->closed_ns)
		finish(c, sk);
}

/*
 * Fact: gone. With no closer known yet there are two cases. tcp_close() is what runs and owns the socket: the current
 * task closes a connection that had ended before. Or softirq frees an orphan whose close was not seen, which only the
 * tracepoint flavour can miss (after shutdown(), with the last FIN still unacknowledged): who closed stays unknown.
 */
static __always_inline void end_orphan(struct sock *sk)
{
	struct conn *c = conn_of(sk);

	if (!c)
		return;
	if (!(c->flags & CONN_ESTABLISHED)) {
		struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

		if (!tp || !tp->srtt_us) { /* the round trip of a handshake was never measured */
			on_failed(sk, c);
			return;
		}
		conn_catch_up(c, sock_former_lport(sk));
	}
	if (!c->closed_ns && sk->sk_lock.owned)
		closed_by_current(c);
	else if (!c->closed_ns)
		closed_by_nobody(c, 0);
	finish(c, sk);
}

static __noinline void on_destroy(struct sock *sk)
{
	end_orphan(sk);
	no_result();
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
			on_connect(sk, true);
		return;
	case TCP_ESTABLISHED:
		if (old == TCP_SYN_RECV && !sk->sk_socket) {
			/* not accepted yet. The cookie is made now, so that accept can read it in any flavour */
			if (cfg.tp_accept)
				on_handshake(sk);
			else if (cfg.has_cookie)
				bpf_get_socket_cookie(sk);
			return;
		}
		c = conn_of(sk);
		if (c && !(c->flags & CONN_ESTABLISHED))
			on_established(sk, c);
		return;
	case TCP_CLOSE_WAIT:
		c = conn_of(sk);
		if (c && !c->peer_closed_ns)
			c->peer_closed_ns = fact_ns();
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
		if (sk->__sk_common.skc_flags >> SOCK_DEAD_BIT & 1) {
			on_destroy(sk); /* which comes next */
			return;
		}
		c = conn_of(sk);
		if (c)
			on_state_close(sk, c, old);
		return;
	}
}

/*
 * Has the sock of a record gone? By its address alone: the memory may be unmapped, free or another sock's by now.
 * sk_free() runs when no references are left, and another sock has another cookie (or, where we made the id up, hardly
 * ever the same port).
 */
static __always_inline bool sock_is_gone(struct sock *sk, const struct conn *c)
{
	__u16 lport = 0;
	int refs = 0;

	if (bpf_core_read(&refs, sizeof(refs), &sk->__sk_common.skc_refcnt.refs.counter) || !refs)
		return true;
	if (c->id && !(c->flags & CONN_SYNTHETIC_ID))
		return sock_cookie_peek(sk) != c->id;
	bpf_core_read(&lport, sizeof(lport), &sk->__sk_common.skc_num);
	return lport && c->lport && lport != c->lport;
}

/*
 * A look met a record and no open file of it. true: its sock is gone and its end was never seen; it is forgotten now.
 * When it ended is not known, nor how. Should the address be given to a new connection while we look, that one's record
 * goes: the next look finds it, as one that was there before.
 */
static __always_inline bool on_unseen(struct sock *sk, __u64 id)
{
	struct conn *c = find(sk, false);
	bool newer = c && c->id != id; /* the address is a newer connection's by now, which has a slot */
	__u64 key = (__u64)sk;

	if (newer)
		c = bpf_map_lookup_elem(&conns, &key);
	if (!c || c->id != id || !sock_is_gone(sk, c))
		return false;
	count_unseen_end(c);
	if (!c->closed_ns)
		closed_by_nobody(c, 0);
	if (cfg.quiet)
		site_closed(c, NULL);
	if (newer)
		bpf_map_delete_elem(&conns, &key);
	else
		forget(sk, false);
	return true;
}

#endif
