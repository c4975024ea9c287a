/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * table.h - every connection that is open as far as the stream of events tells, by id. One writer: table_event().
 */
#ifndef CONNLIFE_TABLE_H
#define CONNLIFE_TABLE_H

#include "connection.h"
#include "session.h"

struct table {
	struct connection **chains; /* by the hash of their ids; read them with table_next() or table_sorted() */
	size_t nchains; /* a power of two, or 0 */
	size_t count; /* connections */
	__u32 look; /* number of the newest complete look; 0 = none yet */
	__u64 look_ns; /* when it had read every open file: ages and idle times count to here */
};

/*
 * Takes EV_OPEN, EV_SEEN, EV_LOOK, EV_CLOSE and EV_FAILED; ignores all others. A look is the truth: what it did not
 * see is not open, even if its close was lost. Negative errno (-ENOMEM) leaves the table as it was.
 */
int table_event(struct table *t, const struct session *s, const struct ev_head *ev);

struct connection *table_find(const struct table *t, __u64 id);

/* The one after k in no order that means anything, the first after NULL; NULL = no more. */
struct connection *table_next(const struct table *t, const struct connection *k);

/* All connections, oldest opening first (ties by id). The caller frees the array; the connections stay the table's. */
struct connection **table_sorted(const struct table *t, size_t *n);

void table_free(struct table *t);

#endif
