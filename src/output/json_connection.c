// SPDX-License-Identifier: GPL-2.0-only
/* The facts about one connection as JSON members. Unknown ones put nothing, never 0 or "". */
#include <string.h>
#include "../lib/timefmt.h"
#include "json_internal.h"
#include "words.h"

static void known_u64(struct json *j, const char *key, __u64 v)
{
	if (v)
		json_u64(j, key, v);
}

static void known_word(struct json *j, const char *key, const char *word)
{
	if (word)
		json_string(j, key, word);
}

void json_time(struct json *j, const char *key, const struct session *s, __u64 mono_ns)
{
	char text[RFC3339_LEN + 1];

	if (!mono_ns)
		return;
	rfc3339_text(text, session_wall_ns(s, mono_ns));
	json_bytes(j, key, text, RFC3339_LEN);
}

void json_actor(struct json *j, const struct actor *a)
{
	if (!a->pid)
		return;
	json_u64(j, "pid", a->pid);
	known_u64(j, "tid", a->tid);
	if (a->comm[0])
		json_bytes(j, "comm", a->comm, COMM_LEN);
}

static void json_address(struct json *j, const char *key, unsigned int family, const __u8 addr[16])
{
	struct buf text;

	if (!address_known(addr))
		return;
	buf_init(&text);
	buf_address(&text, family, addr);
	json_bytes(j, key, text.data, text.len);
	buf_free(&text);
}

/* What the socket itself said; known only when it was looked at. */
static void json_sock(struct json *j, const struct sock_facts *f)
{
	if (!f->now_jiffies)
		return;
	json_u64(j, "tx_bytes", f->tx_bytes);
	json_u64(j, "rx_bytes", f->rx_bytes);
	known_u64(j, "rtt_us", f->rtt_us);
	json_u64(j, "retransmits", f->retransmits);
}

void json_connection(struct json *j, const struct session *s, const struct connection *k)
{
	const struct conn *c = &k->c;
	const char *cgroup = c->cgroup ? session_cgroup(s, c->cgroup) : NULL;
	int fd = connection_fd(k);

	known_u64(j, "id", c->id);
	known_u64(j, "netns", c->netns);
	json_u64(j, "family", c->family);
	json_address(j, "laddr", c->family, c->laddr);
	known_u64(j, "lport", c->lport);
	json_address(j, "raddr", c->family, c->raddr);
	known_u64(j, "rport", c->rport);
	known_word(j, "role", role_word(c->role));
	json_actor(j, &c->opener);
	if (fd >= 0)
		json_i64(j, "fd", fd);
	known_word(j, "cgroup", cgroup);
	json_time(j, "opened", s, c->opened_ns);
	known_word(j, "origin", origin_word(c->origin));
	json_sock(j, &k->sock);
}

void json_close(struct json *j, const struct session *s, const struct conn *c)
{
	json_object(j, "close");
	known_word(j, "how", how_word(c->how));
	json_time(j, "time", s, c->closed_ns);
	json_actor(j, &c->closer);
	json_object_end(j);
}

void json_last_use(struct json *j, const struct session *s, const struct connection *k, __u64 now_ns)
{
	struct last_use use = connection_last_use(k);

	/* All that is known of such a one is when it was first seen. */
	if (!use.time_ns || (use.direction == DIR_NONE && k->c.origin == ORIGIN_SNAPSHOT))
		return;
	json_object(j, "last_use");
	json_time(j, "time", s, use.time_ns);
	json_u64(j, "idle_ns", now_ns > use.time_ns ? now_ns - use.time_ns : 0);
	known_word(j, "direction", direction_word(use.direction));
	json_actor(j, &use.who);
	json_object_end(j);
}

void json_reader(struct json *j, const struct connection *k)
{
	const char *how = reader_word(k->reader);

	if (!how)
		return;
	json_object(j, "reader");
	json_string(j, "how", how);
	known_u64(j, "pid", k->reader_pid);
	known_u64(j, "tid", k->reader_tid);
	json_object_end(j);
}

void json_holders(struct json *j, const struct connection *k)
{
	if (!k->nholders)
		return;
	json_array(j, "holders");
	for (size_t i = 0; i < k->nholders; i++) {
		const struct holder *h = &k->holders[i];

		if (!h->who.pid)
			continue; /* in no process's fd table: an empty list says that */
		json_object(j, NULL);
		json_u64(j, "pid", h->who.pid);
		if (h->fd >= 0)
			json_i64(j, "fd", h->fd);
		if (h->who.comm[0])
			json_bytes(j, "comm", h->who.comm, COMM_LEN);
		json_object_end(j);
	}
	json_array_end(j);
}
