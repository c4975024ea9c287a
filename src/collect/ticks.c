// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <time.h>
#include <unistd.h>
#include "ticks.h"

#define TRIES 1000

static const struct bpf_insn read_jiffies[] = {
	{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_jiffies64 },
	{ .code = BPF_JMP | BPF_EXIT },
};

/* Time of the newest tick. */
static __u64 coarse_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

__u64 tick_ns(void)
{
	struct timespec tick;

	return clock_getres(CLOCK_MONOTONIC_COARSE, &tick) ? 0 : tick.tv_nsec;
}

/* The lower half of jiffies64. */
static int jiffies_now(int prog, __u32 *out)
{
	char frame[ETH_HLEN] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(frame));
	int err = bpf_prog_test_run_opts(prog, &run);

	*out = run.retval;
	return err;
}

/* The counter starts 300 seconds before its lower half overflows (INITIAL_JIFFIES, include/linux/jiffies.h). */
static __u64 whole_jiffies(__u32 low, __u64 now_ns, __u64 tick)
{
	__u64 about = (1ULL << 32) - 300 * (1000000000ULL / tick) + now_ns / tick;

	return about + (__s32)(low - (__u32)about);
}

int ticks_origin(__u64 *origin_ns)
{
	int prog = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "cl_jiffies", "GPL", read_jiffies,
				 sizeof(read_jiffies) / sizeof(*read_jiffies), NULL);
	__u64 tick = tick_ns(), before, after = 0;
	int err = -EAGAIN;
	__u32 low;

	if (prog < 0)
		return prog;
	for (int i = 0; tick && i < TRIES && err; i++) {
		before = coarse_ns();
		err = jiffies_now(prog, &low);
		after = coarse_ns();
		if (!err && before != after)
			err = -EAGAIN; /* a tick came in between */
		else if (err)
			break;
	}
	close(prog);
	if (!err)
		*origin_ns = after - whole_jiffies(low, after, tick) * tick;
	return err;
}
