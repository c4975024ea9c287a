// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "features.h"
#include "tracefs.h"

static const struct bpf_insn do_nothing[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
	{ .code = BPF_JMP | BPF_EXIT },
};

/* r1 = first argument; r0 = bpf_get_socket_cookie(r1) */
static const struct bpf_insn make_cookie[] = {
	{ .code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_1 },
	{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_socket_cookie },
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
	{ .code = BPF_JMP | BPF_EXIT },
};

/* r0 = 0; r1 = the word at r10 - 8; if the word is r0, it becomes r1 */
static const struct bpf_insn exchange[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
	{ .code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_10, .src_reg = BPF_REG_0, .off = -8 },
	{ .code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_10, .off = -8 },
	{ .code = BPF_STX | BPF_ATOMIC | BPF_DW, .dst_reg = BPF_REG_10, .src_reg = BPF_REG_1, .off = -8,
	  .imm = BPF_CMPXCHG },
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
	{ .code = BPF_JMP | BPF_EXIT },
};

#define LOAD(type, insns, opts) bpf_prog_load(type, "cl_try", "GPL", insns, sizeof(insns) / sizeof(*(insns)), opts)

/* bpf_prog_load() returns -errno in libbpf 1.x */
static int try_tracing(const struct btf *btf, enum bpf_attach_type type, const char *prefix, const char *target)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = type);
	char name[96];
	int id, prog, link, err = 0;

	snprintf(name, sizeof(name), "%s%s", prefix, target);
	id = btf__find_by_name_kind(btf, name, type == BPF_TRACE_RAW_TP ? BTF_KIND_TYPEDEF : BTF_KIND_FUNC);
	if (id < 0)
		return -ENOENT;
	opts.attach_btf_id = id;
	prog = LOAD(BPF_PROG_TYPE_TRACING, do_nothing, &opts);
	if (prog < 0)
		return prog;
	if (type != BPF_TRACE_ITER) {
		link = bpf_raw_tracepoint_open(NULL, prog);
		if (link < 0)
			err = link;
		else
			close(link);
	}
	close(prog);
	return err;
}

static int read_number(const char *path, const char *format, int *out)
{
	FILE *f = fopen(path, "re");
	int n = 0;

	if (!f)
		return -errno;
	if (fscanf(f, format, out) == 1)
		n = 1;
	fclose(f);
	return n ? 0 : -EIO;
}

static int attach_to_event(int prog, int event)
{
	int err = 0;

	if (event < 0)
		return event;
	if (ioctl(event, PERF_EVENT_IOC_SET_BPF, prog) < 0)
		err = -errno;
	close(event);
	return err;
}

static int kprobe_event(const char *function, bool ret)
{
	struct perf_event_attr attr = { .size = sizeof(attr) };
	int type, bit = 0, fd;

	if (read_number("/sys/bus/event_source/devices/kprobe/type", "%d", &type))
		return -EOPNOTSUPP;
	if (ret && read_number("/sys/bus/event_source/devices/kprobe/format/retprobe", "config:%d", &bit))
		return -EOPNOTSUPP;
	attr.type = type;
	attr.config = ret ? 1ULL << bit : 0;
	attr.config1 = (unsigned long)function;
	fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int try_kprobe(const char *function, bool ret)
{
	int prog = LOAD(BPF_PROG_TYPE_KPROBE, do_nothing, NULL), err;

	if (prog < 0)
		return prog;
	err = attach_to_event(prog, kprobe_event(function, ret));
	close(prog);
	return err;
}

static int try_tracepoint(const char *tracepoint, int tracefs)
{
	int prog, err;

	if (tracefs < 0)
		return tracefs;
	prog = LOAD(BPF_PROG_TYPE_TRACEPOINT, do_nothing, NULL);
	if (prog < 0)
		return prog;
	err = attach_to_event(prog, tracefs_perf_event(tracefs, tracepoint));
	close(prog);
	return err;
}

/* Compare-and-exchange came with Linux 5.12 (5ffa25502b5a), to arm64's JIT with 5.18 (1902472b4fa9). */
static bool try_atomics(void)
{
	int prog = LOAD(BPF_PROG_TYPE_KPROBE, exchange, NULL);

	if (prog < 0)
		return false;
	close(prog);
	return true;
}

static bool try_cookie(const struct btf *btf)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP);
	int id = btf__find_by_name_kind(btf, "btf_trace_tcp_destroy_sock", BTF_KIND_TYPEDEF), prog;

	if (id < 0)
		return false;
	opts.attach_btf_id = id;
	prog = LOAD(BPF_PROG_TYPE_TRACING, make_cookie, &opts);
	if (prog < 0)
		return false;
	close(prog);
	return true;
}

