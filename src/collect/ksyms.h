/* SPDX-License-Identifier: GPL-2.0-only */
/* ksyms.h - addresses of kernel functions, from /proc/kallsyms. */
#ifndef CONNLIFE_KSYMS_H
#define CONNLIFE_KSYMS_H

#include <stddef.h>
#include <linux/types.h>

struct ksym {
	const char *name;
	__u64 addr; /* filled in; 0 = not found, or hidden (kernel.kptr_restrict=2) */
};

/* Fills the addresses of n symbols in one pass. Negative errno when the file cannot be read. */
int ksyms_find(struct ksym *syms, size_t n);

#endif
