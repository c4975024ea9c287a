// SPDX-License-Identifier: GPL-2.0-only
/*
 * snapshot.bpf.c - looks: every open TCP socket of every process and network namespace, with fd, holder and reader.
 *
 * iter/task_file holds a reference to each file it shows. So the socket behind it cannot be closed, let alone
 * destroyed, while we look at it, and a record inserted here is deleted by the ordinary hooks later: no race, no
 * setns, no /proc. (iter/tcp would see one network namespace at a time and no fd.)
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "sock.bpf.h"
#include "conns.bpf.h"
#include "reader.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define S_IFMT 0170000
#define S_IFSOCK 0140000

/* The TCP sock behind an open file, or NULL. */
static __always_inline struct sock *tcp_sock_of(struct file *f)
{
	struct socket *so;
	struct sock *sk;

	if ((f->f_inode->i_mode & S_IFMT) != S_IFSOCK)
		return NULL;
	so = BPF_CORE_READ(f, private_data);
	/* a socket's path opened with O_PATH has the mode too, but no socket that points back */
	if (!so || BPF_CORE_READ(so, file) != f)
		return NULL;
	sk = BPF_CORE_READ(so, sk);
	return sk && sock_is_tcp(sk) ? sk : NULL;
}

/*
 * The same as a typed pointer, for plain loads: with probe reads a report over 200 000 sockets took a quarter more
 * system time. bpf_sock_from_file() came with 5.11; cfg.has_cookie (5.12) stands for it.
 */
static __always_inline struct tcp_sock *typed_tcp_sock_of(struct file *f)
{
	struct socket *so = bpf_sock_from_file(f);
	struct sock *sk = so ? so->sk : NULL;
	__u16 family = sk ? sk->__sk_common.skc_family : 0;

	return family == AF_INET || family == AF_INET6 ? bpf_skc_to_tcp_sock(sk) : NULL;
}

/* Same meaning as sock_facts(), from a pointer that must be probed. */
static __always_inline void probe_facts(struct sock_facts *f, struct sock *sk)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;

	f->now_jiffies = (__u32)bpf_jiffies64();
	f->tx_bytes = BPF_CORE_READ(tp, bytes_sent) - BPF_CORE_READ(tp, bytes_retrans);
	f->rx_bytes = BPF_CORE_READ(tp, bytes_received) - sock_fin_received(sk);
	f->rtt_us = BPF_CORE_READ(tp, srtt_us) >> 3;
	f->retransmits = BPF_CORE_READ(tp, total_retrans);
	f->sent_jiffies = BPF_CORE_READ(tp, lsndtime);
	f->arrived_jiffies = BPF_CORE_READ(tp, inet_conn.icsk_ack.lrcvtime);
	f->copied_seq = BPF_CORE_READ(tp, copied_seq);
	f->heard_jiffies = BPF_CORE_READ(tp, rcv_tstamp);
	f->unsent = BPF_CORE_READ(tp, write_seq) - BPF_CORE_READ(tp, snd_una);
	f->err = BPF_CORE_READ(sk, sk_err);
	f->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	f->shutdown = BPF_CORE_READ(sk, sk_shutdown);
	f->unread = sock_unread(sk);
}

/* fresh: the record in the making, which a BPF stack does not hold beside the rest. Written and read by
 * keep_pre_existing() only; one thread of user space reads the iterator, so there is never a second writer. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct conn);
} fresh SEC(".maps");

/* Who opened it, as far as a holder tells: the process that has the credentials the file was opened with, else one that
 * holds it. */
static __always_inline void know_opener(struct conn *c, const struct look_fd *at)
{
	bool opened_it = at->opener_cred == at->holder_cred;

	if (c->flags & CONN_OPENER_SEEN || c->closed_ns || (c->opener.pid && !opened_it))
		return;
	c->opener = at->holder;
	c->cgroup = at->cgroup;
	c->fd = at->fd;
	if (opened_it)
		c->flags |= CONN_OPENER_SEEN;
}