static int try_option(const struct probe_option *o, const struct btf *btf, int tracefs)
{
	int err;

	if (o->when != ANY_KERNEL) {
		bool has = btf__find_by_name_kind(btf, "proto_accept_arg", BTF_KIND_STRUCT) > 0;

		if (has != (o->when == HAS_ACCEPT_ARG))
			return 1;
	}
	switch (o->hook) {
	case HOOK_FENTRY:
		return try_tracing(btf, BPF_TRACE_FENTRY, "", o->target);
	case HOOK_FEXIT:
		return try_tracing(btf, BPF_TRACE_FEXIT, "", o->target);
	case HOOK_TP_BTF:
		return try_tracing(btf, BPF_TRACE_RAW_TP, "btf_trace_", o->target);
	case HOOK_ITER:
		return try_tracing(btf, BPF_TRACE_ITER, "bpf_iter_", o->target);
	case HOOK_KPROBE:
	case HOOK_KRETPROBE:
		return try_kprobe(o->target, o->hook == HOOK_KRETPROBE);
	case HOOK_TRACEPOINT:
		err = try_tracepoint(o->target, tracefs);
		return err || !o->also ? err : try_tracepoint(o->also, tracefs);
	case HOOK_NONE:
		break;
	}
	return -EINVAL;
}

int features_try(struct features *f, int tracefs)
{
	struct btf *btf = btf__load_vmlinux_btf();

	memset(f, 0, sizeof(*f));
	if (!btf)
		return errno == EPERM || errno == EACCES ? -EPERM : -ENOENT;
	for (int fact = 0; fact < FACT_MAX; fact++)
		for (int i = 0; i < PROBE_OPTIONS && probe_facts[fact].options[i].hook != HOOK_NONE; i++)
			f->err[fact][i] = try_option(&probe_facts[fact].options[i], btf, tracefs);
	f->has_cookie = try_cookie(btf);
	f->has_atomics = try_atomics();
	/* bpf_mem_alloc (7c8199e24fa0, Linux 6.1) made run-time allocation safe in every program type */
	f->prealloc = btf__find_by_name_kind(btf, "bpf_mem_alloc", BTF_KIND_STRUCT) <= 0;
	btf__free(btf);
	return 0;
}

const char *feature_refusal(enum hook hook, int err)
{
	bool function = hook == HOOK_FENTRY || hook == HOOK_FEXIT;
	bool kprobe = hook == HOOK_KPROBE || hook == HOOK_KRETPROBE;

	switch (err) {
	case 0:
		return "usable";
	case 1:
		return "for other kernel versions";
	case -ENOENT:
		return "this kernel does not have it";
	case -EPERM:
	case -EACCES:
		return function ? "refused (EPERM): a hardened kernel or lockdown forbids function trampolines" :
				  "refused (EPERM): not root, or lockdown forbids it";
	case -EOPNOTSUPP:
	case -524: /* ENOTSUPP, the kernel's own */
		return kprobe ? "the kernel is built without kprobes" :
				"the architecture has no direct calls for trampolines (arm64 before 6.4)";
	}
	return strerror(-err);
}
