/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * probes.h - which fact is taken by which program: one row per fact, its flavours in order of preference, and a pure
 * function that chooses. No libbpf here; what the kernel accepts is found out by features.c.
 */
#ifndef CONNLIFE_PROBES_H
#define CONNLIFE_PROBES_H

#include <stdbool.h>
#include <stddef.h>

enum flavour { FLAVOUR_AUTO, FLAVOUR_FENTRY, FLAVOUR_KPROBE, FLAVOUR_TRACEPOINT, FLAVOUR_ITERATOR };

/* How a program attaches: what features.c has to try. */
enum hook { HOOK_NONE, HOOK_FENTRY, HOOK_FEXIT, HOOK_KPROBE, HOOK_KRETPROBE, HOOK_TP_BTF, HOOK_TRACEPOINT, HOOK_ITER };

/* A kernel difference that decides between two options of one flavour. */
enum kernel_has { ANY_KERNEL, HAS_ACCEPT_ARG, LACKS_ACCEPT_ARG };

#define PROBE_OPTIONS 7

struct probe_option {
	enum flavour flavour;
	enum hook hook;
	const char *target; /* kernel function, tracepoint or iterator */
	const char *program; /* in connlife.bpf.c; NULL: the state program does it */
	const char *also; /* a second tracepoint and its program, always together with the first */
	const char *also_program;
	enum kernel_has when;
	bool slows_syscalls; /* while it is attached every system call of the host takes the kernel's slow path */
};

enum fact { FACT_STATE, FACT_DESTROY, FACT_CONNECT, FACT_ACCEPT, FACT_CLOSE, FACT_RECEIVE, FACT_SEND,
	    FACT_CHILDREN, FACT_CHILDREN_END, FACT_LOOK, FACT_OPENER, FACT_MAX };

struct probe_fact {
	const char *name; /* as in doctor and in the JSON header */
	const char *says; /* what it tells, for doctor */
	bool required; /* without it nothing can be traced */
	struct probe_option options[PROBE_OPTIONS]; /* in order of preference; ends at HOOK_NONE */
	const char *limits; /* what a hook cannot see, or costs; separated by semicolons; NULL = nothing */
};

extern const struct probe_fact probe_facts[FACT_MAX];

/* What was tried, parallel to probe_facts[].options. */
struct features {
	int err[FACT_MAX][PROBE_OPTIONS]; /* 0 = attached; else a negative errno; 1 = not for this kernel */
	bool has_atomics; /* BPF compare-and-exchange */
	bool has_cookie; /* bpf_get_socket_cookie in tracing programs */
	bool prealloc; /* this kernel's maps need preallocation in tracing programs (no bpf_mem_alloc, before 6.1) */
};

/*
 * The option of a fact to use: the first that attached and that `forced` allows (FLAVOUR_AUTO allows all). A forced
 * flavour leaves facts alone that do not come in it. spare_syscalls: rather know less than slow every system call.
 * -1 = none.
 */
int probe_choose(const struct features *f, enum fact fact, enum flavour forced, bool spare_syscalls);

const char *flavour_name(enum flavour f);

#endif