/* A record for a connection that has none, if it is wanted. */
static __always_inline void keep_pre_existing(struct look_fd *at, struct sock *sk, struct task_struct *t)
{
	struct sock_head head;
	__u32 zero = 0;
	struct conn *c = bpf_map_lookup_elem(&fresh, &zero);
	long err;

	if (!c || at->sock.state == TCP_LISTEN || at->sock.state == TCP_CLOSE)
		return;
	__builtin_memset(c, 0, sizeof(*c));
	sock_head_read(&head, sk);
	sock_tuple(c, &head);
	c->role = sock_role(sk);
	if (!wants_conn(c) || !wants_task_of(t, at->holder.pid, at->holder.comm))
		return;
	c->opened_ns = at->now_ns;
	c->origin = ORIGIN_SNAPSHOT;
	if (at->sock.state != TCP_SYN_SENT)
		c->flags = CONN_ESTABLISHED;
	if (at->sock.state == TCP_CLOSE_WAIT)
		c->peer_closed_ns = at->now_ns;
	c->netns = head.netns;
	err = keep_found(sk, c);
	if (!err)
		count(CNT_PRE_EXISTING);
	else if (err != -EEXIST)
		count(CNT_LOST_MAP);
}

/* Plain loads: an iterator's t and f are typed pointers. */
static __always_inline void look_at_holder(struct look_fd *r, struct task_struct *t, struct file *f)
{
	const struct cred *opener = f->f_cred, *holder = t->cred;

	r->holder.pid = t->tgid;
	r->holder.tid = t->pid;
	__builtin_memcpy(r->holder.comm, t->comm, sizeof(r->holder.comm));
	r->start_ns = t->group_leader->start_time;
	r->cgroup = t->cgroups->dfl_cgrp->kn->id;
	r->stopped = t->signal->flags & SIGNAL_STOP_STOPPED;
	r->opener_cred = (__u64)opener;
	r->holder_cred = (__u64)holder;
	r->same_user = opener->uid.val == holder->uid.val;
}

/* The id, made where the kernel can make it. */
static __always_inline void identify(struct conn *c, struct sock *sk, struct file *f)
{
	struct socket *so;

	if (c->id)
		return;
	if (cfg.has_cookie) {
		so = bpf_sock_from_file(f);
		if (so && so->sk)
			c->id = bpf_get_socket_cookie(so->sk);
	} else {
		conn_make_up_id(c, sk);
	}
}

SEC("?iter/task_file")
int cl_look(struct bpf_iter__task_file *ctx)
{
	struct task_struct *t = ctx->task;
	struct file *f = ctx->file;
	struct look_fd at = {};
	struct socket_wq *wq;
	struct conn *c;
	struct sock *sk;

	if (!t || !f)
		return 0;
	if (cfg.has_cookie) {
		struct tcp_sock *tp = typed_tcp_sock_of(f);

		if (!tp)
			return 0;
		sk = &tp->inet_conn.icsk_inet.sk;
		wq = sk->sk_wq;
		sock_facts(&at.sock, sk, tp);
		at.sock.unsent = tp->write_seq - tp->snd_una;
	} else {
		sk = tcp_sock_of(f);
		if (!sk)
			return 0;
		wq = BPF_CORE_READ(sk, sk_wq);
		probe_facts(&at.sock, sk);
	}
	at.now_ns = bpf_ktime_get_ns();
	at.fd = ctx->fd;
	look_at_holder(&at, t, f);
	c = conn_of(sk);
	if (!c) {
		keep_pre_existing(&at, sk, t);
		c = conn_of(sk);
	}
	if (!c)
		return 0; /* not wanted, or it ended in between and that was said */
	if (!(c->flags & CONN_ESTABLISHED) && at.sock.state != TCP_SYN_SENT)
		conn_catch_up(c, BPF_CORE_READ(sk, __sk_common.skc_num));
	know_opener(c, &at);
	identify(c, sk, f);
	probe_reader(&at, wq);
	bpf_seq_write(ctx->meta->seq, &at, sizeof(at));
	bpf_seq_write(ctx->meta->seq, c, sizeof(*c));
	return 0;
}

SEC("?iter/task")
int cl_creds(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;
	struct cred_row r = {};

	if (!t)
		return 0;
	r.cred = (__u64)BPF_CORE_READ(t, cred);
	r.tid = t->pid;
	r.pid = t->tgid;
	bpf_seq_write(ctx->meta->seq, &r, sizeof(r));
	return 0;
}
