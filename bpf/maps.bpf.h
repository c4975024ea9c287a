/* SPDX-License-Identifier: GPL-2.0-only */
/* maps.bpf.h - every map of the kernel side: who inserts, who deletes, who reads. Sizes are set by user space. */
#ifndef CONNLIFE_MAPS_BPF_H
#define CONNLIFE_MAPS_BPF_H

/*
 * slots and conns: every connection that is open, by the address of its sock (conns.bpf.h).
 * Inserted: connect, accept, look (pre-existing). Updated: state changes, receives, close. Deleted: tcp_destroy_sock,
 * failed connects, resets. Read: looks, and user space in batches. It never evicts: full is counted (CNT_LOST_MAP).
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 262144);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct conn);
} conns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << SLOT_BITS_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct slot);
} slots SEC(".maps");

/* events: what is said to user space. Never a wake-up per event: see emit.bpf.h. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} events SEC(".maps");

/* counters: enum counter, per CPU. Counted here, summed by user space, never reset. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CNT_MAX);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* pids: --pid. Inserted by user space before attaching and, with --children, at fork; deleted at the process's end. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u8);
} pids SEC(".maps");

/* sites: closes per site in quiet mode, by the hash of the site's key (site.bpf.h). Inserted and updated at close; read
 * by user space in batches, which deletes sites that have been silent for a while. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct site_row);
} sites SEC(".maps");

/* Counts, and returns this CPU's count. */
static __always_inline __u64 count(enum counter which)
{
	__u32 key = which;
	__u64 *n = bpf_map_lookup_elem(&counters, &key);

	if (!n)
		return 0;
	__sync_fetch_and_add(n, 1); /* a softirq on this CPU counts too */
	return *n;
}

#endif
