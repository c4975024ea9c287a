// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "table.h"

#define CHAINS_MIN 1024

/*
 * Chains of our own: uthash takes 56 bytes of every connection, a chain 8 and its head 8. Cookies are counted up, so
 * they fill the chains evenly and nearly in the order of opening, in which memory was allocated: a better mixed hash
 * made every walk a series of cache misses. Made-up ids (CONN_SYNTHETIC_ID) are times above 8 bits of CPU number.
 */
static size_t chain_of(const struct table *t, __u64 id)
{
	return (id + (id >> 8)) & (t->nchains - 1);
}

/* Where k hangs: the head of its chain or the one before it. */
static struct connection **link_of(const struct table *t, const struct connection *k)
{
	struct connection **at = &t->chains[chain_of(t, k->c.id)];

	while (*at != k)
		at = &(*at)->next;
	return at;
}

static void free_connection(struct connection *k)
{
	if (k->holders != &k->holder)
		free(k->holders);
	free(k);
}

static void drop(struct table *t, struct connection *k)
{
	*link_of(t, k) = k->next;
	t->count--;
	free_connection(k);
}

struct connection *table_find(const struct table *t, __u64 id)
{
	struct connection *k = t->nchains ? t->chains[chain_of(t, id)] : NULL;

	while (k && k->c.id != id)
		k = k->next;
	return k;
}

struct connection *table_next(const struct table *t, const struct connection *k)
{
	size_t i = 0;

	if (k && k->next)
		return k->next;
	if (k)
		i = chain_of(t, k->c.id) + 1;
	while (i < t->nchains && !t->chains[i])
		i++;
	return i < t->nchains ? t->chains[i] : NULL;
}

/* As many chains as connections, at least. */
static int make_room(struct table *t)
{
	struct table bigger = { .nchains = t->nchains ? t->nchains * 2 : CHAINS_MIN };

	if (t->count < t->nchains)
		return 0;
	bigger.chains = calloc(bigger.nchains, sizeof(*bigger.chains));
	if (!bigger.chains)
		return -ENOMEM;
	for (size_t i = 0; i < t->nchains; i++)
		for (struct connection *k = t->chains[i], *next; k; k = next) {
			struct connection **head = &bigger.chains[chain_of(&bigger, k->c.id)];

			next = k->next;
			k->next = *head;
			*head = k;
		}
	free(t->chains);
	t->chains = bigger.chains;
	t->nchains = bigger.nchains;
	return 0;
}

static struct connection *find_or_add(struct table *t, __u64 id)
{
	struct connection *k = table_find(t, id), **head;

	if (k)
		return k;
	if (make_room(t) || !(k = calloc(1, sizeof(*k))))
		return NULL;
	k->c.id = id;
	head = &t->chains[chain_of(t, id)];
	k->next = *head;
	*head = k;
	t->count++;
	return k;
}

static int opened(struct table *t, const struct session *s, const struct ev_conn *ev)
{
	struct connection *k = find_or_add(t, ev->conn.id);

	if (!k)
		return -ENOMEM;
	connection_set(k, s, &ev->conn, &ev->sock, ev->head.time_ns);
	return 0;
}

/* First sight in this look: what the look before saw moves to prev_*, the holders are asked anew. */
static void begin_sight(struct connection *k, __u32 look)
{
	if (k->sock.now_jiffies) {
		k->prev_copied_seq = k->sock.copied_seq;
		k->prev_unread = k->sock.unread;
		k->looked_before = true;
	}
	k->look = look;
	k->nholders = 0;
	k->reader = READER_UNKNOWN;
	k->reader_pid = k->reader_tid = 0;
	k->opener_checked = k->opener_alive = k->found = false;
}

static int add_holder(struct connection *k, const struct ev_seen *ev)
{
	size_t n = k->nholders;
	struct holder *h;

	if (!k->holders) {
		k->holders = &k->holder;
	} else if (n && !(n & (n - 1))) { /* full at powers of two */
		bool own = k->holders == &k->holder;

		h = realloc(own ? NULL : k->holders, 2 * n * sizeof(*h));
		if (!h)
			return -ENOMEM;
		if (own)
			*h = k->holder;
		k->holders = h;
	}
	h = &k->holders[k->nholders++];
	*h = (struct holder){
		.who = ev->holder,
		.fd = ev->fd,
		.stopped = ev->flags & SEEN_STOPPED,
		.is_opener = ev->flags & SEEN_IS_OPENER,
	};
	return 0;
}

/* The same unread bytes with nothing read in between, since when? */
static void follow_unread(struct connection *k)
{
	bool same = k->looked_before && k->prev_unread && k->prev_copied_seq == k->sock.copied_seq;

	if (!k->sock.unread)
		k->unread_since_ns = 0;
	else if (!k->unread_since_ns || (k->looked_before && !same))
		k->unread_since_ns = k->looked_ns;
}

static int seen(struct table *t, const struct session *s, const struct ev_seen *ev)
{
	struct connection *k = find_or_add(t, ev->conn.id);
	bool first;

	if (!k)
		return -ENOMEM;
	first = k->look != t->look + 1;
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
	t->look_ns = ev->read_ns;
	for (k = table_next(t, NULL); k; k = next) {
		next = table_next(t, k);
		/* one that was opened while the look was under way may have come too late for it */
		if (k->look != t->look && k->c.opened_ns + k->c.connect_ns < ev->began_ns)
			drop(t, k);
	}
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
	struct connection **all = malloc((t->count + 1) * sizeof(*all));
	size_t i = 0;

	*n = 0;
	if (!all)
		return NULL;
	for (struct connection *k = table_next(t, NULL); k; k = table_next(t, k))
		all[i++] = k;
	qsort(all, i, sizeof(*all), by_opening);
	*n = i;
	return all;
}

void table_free(struct table *t)
{
	struct connection *k, *next;

	for (k = table_next(t, NULL); k; k = next) {
		next = table_next(t, k);
		free_connection(k);
	}
	free(t->chains);
	*t = (struct table){ 0 };
}
