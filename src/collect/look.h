/* SPDX-License-Identifier: GPL-2.0-only */
/* look.h - one look at every open socket, as events: by the files of all processes, then by what is kept. */
#ifndef CONNLIFE_LOOK_H
#define CONNLIFE_LOOK_H

#include "cgroups.h"
#include "object.h"

/* What a look has seen, from its first part to its second. Begin with zeroes. */
struct looked {
	struct numbers {
		__u64 *v;
		size_t n, cap;
	} ids;
};

/* Says EV_SEEN for every fd of an open connection. 0 or negative errno. */
int look_at_files(const struct objects *o, struct cgroups *cgroups, const struct event_sink *sink, struct looked *l);

/*
 * Says EV_SEEN for the records that no fd led to (in flight in a unix socket, registered with io_uring, newer), and
 * EV_CLOSE, without time and manner, for those whose sock is gone though no program saw it go.
 * closes: say EV_CLOSE for those that are closed and not yet destroyed; only when nothing is attached any more.
 */
int look_at_conns(const struct objects *o, struct cgroups *cgroups, const struct event_sink *sink,
		  const struct looked *l, bool closes);
void looked_free(struct looked *l);

/* Says EV_SITE for every site and sweeps those silent since before_ns. 0 or negative errno. */
int look_at_sites(const struct objects *o, __u64 before_ns, const struct event_sink *sink);

#endif
