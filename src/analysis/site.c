// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>
#include "site.h"

#define FORGET_NS 3600000000000ULL
#define PEER_KEY_LEN offsetof(struct site_key, comm)

void site_key_of(const struct conn *c, struct site_key *key)
{
	/* accepted and closed before a look told by whom */
	const struct actor *process = c->opener.pid || !c->closed_ns ? &c->opener : &c->closer;

	memset(key, 0, sizeof(*key)); /* it is hashed as bytes */
	key->pid = process->pid;
	key->netns = c->netns;
	key->family = c->family;
	key->role = c->role;
	if (c->role == ROLE_SERVER) {
		key->rport = c->lport;
	} else {
		memcpy(key->raddr, c->raddr, sizeof(key->raddr));
		key->rport = c->rport;
	}
	memcpy(key->comm, process->comm, sizeof(key->comm)); /* zero-padded by the kernel side */
}

static struct peer *peer_get(struct sites *s, const struct site_key *key)
{
	struct peer *peer;

	HASH_FIND(hh, s->peers, key, PEER_KEY_LEN, peer);
	if (peer)
		return peer;
	peer = calloc(1, sizeof(*peer));
	if (!peer)
		return NULL;
	memcpy(&peer->key, key, PEER_KEY_LEN);
	HASH_ADD(hh, s->peers, key, PEER_KEY_LEN, peer);
	return peer;
}

struct site *sites_get(struct sites *s, const struct site_key *key)
{
	struct site *site;

	HASH_FIND(hh, s->by_key, key, sizeof(*key), site);
	if (site)
		return site;
	site = calloc(1, sizeof(*site));
	if (!site)
		return NULL;
	site->key = *key;
	site->peer = peer_get(s, key);
	if (!site->peer) {
		free(site);
		return NULL;
	}
	LL_PREPEND(site->peer->sites, site);
	HASH_ADD(hh, s->by_key, key, sizeof(site->key), site);
	return site;
}

__u64 peer_newest_ns(const struct peer *peer)
{
	__u64 newest = peer->newest_seen_ns;

	for (const struct site *site = peer->sites; site; site = site->next)
		if (site->newest_used_ns > newest)
			newest = site->newest_used_ns;
	return newest;
}

int sites_event(struct sites *s, const struct ev_site *ev)
{
	struct site *site = sites_get(s, &ev->key);
	struct site_window w = { .from_ns = s->now_ns, .to_ns = ev->head.time_ns };
	bool swept, any = false;

	if (!site)
		return -ENOMEM;
	/* the kernel's entry is swept after a silence and begins anew at 0 */
	swept = ev->counts.used < site->counts.used;
	for (int i = 0; i < AGE_CLASSES; i++) {
		w.closed[i] = ev->counts.closed[i] - (swept ? 0 : site->counts.closed[i]);
		any |= w.closed[i] != 0;
	}
	site->counts = ev->counts;
	if (ev->counts.newest_open_ns > site->newest_used_ns)
		site->newest_used_ns = ev->counts.newest_open_ns;
	if (any) {
		if (!site->windows && !(site->windows = calloc(SITE_WINDOWS, sizeof(*site->windows))))
			return -ENOMEM;
		site->windows[site->nwindows++ % SITE_WINDOWS] = w;
		site->seen_ns = ev->head.time_ns;
	}
	return 0;
}

static void drop(struct sites *s, struct site *site)
{
	struct peer *peer = site->peer;

	HASH_DEL(s->by_key, site);
	LL_DELETE(peer->sites, site);
	free(site->windows);
	free(site);
	if (!peer->sites) {
		HASH_DEL(s->peers, peer);
		free(peer);
	}
}

void sites_look(struct sites *s, __u64 now_ns)
{
	struct site *site, *next;

	s->before_ns = s->now_ns;
	s->now_ns = now_ns;
	HASH_ITER(hh, s->by_key, site, next)
		if (site->seen_ns + FORGET_NS < now_ns)
			drop(s, site);
}

void sites_free(struct sites *s)
{
	struct site *site, *next;

	HASH_ITER(hh, s->by_key, site, next)
		drop(s, site);
}

void trend_add(struct trend *t, size_t count, __u64 now_ns)
{
	if (!t->looks) {
		t->first = count;
	} else if (count > t->last) {
		if (!t->rises++)
			t->rising_since_ns = t->last_look_ns;
		t->last_rise_ns = now_ns;
	} else if (count < t->last) {
		t->fell = true;
	}
	t->looks++;
	t->last = count;
	t->last_look_ns = now_ns;
}

__u64 age_class_limit_ns(unsigned int class)
{
	return class >= AGE_CLASSES - 1 ? ~0ULL : 1ULL << (20 + class);
}
