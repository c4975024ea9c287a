/* SPDX-License-Identifier: GPL-2.0-only */
/* options.h - argv as a struct. Nothing is decided here beyond what is a valid option. */
#ifndef CONNLIFE_OPTIONS_H
#define CONNLIFE_OPTIONS_H

#include <stdbool.h>
#include "../bpf/events.h"
#include "collect/probes.h"

/* Exit statuses (README): every path out of main() uses one of these. */
enum exit_status { EXIT_DONE = 0, EXIT_LEAK = 1, EXIT_USAGE = 2, EXIT_CANNOT_TRACE = 3, EXIT_DAMAGED = 4 };

enum command { CMD_TRACE, CMD_LEAKS, CMD_RECORD, CMD_DOCTOR };

enum exit_code_on { EXIT_CODE_NEVER, EXIT_CODE_LEAK, EXIT_CODE_SUSPECT };

struct options {
	enum command command;
	struct filter filter; /* cgroup is still a path */
	const char *cgroup;
	__u64 duration_ns, interval_ns; /* 0 = until stopped, never */
	__u64 older_ns;
	bool older_given;
	unsigned int top; /* 0 = all */
	const char *format; /* "text" unless given */
	const char *output; /* NULL = stdout */
	const char *write, *read; /* recordings */
	bool events, verbose, last_use, senders;
	enum exit_code_on exit_code;
	enum flavour flavour;
	unsigned int max_connections, ring_bytes;
	char **program; /* -- PROGRAM ARGS, NULL-terminated; NULL = none */
	char command_line[256]; /* as typed, cut off at this size */
};

/* Prints one line to stderr and exits with EXIT_USAGE on anything that is not valid. Pointers point into argv. */
void options_parse(struct options *o, int argc, char **argv);

/* "connlife: " + message on stderr, one line. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
