/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * events.h - THE contract of both sides: what the kernel side and the collector say, as bytes.
 *
 * Every record begins with struct ev_head. Kinds are numbered and append-only: a number never changes its meaning,
 * a struct only grows at its end (a reader takes the first bytes it knows). Recordings hold these bytes as they are.
 * Plain integers in the host's byte order, no pointers, every struct a multiple of 8 bytes.
 *
 * Times: `_ns` is CLOCK_MONOTONIC in nanoseconds. `_jiffies` is the low 32 bits of the kernel's tick counter (cheap
 * enough for every receive); ev_session.hz and sock_facts.now_jiffies turn it into time. 0 means "unknown" in both.
 */
#ifndef CONNLIFE_EVENTS_H
#define CONNLIFE_EVENTS_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define COMM_LEN 16
#define MAX_PORTS 16 /* per port option */
#define MAX_PIDS 64 /* named by --pid; children come on top, in the kernel map */
#define EVENTS_VERSION 1

enum ev_kind {
	EV_SESSION = 1, /* ev_session: first record of every stream */
	EV_FLAVOUR = 2, /* ev_flavour: one per fact that is traced */
	EV_OPEN = 3, /* ev_conn: established; only on request */
	EV_CLOSE = 4, /* ev_conn: the connection ended; carries its whole record, so a lost open is harmless */
	EV_FAILED = 5, /* ev_conn: a connect that never became established */
	EV_SEEN = 6, /* ev_seen: one open socket and one fd that holds it, looked at */
	EV_LOOK = 7, /* ev_look: all EV_SEEN of this look have been said */
	EV_COUNTERS = 8, /* ev_counters: what was counted up to now, losses among it */
	EV_CGROUP = 9, /* ev_cgroup: the path of a cgroup id */
	EV_SITE = 10, /* ev_site: closes of one site, counted in the kernel up to now */
	EV_END = 11, /* ev_end: last record of a stream that was not cut off */
	EV_STANDSTILL = 12, /* ev_standstill: this host ran nobody for a while */
	EV_KIND_MAX,
};

struct ev_head {
	__u32 size; /* of the whole record, head included */
	__u16 kind; /* enum ev_kind */
	__u16 pad;
	__u64 time_ns;
};

enum role { ROLE_CLIENT = 1, ROLE_SERVER = 2 };
enum origin { ORIGIN_TRACED = 1, ORIGIN_SNAPSHOT = 2 };

/* How a connection ended. RESET, TIMEOUT and ABORT: the kernel ended it, no process did. */
enum how { HOW_APP = 1, HOW_EXIT = 2, HOW_RESET = 3, HOW_TIMEOUT = 4, HOW_ABORT = 5 };

/* conn.flags */
enum {
	CONN_ESTABLISHED = 1, /* the handshake was completed */
	CONN_RECV_EAGAIN = 2, /* the last receive attempt found nothing (-EAGAIN) */
	CONN_RECV_EOF = 4, /* the last receive attempt read the peer's FIN */
	CONN_OPENER_SEEN = 8, /* opener is who opened it, not only who holds it */
	CONN_SYNTHETIC_ID = 16, /* no socket cookie on this kernel: id is made up */
	CONN_RECV_LEFT = 32, /* the last receive left data in the queue */
};

struct actor {
	__u32 pid; /* thread group id, as the initial pid namespace sees it; 0 = unknown */
	__u32 tid;
	char comm[COMM_LEN]; /* raw bytes, NUL-terminated by the kernel */
};

/*
 * One connection as the kernel side keeps it: the value of the `conns` map.
 * 192 bytes on purpose: with the map's own 56 bytes an element is 248, inside the 256-byte slab class.
 */
