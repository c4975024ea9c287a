/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tracer.h - the live host as a source of events. Everything that is attached goes away with the tracer's file
 * descriptors, so also when the program is killed.
 */
#ifndef CONNLIFE_TRACER_H
#define CONNLIFE_TRACER_H

#include <stdbool.h>
#include <stddef.h>
#include "../events/source.h"
#include "probes.h"

struct tracer_options {
	struct filter filter;
	enum flavour flavour; /* forced, or FLAVOUR_AUTO */
	unsigned int max_connections; /* capacity of conns */
	unsigned int ring_bytes; /* power of two, multiple of the page size */
	bool emit_open, quiet, last_use, senders;
	const char *cgroup_path; /* --cgroup; NULL = none */
	const char *command; /* the command line, for the session record */
	__u64 older_ns;
	bool program; /* -- PROGRAM */
};

struct tracer;

/*
 * Tries the kernel, loads, attaches, says EV_SESSION and EV_FLAVOUR and looks once (LOOK_START). On failure a negative
 * errno, *out NULL, nothing attached, and one sentence for the user in why. -ENXIO: the user named something that is not there.
 */
int tracer_open(const struct tracer_options *opt, const struct event_sink *sink, struct tracer **out, char *why,
		size_t why_size);
void tracer_close(struct tracer *t);

/* Becomes readable when the ring buffer fills faster than the caller drains it. */
int tracer_fd(const struct tracer *t);

/* Says everything that is in the ring buffer. 0 or negative errno. */
int tracer_drain(struct tracer *t);

/*
 * Says EV_SEEN for every open connection and its holders, EV_CLOSE for those closed but not yet destroyed when why is
 * LOOK_FINAL, EV_SITE, EV_COUNTERS, then EV_LOOK. Drains before and after. LOOK_FINAL detaches: nothing is traced
 * after it. 0 or negative errno.
 */
int tracer_look(struct tracer *t, enum look_why why);

/* Says EV_STANDSTILL: from then until now the caller was ready to run, and was not let. */
void tracer_standstill(struct tracer *t, __u64 from_ns);

/* Says EV_END. program_status: wait status of `-- PROGRAM`. */
void tracer_end(struct tracer *t, __u32 program_status);

__u64 monotonic_ns(void);

#endif
