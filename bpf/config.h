/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config.h - what user space tells the kernel side before loading: read-only there, so untaken branches cost nothing.
 */
#ifndef CONNLIFE_CONFIG_H
#define CONNLIFE_CONFIG_H

#include "events.h"

struct config {
	struct filter filter;
	__u32 self; /* our own process id: a look holds files for a moment, and may be left to close one */
	__u32 pad2;
	__u64 tick_ns, tick_origin_ns; /* facts are dated by ticks (time.bpf.h); 0 = by the clock */
	__u64 wake_bytes; /* ring buffer fill level above which user space is woken */
	/* Kernel addresses of wait queue functions; 0 = unknown (kptr_restrict). */
	__u64 fn_recv, fn_poll, fn_epoll, fn_uring_poll;
	/* This fact is taken from inet_sock_set_state. */
	__u8 tp_connect;
	__u8 tp_accept;
	__u8 tp_close;
	__u8 has_cookie; /* bpf_get_socket_cookie works in tracing programs (Linux 5.12) */
	__u8 emit_open; /* say EV_OPEN */
	__u8 quiet; /* count closes per site instead of saying them */
	__u8 slot_bits; /* slots has 2^n entries; 0 = it is not used */
	__u8 pad;
};

#define SLOT_BITS_MAX 12 /* 4096 slots, 0.8 MB */

enum { SLOT_FREE, SLOT_TAKEN }; /* TAKEN: being filled. Any other value is the address of a sock */

/* A place for one connection's record (bpf/conns.bpf.h). */
struct slot {
	__u64 sock;
	struct conn conn;
};

/* One fd that holds an open TCP socket (iter/task_file). */
struct look_fd {
	struct sock_facts sock;
	struct actor holder;
	__u64 now_ns;
	__u64 start_ns; /* of the holder, CLOCK_MONOTONIC */
	__u64 cgroup; /* of the holder */
	__u64 opener_cred; /* address of the credentials object the file was opened with */
	__u64 holder_cred; /* and of the holder's own */
	__s32 fd;
	__u32 reader_pid, reader_tid;
	__u8 reader; /* enum reader_how */
	__u8 stopped;
	__u8 same_user; /* opener_cred and holder_cred name the same user */
	__u8 pad;
};

/* One row of a look: written in two parts, because a BPF stack does not hold both. */
struct look_row {
	struct look_fd at;
	struct conn conn; /* its record in conns */
};

/* One row per task: its credentials object, to find out whether an opener still lives. */
struct cred_row {
	__u64 cred;
	__u32 tid, pid;
};

/* One site's closes. */
struct site_row {
	struct site_key key;
	struct site_counts counts;
};

EVENTS_ASSERT(sizeof(struct config) % 8 == 0);
EVENTS_ASSERT(sizeof(struct look_row) % 8 == 0);

#endif