struct conn {
	__u64 id; /* socket cookie */
	__u64 opened_ns; /* SYN sent, accept returned (or the handshake ended, config.tp_accept), or (snapshot) first seen */
	__u64 closed_ns; /* the application let go */
	__u64 peer_closed_ns; /* the peer's FIN came first */
	__u64 connect_ns; /* duration: SYN sent to established; clients only */
	__u64 cgroup; /* opener's cgroup v2 id */
	struct actor opener;
	struct actor closer; /* who let go; while it is open (no closed_ns): who sent last, where senders are traced */
	__u8 laddr[16]; /* IPv4 (v4-mapped too) in the first 4 bytes; network order */
	__u8 raddr[16];
	__u16 lport, rport; /* host order */
	__u32 netns; /* inode number of the network namespace */
	__u8 family; /* 4 or 6, as the user sees it: v4-mapped is 4 */
	__u8 role; /* enum role; 0 = unknown */
	__u8 origin; /* enum origin */
	__u8 flags; /* CONN_* */
	__u32 recv_jiffies; /* last receive that returned data */
	struct actor receiver; /* who that was */
	__u32 try_jiffies; /* last receive that found nothing */
	__u32 try_pid, try_tid; /* who that was */
	__s32 fd; /* -1 = unknown */
	__u8 how; /* enum how, once closed */
	__u8 pad[7];
};

/* What the socket itself says at the moment of a record. */
struct sock_facts {
	__u64 tx_bytes, rx_bytes; /* payload, without retransmissions */
	__u32 rtt_us; /* smoothed */
	__u32 retransmits;
	__u32 now_jiffies; /* when these facts were read; 0 = they were not */
	__u32 sent_jiffies; /* last data sent (lsndtime) */
	__u32 arrived_jiffies; /* last data arrived (lrcvtime) */
	__u32 unread; /* bytes in the receive queue, the FIN not counted */
	__u32 unsent; /* bytes not yet acknowledged by the peer */
	__u32 copied_seq; /* moves when the application reads */
	__u32 err; /* sk_err, positive errno */
	__u8 state; /* TCP state as the kernel numbers it */
	__u8 shutdown; /* 1 = receive, 2 = send side shut down */
	__u8 pad[2];
	__u32 heard_jiffies; /* last segment from the peer that carried an ACK, a FIN among them (rcv_tstamp) */
	__u32 pad2;
};

struct ev_conn {
	struct ev_head head;
	struct conn conn;
	struct sock_facts sock;
};

/* Who waits on a socket, in the order in which it says more. */
enum reader_how {
	READER_UNKNOWN = 0,
	READER_NONE = 1, /* nobody waits */
	READER_RECV = 2, /* a thread blocked in a receive call */
	READER_POLL = 3, /* poll, select, io_uring poll */
	READER_EPOLL = 4, /* member of an epoll set */
};

/* ev_seen.flags */
enum {
	SEEN_STOPPED = 1, /* the holder is stopped (SIGSTOP, debugger) */
	SEEN_OPENER_ALIVE = 2, /* a living process has the credentials object the socket was opened with */
	SEEN_OPENER_CHECKED = 4, /* ... that question could be asked */
	SEEN_IS_OPENER = 8, /* ... and this holder has it */
};

struct ev_seen {
	struct ev_head head;
	struct conn conn;
	struct sock_facts sock;
	struct actor holder; /* pid 0: in no process's fd table (in flight, registered with io_uring) */
	__u64 holder_start_ns; /* when that process started, CLOCK_MONOTONIC */
	__u64 holder_cgroup;
	__s32 fd;
	__u32 reader_pid, reader_tid; /* 0 = not told by the kernel */
	__u8 reader; /* enum reader_how */
	__u8 flags; /* SEEN_* */
	__u8 pad[2];
};

/* SAMPLE: between reports, so that what changes can be told from what stays. */
enum look_why { LOOK_START = 1, LOOK_INTERVAL = 2, LOOK_FINAL = 3, LOOK_SAMPLE = 4 };

struct ev_look {
	struct ev_head head;
	__u64 began_ns;
	__u64 read_ns; /* every open file had been looked at; to detach takes a while after that */
	__u32 why; /* enum look_why */
	__u32 pad;
};

/* Counters since the start. Up to CNT_LOST facts, after it losses. Append only. */
enum counter {
	CNT_OPENED, /* traced opens that became established or were accepted */
	CNT_CLOSED,
	CNT_FAILED,
	CNT_PRE_EXISTING,
	CNT_SAID, /* events put into the ring buffer */
	CNT_LOST,
	CNT_LOST_RING = CNT_LOST, /* ring buffer full: an event was not said */
	CNT_LOST_MAP, /* conns full: a connection's opening was not kept */
	CNT_LOST_MISSED, /* the kernel skipped a program run (recursion, maxactive) */
	CNT_LOST_SITE, /* sites full: closes were not counted */
	CNT_LOST_LOOK, /* a look could not read a socket or a process */
	CNT_MAX,
};

