// SPDX-License-Identifier: GPL-2.0-only
#include "decode.h"

#include <stdbool.h>
#include <string.h>
#include "../../bpf/events.h"

static bool terminated(const char *s, size_t n)
{
	return memchr(s, '\0', n) != NULL;
}

#define TERMINATED(s) terminated(s, sizeof(s))

static bool is_family(unsigned int family)
{
	return family == 4 || family == 6;
}

static const char *check_conn(const struct conn *c)
{
	if (!TERMINATED(c->opener.comm) || !TERMINATED(c->closer.comm) || !TERMINATED(c->receiver.comm))
		return "comm is not terminated";
	if (!is_family(c->family))
		return "family is neither 4 nor 6";
	if (c->role > ROLE_SERVER)
		return "no such role";
	if (c->origin != ORIGIN_TRACED && c->origin != ORIGIN_SNAPSHOT)
		return "no such origin";
	if (c->how > HOW_ABORT)
		return "no such way to end";
	return NULL;
}

static const char *check_ev_conn(const struct ev_head *ev)
{
	return check_conn(&((const struct ev_conn *)ev)->conn);
}

static const char *check_seen(const struct ev_head *ev)
{
	const struct ev_seen *seen = (const struct ev_seen *)ev;

	if (!TERMINATED(seen->holder.comm))
		return "comm is not terminated";
	if (seen->reader > READER_EPOLL)
		return "no such reader";
	return check_conn(&seen->conn);
}

static const char *check_look(const struct ev_head *ev)
{
	__u32 why = ((const struct ev_look *)ev)->why;

	return why < LOOK_START || why > LOOK_SAMPLE ? "no such reason to look" : NULL;
}

static const char *check_filter(const struct filter *f)
{
	if (f->npids > MAX_PIDS)
		return "too many pids in the filter";
	if (f->family && !is_family(f->family))
		return "family of the filter is neither 4 nor 6";
	if (f->role > ROLE_SERVER)
		return "no such role in the filter";
	if (!TERMINATED(f->comm))
		return "comm of the filter is not terminated";
	if (f->net_family && !is_family(f->net_family))
		return "family of the filter's net is neither 4 nor 6";
	if (f->net_bits > (f->net_family == 6 ? 128 : 32))
		return "net of the filter has too many bits";
	return NULL;
}

static const char *check_session(const struct ev_head *ev)
{
	const struct ev_session *s = (const struct ev_session *)ev;

	if (!TERMINATED(s->host) || !TERMINATED(s->kernel) || !TERMINATED(s->boot_id) || !TERMINATED(s->tool) ||
	    !TERMINATED(s->command) || !TERMINATED(s->cgroup_path))
		return "text of the session is not terminated";
	return check_filter(&s->filter);
}

static const char *check_flavour(const struct ev_head *ev)
{
	const struct ev_flavour *f = (const struct ev_flavour *)ev;

	return TERMINATED(f->fact) && TERMINATED(f->flavour) ? NULL : "text of the flavour is not terminated";
}

static const char *check_cgroup(const struct ev_head *ev)
{
	const struct ev_cgroup *g = (const struct ev_cgroup *)ev;

	return terminated(g->path, ev->size - sizeof(*g)) ? NULL : "path of the cgroup is not terminated";
}

static const char *check_site(const struct ev_head *ev)
{
	const struct site_key *key = &((const struct ev_site *)ev)->key;

	if (!TERMINATED(key->comm))
		return "comm is not terminated";
	if (!is_family(key->family))
		return "family is neither 4 nor 6";
	return key->role > ROLE_SERVER ? "no such role" : NULL;
}

static const char *check_standstill(const struct ev_head *ev)
{
	return ((const struct ev_standstill *)ev)->from_ns > ev->time_ns ? "a standstill ends before it begins" : NULL;
}

/*
 * min is the size a kind had when it was introduced. When a struct grows, the number stays: an older writer's record is
 * well-formed, and who reads it takes what is missing as zero.
 */
static const struct {
	size_t min;
	const char *(*check)(const struct ev_head *ev);
} kinds[EV_KIND_MAX] = {
	[EV_SESSION] = { sizeof(struct ev_session), check_session },
	[EV_FLAVOUR] = { sizeof(struct ev_flavour), check_flavour },
	[EV_OPEN] = { sizeof(struct ev_conn), check_ev_conn },
	[EV_CLOSE] = { sizeof(struct ev_conn), check_ev_conn },
	[EV_FAILED] = { sizeof(struct ev_conn), check_ev_conn },
	[EV_SEEN] = { sizeof(struct ev_seen), check_seen },
	[EV_LOOK] = { sizeof(struct ev_look), check_look },
	[EV_COUNTERS] = { sizeof(struct ev_counters), NULL },
	[EV_CGROUP] = { sizeof(struct ev_cgroup), check_cgroup },
	[EV_SITE] = { sizeof(struct ev_site), check_site },
	[EV_END] = { sizeof(struct ev_end), NULL },
	[EV_STANDSTILL] = { sizeof(struct ev_standstill), check_standstill },
};

const char *event_check(const void *bytes, size_t len)
{
	const struct ev_head *ev = bytes;

	if (len < sizeof(*ev))
		return "shorter than a record's head";
	if (ev->size != len)
		return "the size it states is not its length";
	if (len % 8)
		return "size is not a multiple of 8";
	if (!ev->kind)
		return "no such kind";
	if (ev->kind >= EV_KIND_MAX)
		return NULL;
	if (len < kinds[ev->kind].min)
		return "too short for its kind";
	return kinds[ev->kind].check ? kinds[ev->kind].check(ev) : NULL;
}
