/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * site.h - where connections come from: process, opener's thread name, role and remote. (The opening stack joins the
 * key when stacks are there.) A site remembers what the looks before this one saw. Sites that differ in the thread only
 * have one peer: a pool's connections are opened by whichever thread found it empty.
 */
#ifndef CONNLIFE_SITE_H
#define CONNLIFE_SITE_H

#include <stdbool.h>
#include <uthash.h>
#include "../model/connection.h"
#include "finding.h"

#define SITE_WINDOWS 64 /* looks that are remembered */

/* What ended at a site between two looks. */
struct site_window {
	__u64 from_ns, to_ns;
	__u32 closed[AGE_CLASSES]; /* by lifetime */
};

/* How a count of connections moved from look to look. */
struct trend {
	__u32 first, last;
	__u32 rises, looks;
	bool fell;
	__u64 last_look_ns;
	__u64 rising_since_ns; /* the look before the first rise */
	__u64 last_rise_ns;
};

/* A process and a remote, whatever thread opened. */
struct peer {
	struct site_key key; /* without comm */
	struct site *sites;
	__u64 newest_seen_ns; /* newest traced opening that a look saw; 0 = none */
	UT_hash_handle hh;
};

/* A host has 40 000 of these. */
struct site {
	struct site_key key;
	struct peer *peer;
	struct site *next; /* of its peer */
	struct site_counts counts; /* the kernel's, newest */
	struct site_window *windows; /* ring of SITE_WINDOWS: the newest is nwindows - 1; NULL while nothing was closed */
	size_t nwindows;
	__u64 newest_used_ns; /* opening of the newest connection that was used and is closed */
	struct trend open, quiet, close_wait;
	__u32 reported[VERDICT_MAX]; /* connections per verdict at the newest report */
	bool was_reported;
	__u32 now_open, now_in_use, now_quiet, now_close_wait; /* of the look that is being judged */
	__u64 seen_ns; /* last time anything was heard of it */
	UT_hash_handle hh;
};

struct sites {
	struct site *by_key;
	struct peer *peers;
	__u64 before_ns, now_ns; /* the newest two looks; 0 = not yet */
};

void site_key_of(const struct conn *c, struct site_key *key);

/* Finds or adds. NULL without memory. */
struct site *sites_get(struct sites *s, const struct site_key *key);

/* When a process last opened a connection to that peer, by whatever thread; 0 = not since the start. */
__u64 peer_newest_ns(const struct peer *peer);

/* Takes EV_SITE: what was closed since the event before becomes a window. Negative errno without memory. */
int sites_event(struct sites *s, const struct ev_site *ev);

/* A look is complete: forgets sites of which nothing was heard for an hour. */
void sites_look(struct sites *s, __u64 now_ns);

void sites_free(struct sites *s);

/* Adds the count of one more look. */
void trend_add(struct trend *t, size_t count, __u64 now_ns);

/* Upper bound of a lifetime of this class, ns; the last class has none. */
__u64 age_class_limit_ns(unsigned int class);

#endif
