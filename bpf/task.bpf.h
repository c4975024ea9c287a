/* SPDX-License-Identifier: GPL-2.0-only */
/* task.bpf.h - who a task is. Every program type can use it. */
#ifndef CONNLIFE_TASK_BPF_H
#define CONNLIFE_TASK_BPF_H

#define PF_EXITING 0x00000004 /* include/linux/sched.h */
#define SIGNAL_STOP_STOPPED 0x00000001 /* include/linux/sched/signal.h */
#define CGROUP_DEPTH 16

/*
 * The current task. From 5.11 (3ca1032ab7ab) as a pointer whose fields are plain loads; helper calls for its pid, comm
 * and cgroup cost ten times as much, and hooks make them four times a connection. Before: NULL, use the helpers.
 */
static __always_inline struct task_struct *current_task_loads(void)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf))
		return bpf_get_current_task_btf();
	return NULL;
}

/* As bpf_get_current_pid_tgid(): process in the upper half, thread in the lower. */
static __always_inline __u64 current_pid_tid(void)
{
	struct task_struct *t = current_task_loads();

	return t ? (__u64)t->tgid << 32 | (__u32)t->pid : bpf_get_current_pid_tgid();
}

static __always_inline void actor_is_current(struct actor *a)
{
	struct task_struct *t = current_task_loads();
	__u64 id = current_pid_tid();

	a->pid = id >> 32;
	a->tid = (__u32)id;
	if (t)
		__builtin_memcpy(a->comm, t->comm, sizeof(a->comm));
	else
		bpf_get_current_comm(a->comm, sizeof(a->comm));
}

static __always_inline __u64 current_cgroup(void)
{
	struct task_struct *t = current_task_loads();

	return t ? t->cgroups->dfl_cgrp->kn->id : bpf_get_current_cgroup_id();
}

/* Is the current task on its way out? Then the kernel closes on its behalf (do_exit sets the flag before exit_files). */
static __always_inline bool current_is_exiting(void)
{
	struct task_struct *t = current_task_loads();

	if (t)
		return t->flags & PF_EXITING;
	return BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), flags) & PF_EXITING;
}

/* Is t in the cgroup (v2) with this id or below it? */
static __always_inline bool task_under_cgroup(struct task_struct *t, __u64 id)
{
	struct cgroup_subsys_state *css;
	struct cgroup *cg = BPF_CORE_READ(t, cgroups, dfl_cgrp);

	for (int i = 0; i < CGROUP_DEPTH && cg; i++) {
		if (BPF_CORE_READ(cg, kn, id) == id)
			return true;
		css = BPF_CORE_READ(cg, self.parent);
		cg = css ? container_of(css, struct cgroup, self) : NULL;
	}
	return false;
}

#endif
