// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "table.h"

static void drop(struct table *t, struct connection *k)
{
	HASH_DEL(t->by_id, k);
	free(k->holders);
	free(k);
}

struct connection *table_find(const struct table *t, __u64 id)
{
	struct connection *k;

	HASH_FIND(hh, t->by_id, &id, sizeof(id), k);
	return k;
}

static struct connection *find_or_add(struct table *t, __u64 id)
{
	struct connection *k = table_find(t, id);

	if (k)
		return k;
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->c.id = id;
	HASH_ADD(hh, t->by_id, c.id, sizeof(k->c.id), k);
	return k;
}

static int opened(struct table *t, const struct session *s, const struct ev_conn *ev)
{
	struct connection *k = find_or_add(t, ev->conn.id);

	if (!k)
		return -ENOMEM;
	connection_set(k, s, &ev->conn, &ev->sock, ev->head.time_ns);
	k->look = t->look + 1; /* open before the next look begins: that one decides */
	return 0;
}

/* First sight in this look: what the look before saw moves to prev_*, the holders are asked anew. */
static void begin_sight(struct connection *k, __u64 look)
{
	if (k->sock.now_jiffies) {
		k->prev_copied_seq = k->sock.copied_seq;
		k->prev_unread = k->sock.unread;
		k->prev_look_ns = k->looked_ns;
	}
	k->look = look;
	k->nholders = 0;
	k->reader = READER_UNKNOWN;
	k->reader_pid = k->reader_tid = 0;
	k->opener_checked = k->opener_alive = k->found = false;
}

static int add_holder(struct connection *k, const struct ev_seen *ev)
{
	struct holder *h;

	if (!(k->nholders & (k->nholders - 1))) { /* full at powers of two (and at 0) */
		size_t cap = k->nholders ? k->nholders * 2 : 1;

		h = realloc(k->holders, cap * sizeof(*h));
		if (!h)
			return -ENOMEM;
		k->holders = h;
	}
	h = &k->holders[k->nholders++];
	*h = (struct holder){
		.who = ev->holder,
		.fd = ev->fd,
		.start_ns = ev->holder_start_ns,
		.cgroup = ev->holder_cgroup,
		.stopped = ev->flags & SEEN_STOPPED,
		.is_opener = ev->flags & SEEN_IS_OPENER,
	};
	return 0;
}

/* The same unread bytes with nothing read in between, since when? */
static void follow_unread(struct connection *k)
{
	bool same = k->prev_look_ns && k->prev_unread && k->prev_copied_seq == k->sock.copied_seq;

	if (!k->sock.unread)
		k->unread_since_ns = 0;
	else if (!k->unread_since_ns || (k->prev_look_ns && !same))
		k->unread_since_ns = k->looked_ns;
}

static int seen(struct table *t, const struct session *s, const struct ev_seen *ev)
{
	struct connection *k = find_or_add(t, ev->conn.id);
	bool first;

	if (!k)
		return -ENOMEM;
	first = k->look != t->look + 1 || !k->found;
	if (first)
		begin_sight(k, t->look + 1);
	connection_set(k, s, &ev->conn, &ev->sock, ev->head.time_ns);
	if (first)
		follow_unread(k);
	if (!ev->holder.pid)
		return 0;
	k->found = true;
	k->reader = ev->reader;
	k->reader_pid = ev->reader_pid;
	k->reader_tid = ev->reader_tid;
	k->opener_checked |= !!(ev->flags & SEEN_OPENER_CHECKED);
	k->opener_alive |= !!(ev->flags & SEEN_OPENER_ALIVE);
	return add_holder(k, ev);
}

static void look_complete(struct table *t, const struct ev_look *ev)
{
	struct connection *k, *next;

	t->look++;
	t->look_ns = ev->head.time_ns;
	HASH_ITER(hh, t->by_id, k, next)
		if (k->look != t->look)
			drop(t, k);
}

int table_event(struct table *t, const struct session *s, const struct ev_head *ev)
{
	struct connection *k;

	switch (ev->kind) {
	case EV_OPEN:
		return opened(t, s, (const struct ev_conn *)ev);
	case EV_SEEN:
		return seen(t, s, (const struct ev_seen *)ev);
	case EV_LOOK:
		look_complete(t, (const struct ev_look *)ev);
		return 0;
	case EV_CLOSE:
	case EV_FAILED:
		k = table_find(t, ((const struct ev_conn *)ev)->conn.id);
		if (k)
			drop(t, k);
		return 0;
	}
	return 0;
}

static int by_opening(const void *a, const void *b)
{
	const struct conn *x = &(*(struct connection *const *)a)->c, *y = &(*(struct connection *const *)b)->c;

	if (x->opened_ns != y->opened_ns)
		return x->opened_ns < y->opened_ns ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

struct connection **table_sorted(const struct table *t, size_t *n)
{
	size_t count = HASH_COUNT(t->by_id), i = 0;
	struct connection **all = malloc((count ? count : 1) * sizeof(*all)), *k, *next;

	*n = 0;
	if (!all)
		return NULL;
	HASH_ITER(hh, t->by_id, k, next)
		all[i++] = k;
	qsort(all, count, sizeof(*all), by_opening);
	*n = count;
	return all;
}

void table_free(struct table *t)
{
	struct connection *k, *next;

	HASH_ITER(hh, t->by_id, k, next)
		drop(t, k);
}
