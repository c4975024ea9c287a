// SPDX-License-Identifier: GPL-2.0-only
#include "session.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define NSEC_PER_SEC 1000000000ULL

struct cgroup_path {
	__u64 id;
	UT_hash_handle hh;
	char path[];
};

/* The first bytes that are known here; what an older writer did not have is zero. */
static void take(void *to, size_t len, const struct ev_head *ev)
{
	memset(to, 0, len);
	memcpy(to, ev, ev->size < len ? ev->size : len);
}

static void take_flavour(struct session *s, const struct ev_head *ev)
{
	struct ev_flavour f;
	size_t i;

	take(&f, sizeof(f), ev);
	for (i = 0; i < s->nflavours; i++)
		if (!strcmp(s->flavours[i].fact, f.fact))
			break;
	if (i == MAX_FLAVOURS)
		return; /* there are fewer facts than that */
	s->flavours[i] = f;
	if (i == s->nflavours)
		s->nflavours++;
}

/* A path that cannot be kept for want of memory is unknown, no more. */
static void take_cgroup(struct session *s, const struct ev_cgroup *ev)
{
	size_t len = strlen(ev->path) + 1;
	struct cgroup_path *g;

	HASH_FIND(hh, s->cgroups, &ev->id, sizeof(ev->id), g);
	if (g) {
		if (!strcmp(g->path, ev->path))
			return;
		HASH_DELETE(hh, s->cgroups, g);
		free(g);
	}
	g = calloc(1, sizeof(*g) + len);
	if (!g)
		return;
	g->id = ev->id;
	memcpy(g->path, ev->path, len);
	HASH_ADD(hh, s->cgroups, id, sizeof(g->id), g);
}

void session_event(struct session *s, const struct ev_head *ev)
{
	struct ev_end end;

	if (ev->time_ns > s->last_ns)
		s->last_ns = ev->time_ns;
	switch (ev->kind) {
	case EV_SESSION:
		if (!s->ev.head.size) /* a second one would move the times of what was said before */
			take(&s->ev, sizeof(s->ev), ev);
		break;
	case EV_FLAVOUR:
		take_flavour(s, ev);
		break;
	case EV_CGROUP:
		take_cgroup(s, (const struct ev_cgroup *)ev);
		break;
	case EV_COUNTERS:
		take(&s->counters, sizeof(s->counters), ev);
		break;
	case EV_STANDSTILL:
		s->standstills[s->nstandstills++ % MAX_STANDSTILLS] =
			(struct standstill){ ((const struct ev_standstill *)ev)->from_ns, ev->time_ns };
		break;
	case EV_END:
		take(&end, sizeof(end), ev);
		s->ended = true;
		s->program_status = end.program_status;
		break;
	}
}

void session_free(struct session *s)
{
	struct cgroup_path *g, *next;

	HASH_ITER(hh, s->cgroups, g, next) {
		HASH_DELETE(hh, s->cgroups, g);
		free(g);
	}
	s->cgroups = NULL;
}

const char *session_cgroup(const struct session *s, __u64 id)
{
	struct cgroup_path *g;

	HASH_FIND(hh, s->cgroups, &id, sizeof(id), g);
	return g ? g->path : NULL;
}

__u64 session_ran_ns(const struct session *s, __u64 from_ns, __u64 to_ns)
{
	__u64 ran = to_ns > from_ns ? to_ns - from_ns : 0;

	for (size_t i = 0; i < s->nstandstills && i < MAX_STANDSTILLS; i++) {
		__u64 from = s->standstills[i].from_ns, to = s->standstills[i].to_ns;

		from = from > from_ns ? from : from_ns;
		to = to < to_ns ? to : to_ns;
		if (to > from)
			ran -= to - from;
	}
	return ran;
}

__u64 session_standstill_ns(const struct session *s)
{
	return s->last_ns - session_ran_ns(s, 0, s->last_ns);
}

__u64 session_wall_ns(const struct session *s, __u64 mono_ns)
{
	return s->ev.wall_ns + mono_ns - s->ev.head.time_ns; /* right also for what was before the start */
}

__u64 session_tick_ns(const struct session *s, __u32 then, __u32 now_jiffies, __u64 now_ns)
{
	__u32 ticks = now_jiffies - then, hz = s->ev.hz;
	__u64 past;

	if (!then || !hz)
		return 0;
	/* A few seconds ahead: written by another CPU after now_jiffies was read. It is not 49 days old. */
	if (ticks >= (__u32)-1 - 10 * hz)
		ticks = 0;
	past = ticks / hz * NSEC_PER_SEC + ticks % hz * NSEC_PER_SEC / hz;
	return past < now_ns ? now_ns - past : 1; /* at boot; 0 would say "unknown" */
}

__u64 session_lost(const struct session *s)
{
	__u64 sum = 0;

	for (int c = CNT_LOST; c < CNT_MAX; c++)
		sum += s->counters.value[c];
	return sum;
}

static const struct {
	const char *name, *meaning;
} losses[CNT_MAX] = {
	[CNT_LOST_RING] = { "ring", "the ring buffer was full: events were not said" },
	[CNT_LOST_MAP] = { "map", "the connection map was full: openings were not kept (raise --max-connections)" },
	[CNT_LOST_MISSED] = { "missed", "the kernel skipped runs of a program: an opener, or the time of an establishing, of a peer's close or of an end, may lack" },
	[CNT_LOST_SITE] = { "site", "the site map was full: closes were not counted" },
	[CNT_LOST_LOOK] = { "look", "sockets or processes could not be read when they were looked at" },
};

const char *loss_name(enum counter c)
{
	return c >= CNT_LOST && c < CNT_MAX ? losses[c].name : NULL;
}

const char *loss_meaning(enum counter c)
{
	return c >= CNT_LOST && c < CNT_MAX ? losses[c].meaning : NULL;
}
