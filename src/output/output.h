/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * output.h - one format, one file, one ops table. Formats only print: they decide nothing and read no clock.
 */
#ifndef CONNLIFE_OUTPUT_H
#define CONNLIFE_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>
#include "../model/connection.h"
#include "../model/session.h"

struct finding; /* analysis/finding.h */
struct timelines; /* model/timeline.h */
struct report; /* analysis/finding.h: all findings of one moment */

struct summary {
	__u64 duration_ns;
	__u64 opened, closed, failed, outstanding, pre_existing;
	const struct report *report; /* the last one; NULL for commands without verdicts */
	const struct timelines *timelines; /* with --verbose; else NULL */
};

struct output {
	const struct output_ops *ops;
	FILE *file; /* large buffer; owned by the caller of output_open() */
	const struct session *session;
	bool colour; /* a terminal, and no NO_COLOR */
	bool flush; /* flush per line: not a regular file */
	bool events; /* --events: opens are wanted */
	bool verbose;
	unsigned int top; /* at most so many findings in a report; 0 = all */
	struct { /* what a format remembers between its calls; zero before begin */
		unsigned int address_width; /* text: of the header that was printed last */
		__u64 heading_ns; /* text: moment whose list of open connections has its heading */
	} memo;
};

/* Calls come in this order; those a format does not have are NULL. */
struct output_ops {
	const char *name; /* as in --format */
	void (*begin)(struct output *o); /* once, when session and flavours are known */
	void (*open)(struct output *o, const struct connection *k); /* established, with --events */
	void (*close)(struct output *o, const struct connection *k); /* ended */
	void (*failed)(struct output *o, const struct connection *k); /* never became established */
	void (*outstanding)(struct output *o, const struct connection *k, __u64 now_ns); /* still open, at a report */
	void (*report)(struct output *o, const struct report *r); /* leaks: the findings of one moment */
	void (*summary)(struct output *o, const struct summary *s); /* once, last */
};

extern const struct output_ops output_text, output_json, output_csv, output_leaks_text;

#endif
