/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json_internal.h - what the JSON format's files share. Facts that are unknown put nothing.
 */
#ifndef CONNLIFE_JSON_INTERNAL_H
#define CONNLIFE_JSON_INTERNAL_H

#include "../lib/json.h"
#include "output.h"

/* json_connection.c: members of the object that is open in j. */
void json_time(struct json *j, const char *key, const struct session *s, __u64 mono_ns); /* nothing when 0 */
void json_actor(struct json *j, const struct actor *a); /* `pid`, `tid`, `comm` */
void json_connection(struct json *j, const struct session *s, const struct connection *k); /* connection fields */
void json_close(struct json *j, const struct session *s, const struct conn *c); /* `close` {...} */
void json_last_use(struct json *j, const struct session *s, const struct connection *k, __u64 now_ns);
void json_reader(struct json *j, const struct connection *k);
void json_holders(struct json *j, const struct connection *k);

/* json.c: one `outstanding` line; opinion (its verdict and why) may be NULL. */
struct opinion;
void json_open_connection(struct output *o, const struct connection *k, __u64 now_ns, const struct opinion *opinion);

/* json_finding.c: the `finding` lines of a report, and the whole member `findings` {verdict: n} of the summary. */
void json_report(struct output *o, const struct report *r);
void json_findings_summary(struct json *j, const struct report *r);

#endif
