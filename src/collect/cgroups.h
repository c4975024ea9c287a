/* SPDX-License-Identifier: GPL-2.0-only */
/* cgroups.h - cgroup v2 ids and paths. */
#ifndef CONNLIFE_CGROUPS_H
#define CONNLIFE_CGROUPS_H

#include <stddef.h>
#include <linux/types.h>
#include "../events/source.h"

struct cgroups;

/* Finds the cgroup2 mount. Never fails: without one, no path is known. Free with cgroups_free(). */
struct cgroups *cgroups_new(void);
void cgroups_free(struct cgroups *c);

/* The id of a cgroup given as a path, absolute in the file system or below the cgroup2 mount. 0 or -ENOENT. */
int cgroups_id(const struct cgroups *c, const char *path, __u64 *id);

/* Says EV_CGROUP for id unless it was said before or cannot be resolved. */
void cgroups_say(struct cgroups *c, __u64 id, __u64 now_ns, const struct event_sink *sink);

#endif
