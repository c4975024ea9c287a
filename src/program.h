/* SPDX-License-Identifier: GPL-2.0-only */
/* program.h - `-- PROGRAM ARGS`: a child that waits until it may begin. */
#ifndef CONNLIFE_PROGRAM_H
#define CONNLIFE_PROGRAM_H

#include <sys/types.h>

struct program {
	pid_t pid; /* 0 = none */
	int go; /* write end: closing it without a byte ends the child */
	int failed; /* read end: the errno of a failed exec */
};

/* 0 if name can be found and executed as execvp(3) would; negative errno otherwise. */
int program_find(const char *name);

/* Forks; the child waits for program_start(). 0 or negative errno. */
int program_fork(struct program *p, char **argv);

/* Lets it begin. 0, or the negative errno of the exec that failed. */
int program_start(struct program *p);

/* Ends a child that was never started. */
void program_abandon(struct program *p);

#endif
