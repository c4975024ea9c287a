// SPDX-License-Identifier: GPL-2.0-only
/* json_finding.c - a report as JSON: the connections it names, then a `finding` a line. */
#include <stdlib.h>
#include "../analysis/finding.h"
#include "json_internal.h"
#include "site_words.h"

static void json_remote(struct json *j, const struct site_key *site)
{
	struct buf b;

	buf_init(&b);
	buf_remote(&b, site);
	json_bytes(j, "remote", b.data, b.len);
	buf_free(&b);
}

static void json_unit(struct json *j, const struct session *s, const struct finding *f)
{
	const char *path = f->nconnections ? session_cgroup(s, f->connections[0]->c.cgroup) : NULL;
	struct buf b;

	if (!path)
		return;
	buf_init(&b);
	if (buf_owner(&b, path))
		json_bytes(j, "unit", b.data, b.len);
	buf_free(&b);
}

static void json_finding(struct output *o, const struct finding *f)
{
	struct json j;

	json_init(&j);
	json_object(&j, NULL);
	json_string(&j, "type", "finding");
	json_string(&j, "verdict", verdict_word(f->verdict));
	json_string(&j, "severity", severity_word(f->severity));
	json_string(&j, "confidence", confidence_word(f->confidence));
	json_string(&j, "reason", f->reason);
	json_u64(&j, "count", f->count);
	if (f->has_growth)
		json_i64(&j, "growth", f->growth);
	if (f->oldest_ns)
		json_u64(&j, "oldest_ns", f->oldest_ns);
	if (f->site.pid)
		json_u64(&j, "pid", f->site.pid);
	json_bytes(&j, "comm", f->site.comm, sizeof(f->site.comm));
	json_string(&j, "role", f->site.role == ROLE_SERVER ? "server" : "client");
	json_remote(&j, &f->site);
	json_unit(&j, o->session, f);
	json_array(&j, "connections");
	for (size_t i = 0; i < f->nconnections; i++)
		json_u64(&j, NULL, f->connections[i]->c.id);
	json_array_end(&j);
	json_object(&j, "evidence");
	for (size_t i = 0; i < f->nevidence; i++)
		json_u64(&j, f->evidence[i].name, f->evidence[i].value);
	json_object_end(&j);
	json_object_end(&j);
	json_line(&j, o->file, o->flush);
	json_free(&j);
}

void json_report(struct output *o, const struct report *r)
{
	size_t shown = o->top && o->top < r->nfindings ? o->top : r->nfindings;

	for (size_t i = 0; i < r->nopinions; i++)
		json_open_connection(o, r->opinions[i].k, r->now_ns, &r->opinions[i]);
	for (size_t i = 0; !r->nopinions && i < shown; i++)
		for (size_t k = 0; k < r->findings[i].nconnections; k++)
			json_open_connection(o, r->findings[i].connections[k], r->now_ns, NULL);
	for (size_t i = 0; i < shown; i++)
		json_finding(o, &r->findings[i]);
}

void json_findings_summary(struct json *j, const struct report *r)
{
	json_object(j, "findings");
	for (enum verdict v = VERDICT_NONE + 1; v < VERDICT_MAX; v++)
		if (r->connections_of[v])
			json_u64(j, verdict_word(v), r->connections_of[v]);
	json_object_end(j);
}
