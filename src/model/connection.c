// SPDX-License-Identifier: GPL-2.0-only
#include "connection.h"

#include <string.h>
#include "session.h"

/* A traced connection's data cannot be older than its handshake; ticks are coarse, so they may seem so. */
static __u64 not_before(__u64 time_ns, __u64 first_ns)
{
	return time_ns && time_ns < first_ns ? first_ns : time_ns;
}

void connection_set(struct connection *k, const struct session *s, const struct conn *c, const struct sock_facts *f,
		    __u64 now_ns)
{
	__u64 first_ns = c->origin == ORIGIN_TRACED ? c->opened_ns + c->connect_ns : 0;

	k->c = *c;
	k->sock = *f;
	k->looked_ns = now_ns;
	k->recv_ns = k->sent_ns = k->arrived_ns = k->heard_ns = 0;
	if (!f->now_jiffies)
		return;
	k->recv_ns = not_before(session_tick_ns(s, c->recv_jiffies, f->now_jiffies, now_ns), first_ns);
	k->heard_ns = session_tick_ns(s, f->heard_jiffies, f->now_jiffies, now_ns);
	/* The handshake sets lsndtime and lrcvtime too: without a byte in that direction they say nothing. */
	if (f->tx_bytes || f->unsent)
		k->sent_ns = not_before(session_tick_ns(s, f->sent_jiffies, f->now_jiffies, now_ns), first_ns);
	if (f->rx_bytes || f->unread)
		k->arrived_ns = not_before(session_tick_ns(s, f->arrived_jiffies, f->now_jiffies, now_ns), first_ns);
}

struct last_use connection_last_use(const struct connection *k)
{
	struct last_use use = { .time_ns = k->c.opened_ns, .direction = DIR_NONE };
	bool traced = k->c.origin == ORIGIN_TRACED;

	/* opened_ns of a snapshot is when it was first seen: what is older happened all the same. */
	if (k->sent_ns && (!traced || k->sent_ns >= use.time_ns)) {
		use.time_ns = k->sent_ns;
		use.direction = DIR_SEND;
		if (!k->c.closed_ns)
			use.who = k->c.closer;
	}
	/* A send and a receive in the same tick: request, then answer. */
	if (k->recv_ns && (use.direction == DIR_NONE || k->recv_ns >= use.time_ns)) {
		use.time_ns = k->recv_ns;
		use.direction = DIR_RECV;
		use.who = k->c.receiver;
	}
	/* The receive itself was not seen, but what came after the last send has been read since. */
	if (!k->recv_ns && k->arrived_ns > k->sent_ns && !k->sock.unread &&
	    (!traced || k->arrived_ns > k->c.opened_ns)) {
		use.time_ns = k->arrived_ns;
		use.direction = DIR_RECV;
		use.who = (struct actor){ 0 };
	}
	return use;
}

__u64 connection_age_ns(const struct connection *k, __u64 now_ns)
{
	return k->c.opened_ns && now_ns > k->c.opened_ns ? now_ns - k->c.opened_ns : 0;
}

int connection_fd(const struct connection *k)
{
	int fd = -1;

	if (!k->nholders)
		return k->c.fd;
	for (size_t i = 0; i < k->nholders; i++) {
		const struct holder *h = &k->holders[i];

		if (h->fd < 0 || h->who.pid != k->c.opener.pid)
			continue;
		if (h->fd == k->c.fd)
			return h->fd; /* it may have more than one, by dup() */
		if (fd < 0)
			fd = h->fd;
	}
	return fd < 0 && k->nholders == 1 ? k->holders[0].fd : fd;
}

/* An empty list is no filter. Port 0 is unknown and in no list. */
static bool ports_match(const __u16 list[MAX_PORTS], __u16 a, __u16 b)
{
	if (!list[0])
		return true;
	for (int i = 0; i < MAX_PORTS && list[i]; i++)
		if (list[i] == a || list[i] == b)
			return true;
	return false;
}

/*
 * Who was a descendant of the named processes was known only when it was recorded: with `children` the pids are taken
 * as applied there. A caller who knows that they were not clears `children` and gets the named processes.
 */
static bool pids_match(const struct connection *k, const struct filter *f)
{
	if (!f->npids || f->children)
		return true;
	for (__u32 i = 0; i < f->npids && i < MAX_PIDS; i++) {
		if (k->c.opener.pid == f->pids[i])
			return true;
		for (size_t n = 0; n < k->nholders; n++)
			if (k->holders[n].who.pid == f->pids[i])
				return true;
	}
	return false;
}

static bool in_net(const __u8 addr[16], const struct filter *f)
{
	unsigned int bytes = f->net_bits / 8, rest = f->net_bits % 8;

	if (memcmp(addr, f->net, bytes))
		return false;
	return !rest || !((addr[bytes] ^ f->net[bytes]) >> (8 - rest));
}

static bool net_matches(const struct conn *c, const struct filter *f)
{
	return !f->net_family || (f->net_family == c->family && (in_net(c->laddr, f) || in_net(c->raddr, f)));
}

/* The cgroup is not looked at again: only the kernel side knows which cgroups are below the one that was named. */
bool connection_matches(const struct connection *k, const struct filter *f)
{
	const struct conn *c = &k->c;

	if (!ports_match(f->port, c->lport, c->rport) || !ports_match(f->lport, c->lport, c->lport) ||
	    !ports_match(f->rport, c->rport, c->rport))
		return false;
	if (f->family && f->family != c->family)
		return false;
	if (f->role && f->role != c->role)
		return false;
	if (f->has_comm && strncmp(f->comm, c->opener.comm, COMM_LEN))
		return false;
	if (f->state && !c->closed_ns && f->state != k->sock.state)
		return false;
	return pids_match(k, f) && net_matches(c, f);
}
