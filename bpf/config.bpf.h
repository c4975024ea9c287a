/* SPDX-License-Identifier: GPL-2.0-only */
/* config.bpf.h - the configuration as BPF programs see it, and the filter in the kernel. */
#ifndef CONNLIFE_CONFIG_BPF_H
#define CONNLIFE_CONFIG_BPF_H

#include "config.h"
#include "maps.bpf.h"
#include "task.bpf.h"

/* a section of its own: user space finds it by name (collect/object.c) */
const volatile struct config cfg SEC(".rodata.config") = {};

#define FILTER (cfg.filter)

/* Is port in a zero-terminated list? An empty list takes every port. */
static __always_inline bool port_listed(const volatile __u16 *list, __u16 port)
{
	if (!list[0])
		return true;
	for (int i = 0; i < MAX_PORTS; i++) {
		if (!list[i])
			return false;
		if (list[i] == port)
			return true;
	}
	return false;
}

static __always_inline bool net_matches(const __u8 *addr)
{
	for (int i = 0; i < 16; i++) {
		int bits = FILTER.net_bits - i * 8;
		__u8 mask = bits >= 8 ? 0xff : bits <= 0 ? 0 : 0xff << (8 - bits);

		if ((addr[i] ^ FILTER.net[i]) & mask)
			return false;
	}
	return true;
}

/* The half of the filter that is about the connection. A client's lport may be 0 (not chosen yet): let it pass,
 * ESTABLISHED asks again. */
static __always_inline bool wants_conn(const struct conn *c)
{
	if (FILTER.family && FILTER.family != c->family)
		return false;
	if (FILTER.role && c->role && FILTER.role != c->role)
		return false;
	if (!port_listed(FILTER.rport, c->rport))
		return false;
	if (c->lport) {
		if (!port_listed(FILTER.lport, c->lport))
			return false;
		if (!port_listed(FILTER.port, c->lport) && !port_listed(FILTER.port, c->rport))
			return false;
	}
	if (FILTER.net_family) {
		if (FILTER.net_family != c->family)
			return false;
		if (!net_matches(c->laddr) && !net_matches(c->raddr))
			return false;
	}
	return true;
}

/* The half that is about a process: pid set (children are added to it by sched_process_fork), comm, cgroup. */
static __always_inline bool wants_task_of(struct task_struct *task, __u32 tgid, const char *comm)
{
	if (FILTER.npids && !bpf_map_lookup_elem(&pids, &tgid))
		return false;
	if (FILTER.has_comm) {
		for (int i = 0; i < COMM_LEN; i++) {
			if (comm[i] != FILTER.comm[i])
				return false;
			if (!comm[i])
				break;
		}
	}
	if (FILTER.cgroup && !task_under_cgroup(task, FILTER.cgroup))
		return false;
	return true;
}

/* The same of the current task. */
static __always_inline bool wants_task(__u32 tgid, const char *comm)
{
	if (!FILTER.npids && !FILTER.has_comm && !FILTER.cgroup)
		return true;
	return wants_task_of((struct task_struct *)bpf_get_current_task(), tgid, comm);
}

#endif
