/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * leak_stage.h - what `leaker` and `healthy` share: processes, threads, gates, and the truth they print.
 *
 * The first process (the stage) only starts the others, waits until the situation is built and has
 * been quiet for long enough, prints READY and the truth, and waits for the end of its stdin. The
 * connections live in other processes, so that each has the owner, the name and the end it needs.
 * What they know of the truth they write into memory all of them share (struct expect).
 */
#ifndef LEAK_STAGE_H
#define LEAK_STAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { MAX_EXPECTS = 2, MAX_CONNECTIONS = 64, MAX_PIDS = 4 };

/* One finding that connlife must show. */
struct expect {
	const char *verdict, *severity, *confidence, *role;
	const char *reader; /* "none", "recv"...; NULL: not told */
	/* When connlife is started after READY and cannot know as much; NULL: the same; "a|b": either. */
	const char *late_verdict, *late_severity;
	bool at_least; /* the number goes on rising: count is a lower bound, no ids are told */
	bool gone; /* not open any more at READY: no outstanding lines */
	int count;
	int pid; /* who opened them: the site's process */
	int holders[MAX_PIDS], nholders;
	struct {
		int port;
		uint64_t id; /* socket cookie */
	} connections[MAX_CONNECTIONS];
};

struct kind {
	const char *name;
	void (*build)(void); /* in the first process; returns when the truth is complete */
	bool suspect_allowed; /* controls only: a leak is not, a suspect is */
};

extern int older_ms; /* T of the contract */

/* The whole main() of both programs; kinds ends with an entry without a name. */
int stage_main(int argc, char **argv, const struct kind *kinds, bool control);

/* One more finding that this kind must give; shared by all processes. */
struct expect *expect_new(const char *verdict, const char *severity, const char *confidence,
			  const char *role);
/* The calling process opened fd and it belongs to the finding. Any thread may call it. */
void expect_add(struct expect *expect, int fd);
void expect_holder(struct expect *expect, int pid);

/* Before any process is started; and when all is built. */
void truth_open(void);
void truth_print(const struct kind *kind, bool control);

/* A process of this name; it dies with its parent, and with the stage. */
pid_t stage_process(const char *name, void (*body)(void *), void *arg);
/* The same, but it outlives its parent: body has to end in stage_rest() or watch stage_lifeline(). */
pid_t stage_survivor(const char *name, void (*body)(void *), void *arg);
void stage_reap(pid_t pid);
/* Does nothing, on no socket, until the stage ends. */
void stage_rest(void) __attribute__((noreturn));
/* Readable (end of file) when the stage ends. */
int stage_lifeline(void);
/* In a program started by exec: the lifeline it was given. */
void stage_adopt(int lifeline);

/* Any process: one step of the building is done; the first process waits for `steps` of them. */
void stage_built(void);
void stage_wait_built(int steps);
/* Waits for a line on stdin, when the driver asked for that with --hold. */
void stage_hold(void);

/* Detached, or until it ends. Names are what the kernel shows as comm. */
void thread_start(const char *name, void (*body)(void *), void *arg);
void thread_run(const char *name, void (*body)(void *), void *arg);

void nap_ms(double ms);
/* Between two uses of a connection that is in use: small against T even when the machine is busy. */
void nap_pace(void);
void die(const char *what) __attribute__((noreturn));

#endif
