// SPDX-License-Identifier: GPL-2.0-only
/* Newline-delimited JSON, one object a line: header first, summary last. */
#include "../analysis/finding.h"
#include "json_internal.h"
#include "words.h"

#define SCHEMA "1.0"

static void json_begin(struct json *j, const char *type)
{
	json_init(j);
	json_object(j, NULL);
	json_string(j, "type", type);
}

static void json_finish(struct json *j, struct output *o)
{
	json_object_end(j);
	json_line(j, o->file, o->flush);
	json_free(j);
}

static void known_text(struct json *j, const char *key, const char *text)
{
	if (text && text[0])
		json_string(j, key, text);
}

static void filter_ports(struct json *j, const char *key, const __u16 list[MAX_PORTS])
{
	if (!list[0])
		return;
	json_array(j, key);
	for (int i = 0; i < MAX_PORTS && list[i]; i++)
		json_u64(j, NULL, list[i]);
	json_array_end(j);
}

static void filter_net(struct json *j, const struct filter *f)
{
	struct buf text;

	if (!f->net_family)
		return;
	buf_init(&text);
	buf_address(&text, f->net_family, f->net);
	buf_char(&text, '/');
	buf_u64(&text, f->net_bits);
	json_bytes(j, "cidr", text.data, text.len);
	buf_free(&text);
}

/* Only those that are set. */
static void json_filters(struct json *j, const struct ev_session *ev)
{
	const struct filter *f = &ev->filter;

	json_object(j, "filters");
	if (f->npids) {
		json_array(j, "pid");
		for (__u32 i = 0; i < f->npids && i < MAX_PIDS; i++)
			json_u64(j, NULL, f->pids[i]);
		json_array_end(j);
	}
	if (f->children)
		json_bool(j, "children", true);
	filter_ports(j, "port", f->port);
	filter_ports(j, "lport", f->lport);
	filter_ports(j, "rport", f->rport);
	if (f->family)
		json_u64(j, "family", f->family);
	known_text(j, "role", role_word(f->role));
	if (f->has_comm)
		json_bytes(j, "comm", f->comm, COMM_LEN);
	known_text(j, "cgroup", ev->cgroup_path);
	filter_net(j, f);
	known_text(j, "state", state_word(f->state));
	json_object_end(j);
}

static void json_header(struct output *o)
{
	const struct session *s = o->session;
	struct json j;

	json_begin(&j, "header");
	json_string(&j, "schema", SCHEMA);
	known_text(&j, "version", s->ev.tool);
	known_text(&j, "host", s->ev.host);
	known_text(&j, "kernel", s->ev.kernel);
	known_text(&j, "boot_id", s->ev.boot_id);
	json_time(&j, "time", s, s->ev.head.time_ns);
	json_object(&j, "flavours");
	for (size_t i = 0; i < s->nflavours; i++)
		json_named(&j, s->flavours[i].fact, s->flavours[i].flavour);
	json_object_end(&j);
	json_filters(&j, &s->ev);
	known_text(&j, "command", s->ev.command);
	json_finish(&j, o);
}

static void json_open(struct output *o, const struct connection *k)
{
	struct json j;

	if (!o->events)
		return;
	json_begin(&j, "open");
	json_connection(&j, o->session, k);
	if (k->c.role == ROLE_CLIENT && k->c.connect_ns)
		json_u64(&j, "connect_ns", k->c.connect_ns);
	json_finish(&j, o);
}

static void json_closed(struct output *o, const struct connection *k)
{
	__u64 duration;
	struct json j;

	json_begin(&j, "close");
	json_connection(&j, o->session, k);
	if (conn_duration_ns(&k->c, &duration))
		json_u64(&j, "duration_ns", duration);
	json_time(&j, "peer_closed", o->session, k->c.peer_closed_ns);
	json_close(&j, o->session, &k->c);
	json_finish(&j, o);
}

static void json_failed(struct output *o, const struct connection *k)
{
	char scratch[ERRNO_WORD_LEN];
	__u64 duration;
	struct json j;

	json_begin(&j, "failed");
	json_connection(&j, o->session, k);
	if (k->sock.err)
		json_string(&j, "errno", errno_word(k->sock.err, scratch));
	if (conn_duration_ns(&k->c, &duration))
		json_u64(&j, "connect_ns", duration);
	if (k->c.closer.pid)
		json_close(&j, o->session, &k->c);
	json_finish(&j, o);
}

void json_open_connection(struct output *o, const struct connection *k, __u64 now_ns, const struct opinion *opinion)
{
	struct json j;

	json_begin(&j, "outstanding");
	json_connection(&j, o->session, k);
	if (k->c.opened_ns)
		json_u64(&j, "age_ns", connection_age_ns(k, now_ns));
	known_text(&j, "state", state_word(k->sock.state));
	json_time(&j, "peer_closed", o->session, k->c.peer_closed_ns);
	json_last_use(&j, o->session, k, now_ns);
	json_reader(&j, k);
	json_holders(&j, k);
	if (opinion) {
		json_string(&j, "verdict", verdict_word(opinion->verdict));
		json_string(&j, "reason", opinion->why);
	}
	json_finish(&j, o);
}

static void json_outstanding(struct output *o, const struct connection *k, __u64 now_ns)
{
	json_open_connection(o, k, now_ns, NULL);
}

static void json_summary(struct output *o, const struct summary *s)
{
	struct json j;

	json_begin(&j, "summary");
	json_u64(&j, "duration_ns", s->duration_ns);
	json_u64(&j, "opened", s->opened);
	json_u64(&j, "closed", s->closed);
	json_u64(&j, "failed", s->failed);
	json_u64(&j, "outstanding", s->outstanding);
	json_u64(&j, "pre_existing", s->pre_existing);
	json_object(&j, "lost");
	for (int c = CNT_LOST; c < CNT_MAX; c++)
		json_u64(&j, loss_name((enum counter)c), o->session->counters.value[c]);
	json_object_end(&j);
	if (session_standstill_ns(o->session))
		json_u64(&j, "standstill_ns", session_standstill_ns(o->session));
	if (s->report)
		json_findings_summary(&j, s->report);
	json_finish(&j, o);
}

const struct output_ops output_json = {
	.name = "json",
	.begin = json_header,
	.open = json_open,
	.close = json_closed,
	.failed = json_failed,
	.outstanding = json_outstanding,
	.report = json_report,
	.summary = json_summary,
};
