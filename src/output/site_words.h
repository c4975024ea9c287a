/* SPDX-License-Identifier: GPL-2.0-only */
/* site_words.h - how a site and its owner are named. */
#ifndef CONNLIFE_SITE_WORDS_H
#define CONNLIFE_SITE_WORDS_H

#include "../lib/buf.h"
#include "../../bpf/events.h"

/* "10.0.3.7:5432" of a client's site, "[::1]:5432", "clients of :8080" of a server's. */
void buf_remote(struct buf *b, const struct site_key *site);

/*
 * The systemd unit or container that a cgroup path belongs to: "orders.service", "docker 3f2a...". false when the path
 * names none.
 */
bool buf_owner(struct buf *b, const char *cgroup_path);

#endif
