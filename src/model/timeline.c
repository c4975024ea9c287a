// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "timeline.h"

static void forget_longest_silent(struct timelines *t)
{
	struct thread *oldest = t->threads; /* the head of the order of insertion */

	HASH_DEL(t->threads, oldest);
	free(oldest);
	t->forgotten++;
}

/* The thread of an actor, as the one that did something last. */
static struct thread *thread_of(struct timelines *t, const struct actor *who)
{
	struct thread_key key = { who->pid, who->tid };
	struct thread *th;

	HASH_FIND(hh, t->threads, &key, sizeof(key), th);
	if (th) {
		HASH_DEL(t->threads, th);
	} else {
		if (HASH_COUNT(t->threads) >= TIMELINE_THREADS)
			forget_longest_silent(t);
		th = calloc(1, sizeof(*th));
		if (!th)
			return NULL;
		th->key = key;
	}
	memcpy(th->comm, who->comm, sizeof(th->comm));
	HASH_ADD(hh, t->threads, key, sizeof(th->key), th);
	return th;
}

/* Inserts by time; the oldest falls out. */
static void add_deed(struct thread *th, __u64 time_ns, __u64 id, enum deed_kind kind)
{
	unsigned int at;

	if (th->ndeeds == TIMELINE_DEEDS) {
		if (time_ns < th->deeds[0].time_ns)
			return;
		memmove(th->deeds, th->deeds + 1, --th->ndeeds * sizeof(*th->deeds));
	}
	for (at = th->ndeeds; at && th->deeds[at - 1].time_ns > time_ns; at--)
		th->deeds[at] = th->deeds[at - 1];
	th->deeds[at] = (struct deed){ time_ns, id, kind };
	th->ndeeds++;
}

static bool opened_by_known_thread(const struct conn *c)
{
	return c->origin == ORIGIN_TRACED && c->opener.pid;
}

static int ended(struct timelines *t, const struct conn *c, bool failed)
{
	bool own = c->closer.pid == c->opener.pid && c->closer.tid == c->opener.tid;
	struct thread *th;

	if (opened_by_known_thread(c)) {
		th = thread_of(t, &c->opener);
		if (!th)
			return -ENOMEM;
		th->opened += !failed;
		th->failed += failed;
		th->closed_elsewhere += !failed && !own;
		add_deed(th, c->opened_ns, c->id, DEED_OPEN);
		if (failed)
			add_deed(th, c->closed_ns, c->id, DEED_FAIL);
	}
	if (failed || !c->closer.pid)
		return 0;
	th = thread_of(t, &c->closer);
	if (!th)
		return -ENOMEM;
	th->closed++;
	add_deed(th, c->closed_ns, c->id, DEED_CLOSE);
	return 0;
}

int timelines_event(struct timelines *t, const struct ev_head *ev)
{
	switch (ev->kind) {
	case EV_CLOSE:
	case EV_FAILED:
		return ended(t, &((const struct ev_conn *)ev)->conn, ev->kind == EV_FAILED);
	}
	return 0;
}

void timelines_free(struct timelines *t)
{
	struct thread *th, *next;

	HASH_ITER(hh, t->threads, th, next) {
		HASH_DEL(t->threads, th);
		free(th);
	}
}
