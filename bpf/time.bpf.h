/* SPDX-License-Identifier: GPL-2.0-only */
/* time.bpf.h - when a fact happened. */
#ifndef CONNLIFE_TIME_BPF_H
#define CONNLIFE_TIME_BPF_H

#include "config.bpf.h"

/*
 * CLOCK_MONOTONIC ns. A read of the clock costs about 50 ns where this was measured, five times a connection; `leaks`
 * judges by seconds and takes the time of the newest tick (10 ms at most), which is one load.
 */
static __always_inline __u64 fact_ns(void)
{
	if (cfg.tick_ns)
		return cfg.tick_origin_ns + bpf_jiffies64() * cfg.tick_ns;
	return bpf_ktime_get_ns();
}

#endif
