/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * truth.h - what really happened to one socket, and how it is said.
 *
 * Every moment is kept as the two instants around the system call that made it happen, so that
 * the driver can tell a wrong lifetime from a machine that was busy.
 */
#ifndef TRUTH_H
#define TRUTH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { COMM_LEN = 16, ADDR_LEN = 48, MAX_HOLDERS = 2 };

struct task {
	int pid, tid; /* 0: more than one would be right */
	char comm[COMM_LEN]; /* "": more than one would be right */
};

struct span {
	uint64_t from, to; /* CLOCK_MONOTONIC, ns */
};

struct holder {
	int pid, fd;
};

/* One socket that takes or took part in a connection. */
struct end {
	int fd;
	const char *role; /* "client", "server" */
	uint64_t cookie; /* 0: could not be asked */
	int family;
	char laddr[ADDR_LEN], raddr[ADDR_LEN];
	int lport, rport; /* lport 0: not known to the program */
	struct task opener;
	struct span opened, closed;

	const char *how; /* "app", "exit", "reset", "timeout", "abort"; NULL: not told */
	bool has_closer;
	struct task closer;
	bool peer_closed, peer_closed_unknown;

	uint64_t tx, rx; /* payload; what the kernel received counts, read or not */
	bool bytes_unknown; /* retransmitted or thrown away on the way */
	bool io_uring; /* accepted or closed by io_uring: not every flavour can see that */

	struct holder holders[MAX_HOLDERS]; /* outstanding ends only */
	int nholders;
};

uint64_t now_ns(void);
void task_self(struct task *task);
void task_name(const char *name);

/* Fills in what can be asked of an open socket: id, family, addresses. */
void end_identify(struct end *end);
/* The calling thread opened `fd` between opened_from and now. */
void end_opened(struct end *end, int fd, const char *role, uint64_t opened_from);

/* Around the call that ends the connection: end_closing before, end_closed after. */
void end_closing(struct end *end);
void end_closed(struct end *end, const char *how);
/* Ended by nobody here (reset, timeout, abort) at some moment since `from`. */
void end_killed(struct end *end, const char *how, uint64_t from);

void truth_start(void);
void truth_close(const char *scenario, const struct end *end);
void truth_failed(const char *scenario, const struct end *end, int error);
void truth_outstanding(const char *scenario, const struct end *end);
void truth_skip(const char *scenario, const char *reason);

/* One line on stderr and exit 1: the machine cannot do what the scenario needs. */
void die(const char *what) __attribute__((noreturn));

#endif
