// SPDX-License-Identifier: GPL-2.0-only
/*
 * connlife.bpf.c - attach points only: a SEC line and one call each. Every program is optional ("?"): user space loads
 * the ones that src/collect/probes.c chose. bpf/README.md has the table.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "use.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* --- every flavour: state changes and destruction ------------------------------------------------------------- */

SEC("?tp_btf/inet_sock_set_state")
int BPF_PROG(cl_state, struct sock *sk, int old, int new)
{
	if (sk->sk_protocol == IPPROTO_TCP)
		on_state(sk, old, new);
	return 0;
}

SEC("?tp_btf/tcp_destroy_sock")
int BPF_PROG(cl_destroy, struct sock *sk)
{
	on_destroy(sk);
	return 0;
}

/* Not attached: a look runs it for a sock's address and its record's id, where it met no open file (src/collect/look.c). */
SEC("?raw_tp/tcp_destroy_sock")
int cl_gone(struct bpf_raw_tracepoint_args *ctx)
{
	return on_unseen((struct sock *)ctx->args[0], ctx->args[1]);
}

/* --- active open ------------------------------------------------------------------------------------------------ */

SEC("?fentry/tcp_connect")
int BPF_PROG(cl_connect_fentry, struct sock *sk)
{
	on_connect(sk, true);
	return 0;
}

SEC("?kprobe/tcp_connect")
int BPF_KPROBE(cl_connect_kprobe, struct sock *sk)
{
	on_connect(sk, false);
	return 0;
}

/* --- passive open ------------------------------------------------------------------------------------------------ */

/* sock_graft() hands the accepted sock to its new socket and holds a lock with softirqs off: no run is skipped because
 * another accept preempted or interrupted it, as those of fexit are where the kernel is preemptible */
SEC("?fentry/security_sock_graft")
int BPF_PROG(cl_accept_fentry, struct sock *sk, struct socket *parent)
{
	on_accept(sk, true, -1);
	return 0;
}

/* 4 parameters up to 6.9, 2 from 6.10 (92ef0fd55ac8), so the return value moves */
SEC("?fexit/inet_csk_accept")
int BPF_PROG(cl_accept_fexit_2, struct sock *lsk, void *arg, struct sock *sk)
{
	on_accept(sk, true, -1);
	return 0;
}

SEC("?fexit/inet_csk_accept")
int BPF_PROG(cl_accept_fexit_4, struct sock *lsk, int flags, int *err, bool kern, struct sock *sk)
{
	on_accept(sk, true, -1);
	return 0;
}

/* unlike a kretprobe on inet_csk_accept, which runs out of return instances when many threads sleep in accept(), an
 * entry probe misses none */
SEC("?kprobe/security_sock_graft")
int BPF_KPROBE(cl_accept_kprobe, struct sock *sk)
{
	on_accept(sk, false, -1);
	return 0;
}

SEC("?kretprobe/inet_csk_accept")
int BPF_KRETPROBE(cl_accept_kretprobe, struct sock *sk)
{
	on_accept(sk, false, -1);
	return 0;
}

/* fd -> file -> socket -> sock, in the accepting task, right after the fd was installed */
static __always_inline int accepted_fd(long fd)
{
	struct task_struct *t = current_task_loads();
	struct file **slot, *f = NULL;
	struct socket *so;
	__u32 max_fds;

	if (fd < 0)
		return 0;
	if (t) {
		slot = t->files->fdt->fd;
		max_fds = t->files->fdt->max_fds;
	} else {
		t = (void *)bpf_get_current_task();
		slot = BPF_CORE_READ(t, files, fdt, fd);
		max_fds = BPF_CORE_READ(t, files, fdt, max_fds);
	}
	if ((unsigned long)fd >= max_fds)
		return 0; /* the table is shared and another thread closed it already */
	bpf_probe_read_kernel(&f, sizeof(f), slot + fd);
	so = BPF_CORE_READ(f, private_data);
	on_accept(BPF_CORE_READ(so, sk), false, fd);
	return 0;
}

SEC("?tracepoint/syscalls/sys_exit_accept")
int cl_accept_tp(struct trace_event_raw_sys_exit *ctx)
{
	return accepted_fd(ctx->ret);
}

SEC("?tracepoint/syscalls/sys_exit_accept4")
int cl_accept4_tp(struct trace_event_raw_sys_exit *ctx)
{
	return accepted_fd(ctx->ret);
}

/* --- the application closed -------------------------------------------------------------------------------------- */

SEC("?fentry/tcp_close")
int BPF_PROG(cl_close_fentry, struct sock *sk)
{
	on_app_close(sk);
	return 0;
}

SEC("?kprobe/tcp_close")
int BPF_KPROBE(cl_close_kprobe, struct sock *sk)
{
	on_app_close(sk);
	return 0;
}

/* --- last receive: the tracepoint is there from 6.3 (6e6eda44b939) ------------------------------------------------ */

SEC("?tp_btf/sock_recv_length")
int BPF_PROG(cl_recv_tp, struct sock *sk, int ret, int flags)
{
	if (sk->sk_protocol == IPPROTO_TCP && !(flags & MSG_PEEK))
		on_receive(sk, ret, sk->sk_receive_queue.qlen && !(sk->__sk_common.skc_flags >> SOCK_DONE_BIT & 1));
	return 0;
}

/* tcp_cleanup_rbuf(sk, copied) ends every tcp_recvmsg, with what that is about to return; 2 parameters on all kernels */
SEC("?fentry/tcp_cleanup_rbuf")
int BPF_PROG(cl_recv_fentry, struct sock *sk, int copied)
{
	on_receive(sk, copied, sock_unread(sk));
	return 0;
}

SEC("?kprobe/tcp_cleanup_rbuf")
int BPF_KPROBE(cl_recv_kprobe, struct sock *sk, int copied)
{
	on_receive(sk, copied, sock_unread(sk));
	return 0;
}

/* --- last send, on request: the tracepoint is there from 6.3 (6e6eda44b939). At a function's entry it may yet fail ---- */

SEC("?tp_btf/sock_send_length")
int BPF_PROG(cl_send_tp, struct sock *sk, int ret, int flags)
{
	if (sk->sk_protocol == IPPROTO_TCP && ret > 0)
		on_send(sk);
	return 0;
}

SEC("?fexit/tcp_sendmsg")
int BPF_PROG(cl_send_fexit, struct sock *sk, struct msghdr *msg, size_t size, int ret)
{
	if (ret > 0)
		on_send(sk);
	return 0;
}

SEC("?kprobe/tcp_sendmsg")
int BPF_KPROBE(cl_send_kprobe, struct sock *sk)
{
	on_send(sk);
	return 0;
}

/* --- --children: the pid set follows fork and exit ----------------------------------------------------------------- */

SEC("?tp_btf/sched_process_fork")
int BPF_PROG(cl_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 from = parent->tgid, to = child->tgid;
	__u8 one = 1;

	if (from != to && bpf_map_lookup_elem(&pids, &from) && bpf_map_update_elem(&pids, &to, &one, BPF_ANY))
		count(CNT_LOST_MAP);
	return 0;
}

SEC("?tp_btf/sched_process_exit")
int BPF_PROG(cl_exit, struct task_struct *task)
{
	__u32 tgid = task->tgid;

	/* children only: the pids that the user named stay, their last closes come after this */
	if (task->signal->live.counter == 0)
		bpf_map_delete_elem(&pids, &tgid);
	return 0;
}
