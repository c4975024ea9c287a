// SPDX-License-Identifier: GPL-2.0-only
/* probes.c - the probe table and the choice. */
#include "probes.h"

#define FN(fl, hk, fn, prog) { .flavour = FLAVOUR_##fl, .hook = HOOK_##hk, .target = fn, .program = prog }

const struct probe_fact probe_facts[FACT_MAX] = {
	[FACT_STATE] = {
		.name = "state", .says = "state changes: established, failed, reset, closed by the peer", .required = true,
		.options = { FN(TRACEPOINT, TP_BTF, "inet_sock_set_state", "cl_state") },
	},
	[FACT_DESTROY] = {
		.name = "destroy", .says = "the kernel freed the socket", .required = true,
		.options = { FN(TRACEPOINT, TP_BTF, "tcp_destroy_sock", "cl_destroy") },
	},
	[FACT_CONNECT] = {
		.name = "connect", .says = "who opened a client connection", .required = true,
		.options = {
			FN(FENTRY, FENTRY, "tcp_connect", "cl_connect_fentry"),
			FN(KPROBE, KPROBE, "tcp_connect", "cl_connect_kprobe"),
			FN(TRACEPOINT, TP_BTF, "inet_sock_set_state", NULL),
		},
	},
	[FACT_ACCEPT] = {
		.name = "accept", .says = "who accepted a server connection", .required = true,
		.options = {
			FN(FENTRY, FENTRY, "security_sock_graft", "cl_accept_fentry"),
			{ .flavour = FLAVOUR_FENTRY, .hook = HOOK_FEXIT, .target = "inet_csk_accept",
			  .program = "cl_accept_fexit_2", .when = HAS_ACCEPT_ARG },
			{ .flavour = FLAVOUR_FENTRY, .hook = HOOK_FEXIT, .target = "inet_csk_accept",
			  .program = "cl_accept_fexit_4", .when = LACKS_ACCEPT_ARG },
			FN(KPROBE, KPROBE, "security_sock_graft", "cl_accept_kprobe"),
			FN(KPROBE, KRETPROBE, "inet_csk_accept", "cl_accept_kretprobe"),
			{ .flavour = FLAVOUR_TRACEPOINT, .hook = HOOK_TRACEPOINT, .target = "syscalls/sys_exit_accept4",
			  .program = "cl_accept4_tp", .also = "syscalls/sys_exit_accept", .also_program = "cl_accept_tp",
			  .slows_syscalls = true },
			FN(TRACEPOINT, TP_BTF, "inet_sock_set_state", NULL),
		},
		.limits =
			"fexit: misses an accept that preempts another (kernels that are preemptible); "
			"kretprobe: misses accepts when many threads sleep in accept(); "
			"sys_exit_accept4: an accept through io_uring or by a 32-bit program has no opener; "
			"sys_exit_accept4: every system call of the host is some 50 ns slower while it is attached; "
			"inet_sock_set_state, which `leaks` of a whole host prefers for that: a look tells the process "
			"that accepted, nothing tells the thread",
	},
	[FACT_CLOSE] = {
		.name = "close", .says = "who closed a connection", .required = true,
		.options = {
			FN(FENTRY, FENTRY, "tcp_close", "cl_close_fentry"),
			FN(KPROBE, KPROBE, "tcp_close", "cl_close_kprobe"),
			FN(TRACEPOINT, TP_BTF, "inet_sock_set_state", NULL),
		},
		.limits = "tracepoint: a close right after shutdown(), while the peer has not answered, has no closer",
	},
	[FACT_RECEIVE] = {
		.name = "receive", .says = "who received last, who found nothing (last use)",
		.options = {
			FN(TRACEPOINT, TP_BTF, "sock_recv_length", "cl_recv_tp"),
			FN(FENTRY, FENTRY, "tcp_cleanup_rbuf", "cl_recv_fentry"),
			FN(KPROBE, KPROBE, "tcp_cleanup_rbuf", "cl_recv_kprobe"),
		},
	},
	[FACT_SEND] = {
		.name = "send", .says = "--senders: who sent last",
		.options = {
			FN(TRACEPOINT, TP_BTF, "sock_send_length", "cl_send_tp"),
			FN(FENTRY, FEXIT, "tcp_sendmsg", "cl_send_fexit"),
			FN(KPROBE, KPROBE, "tcp_sendmsg", "cl_send_kprobe"),
		},
		.limits = "kprobe: who tried last, though the send may have failed",
	},
	[FACT_CHILDREN] = {
		.name = "fork", .says = "--children and -- PROGRAM: descendants",
		.options = { FN(TRACEPOINT, TP_BTF, "sched_process_fork", "cl_fork") },
	},
	[FACT_CHILDREN_END] = {
		.name = "process-exit", .says = "--children: their end",
		.options = { FN(TRACEPOINT, TP_BTF, "sched_process_exit", "cl_exit") },
	},
	[FACT_LOOK] = {
		.name = "look", .says = "open sockets of all processes: pre-existing ones, holders, readers", .required = true,
		.options = { FN(ITERATOR, ITER, "task_file", "cl_look") },
	},
	[FACT_OPENER] = {
		.name = "opener", .says = "whether the opener of a pre-existing connection still lives",
		.options = { FN(ITERATOR, ITER, "task", "cl_creds") },
	},
};

/* Does this fact come in this flavour at all? */
static bool fact_has_flavour(const struct probe_fact *fact, enum flavour flavour)
{
	for (int i = 0; i < PROBE_OPTIONS && fact->options[i].hook != HOOK_NONE; i++)
		if (fact->options[i].flavour == flavour)
			return true;
	return false;
}

static int choose(const struct features *f, enum fact fact, enum flavour forced, bool slow_ones)
{
	const struct probe_fact *p = &probe_facts[fact];
	bool only = forced != FLAVOUR_AUTO && fact_has_flavour(p, forced);

	for (int i = 0; i < PROBE_OPTIONS && p->options[i].hook != HOOK_NONE; i++) {
		if (only && p->options[i].flavour != forced)
			continue;
		if (!f->err[fact][i] && (slow_ones || !p->options[i].slows_syscalls))
			return i;
	}
	return -1;
}

int probe_choose(const struct features *f, enum fact fact, enum flavour forced, bool spare_syscalls)
{
	int i = choose(f, fact, forced, !spare_syscalls);

	return i < 0 ? choose(f, fact, forced, true) : i;
}

const char *flavour_name(enum flavour f)
{
	static const char *const names[] = { "auto", "fentry", "kprobe", "tracepoint", "iterator" };

	return names[f];
}