struct ev_counters {
	struct ev_head head;
	__u64 value[CNT_MAX];
};

/* What connections are wanted. The kernel side applies it; replay applies it again. 0 = any. */
struct filter {
	__u16 port[MAX_PORTS]; /* either end; zero-terminated unless full */
	__u16 lport[MAX_PORTS];
	__u16 rport[MAX_PORTS];
	__u32 pids[MAX_PIDS];
	__u32 npids;
	__u8 children; /* also the descendants of pids */
	__u8 family; /* 4 or 6 */
	__u8 role;
	__u8 has_comm;
	char comm[COMM_LEN];
	__u64 cgroup; /* cgroup v2 id; descendants match too */
	__u8 net[16]; /* either end inside net/net_bits */
	__u8 net_family;
	__u8 net_bits;
	__u8 state; /* only what is still open, by TCP state */
	__u8 pad[5];
};

struct ev_session {
	struct ev_head head;
	__u64 wall_ns; /* CLOCK_REALTIME at head.time_ns */
	__u32 version; /* EVENTS_VERSION */
	__u32 hz; /* ticks a second */
	char host[64];
	char kernel[64];
	char boot_id[40];
	char tool[16]; /* connlife's version */
	char command[256]; /* the command line, for the reader */
	char cgroup_path[128]; /* --cgroup as the user gave it */
	struct filter filter;
	__u64 older_ns; /* leaks: T */
	__u8 program; /* it was `-- PROGRAM`: everything seen belongs to it */
	__u8 quiet; /* closes are counted per site, not said one by one */
	__u8 last_use; /* receives are traced: a missing receiver means nobody received */
	__u8 pad[5];
};

struct ev_flavour {
	struct ev_head head;
	char fact[24];
	char flavour[24];
};

struct ev_cgroup {
	struct ev_head head; /* size covers path, which is NUL-terminated and padded to 8 bytes */
	__u64 id;
	char path[];
};

/* A site as the kernel can tell it: who connected or accepted, in which role, with whom. */
struct site_key {
	__u32 pid;
	__u32 netns;
	__u8 raddr[16]; /* of clients; a server's site has many peers: zero */
	__u16 rport; /* servers: the local port */
	__u8 family;
	__u8 role;
	__u32 pad;
	char comm[COMM_LEN]; /* opener's */
};

/* class c: a lifetime under 2^(20 + c) ns, about 2^c ms; the last one is open-ended, and for pre-existing ones */
#define AGE_CLASSES 24

struct site_counts {
	__u64 last_close_ns;
	__u64 newest_open_ns; /* opening of the newest closed connection that had carried data both ways */
	__u64 used; /* closed ones that had carried data */
	__u32 closed[AGE_CLASSES]; /* by lifetime; they wrap */
};

struct ev_site {
	struct ev_head head;
	struct site_key key;
	struct site_counts counts;
};

/* Virtual machines are stopped, moved and starved: until head.time_ns not even this tool, which has a high priority and
 * a timer that fires ten times a second, was let run. What an application did not do meanwhile says nothing about it. */
struct ev_standstill {
	struct ev_head head;
	__u64 from_ns;
};

struct ev_end {
	struct ev_head head;
	__u32 program_status; /* wait status of `-- PROGRAM` */
	__u32 pad;
};

#define EVENTS_ASSERT(what) _Static_assert(what, #what)
EVENTS_ASSERT(sizeof(struct ev_head) == 16);
EVENTS_ASSERT(sizeof(struct actor) == 24);
EVENTS_ASSERT(sizeof(struct conn) == 192);
EVENTS_ASSERT(sizeof(struct sock_facts) == 64);
EVENTS_ASSERT(sizeof(struct filter) % 8 == 0);
EVENTS_ASSERT(sizeof(struct ev_seen) % 8 == 0);
EVENTS_ASSERT(sizeof(struct ev_session) % 8 == 0);
EVENTS_ASSERT(sizeof(struct site_key) == 48);

#endif
