/* SPDX-License-Identifier: GPL-2.0-only */
/* look.h - one look at every open socket, as events. */
#ifndef CONNLIFE_LOOK_H
#define CONNLIFE_LOOK_H

#include "cgroups.h"
#include "object.h"

/* Says EV_SEEN (and for LOOK_FINAL EV_CLOSE). *unread counts what could not be read. 0 or negative errno. */
int look(const struct objects *o, struct cgroups *cgroups, enum look_why why, const struct event_sink *sink,
	 __u64 *unread);

/* Says EV_SITE for every site and sweeps those silent since before_ns. 0 or negative errno. */
int look_at_sites(const struct objects *o, __u64 before_ns, const struct event_sink *sink);

#endif
