/* SPDX-License-Identifier: GPL-2.0-only */
/* ticks.h - the kernel's tick counter (jiffies) as a clock. */
#ifndef CONNLIFE_TICKS_H
#define CONNLIFE_TICKS_H

#include <linux/types.h>

/* Length of a tick, ns: the coarse clocks advance once a tick, so their resolution is one. 0 = not known. */
__u64 tick_ns(void);

/*
 * CLOCK_MONOTONIC ns at which jiffies64 was 0, modulo 2^64: origin + jiffies64 * tick_ns() is the time of the newest
 * tick. The kernel advances jiffies by whole ticks of CLOCK_MONOTONIC (tick_do_update_jiffies64), so it stays true.
 * Needs CAP_BPF. Negative errno where jiffies cannot be read (bpf_jiffies64 is there from Linux 5.5).
 */
int ticks_origin(__u64 *origin_ns);

#endif
