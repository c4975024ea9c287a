/* SPDX-License-Identifier: GPL-2.0-only */
/* core_fixes.bpf.h - where kernels differ. Each difference once, with the commit or version that made it. */
#ifndef CONNLIFE_CORE_FIXES_BPF_H
#define CONNLIFE_CORE_FIXES_BPF_H

/*
 * struct file's reference count. Linux 6.13 (90ee6ed776c0 "fs: port files to file_ref") replaced f_count, an
 * atomic_long_t that reaches 0, by f_ref, whose released states all have the top bit set (include/linux/file_ref.h).
 */
struct file_ref___6_13 {
	atomic_long_t refcnt;
} __attribute__((preserve_access_index));

struct file___6_13 {
	struct file_ref___6_13 f_ref;
} __attribute__((preserve_access_index));

struct file___5_10 {
	atomic_long_t f_count;
} __attribute__((preserve_access_index));

/* Has the last reference to an open file gone, so that __fput() is what runs now or next? f is trusted: plain loads. */
static __always_inline bool file_is_released(struct file *f)
{
	struct file___6_13 *f_new = (void *)f;
	struct file___5_10 *f_old = (void *)f;

	if (bpf_core_field_exists(f_new->f_ref))
		return f_new->f_ref.refcnt.counter < 0;
	return f_old->f_count.counter == 0;
}

#endif
