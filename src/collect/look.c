// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "look.h"

#define BATCH 4096 /* map elements a system call */

/* A growing list of numbers that is searched once it is complete. */
static int numbers_add(struct numbers *s, __u64 x)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 1024;
		__u64 *v = realloc(s->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		s->v = v;
		s->cap = cap;
	}
	s->v[s->n++] = x;
	return 0;
}

static int compare_numbers(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

static void numbers_sort(struct numbers *s)
{
	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), compare_numbers);
}

static bool numbers_has(const struct numbers *s, __u64 x)
{
	return s->n && bsearch(&x, s->v, s->n, sizeof(*s->v), compare_numbers);
}

struct looking {
	const struct event_sink *sink;
	struct cgroups *cgroups;
	struct numbers creds; /* of all living tasks, sorted */
	bool creds_known;
	struct numbers *seen; /* ids */
};

/* Runs an iterator program and hands over row after row. 0, or a negative errno from opening, reading or row(). */
static int each_row(struct bpf_program *p, size_t size, int (*row)(struct looking *, const void *), struct looking *l)
{
	struct bpf_link *link = bpf_program__attach_iter(p, NULL);
	char buf[64 * 1024] __attribute__((aligned(8)));
	size_t have = 0;
	ssize_t n = 0;
	int fd, err = 0;

	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0)
		err = fd;
	while (!err && (n = read(fd, buf + have, sizeof(buf) - have)) != 0) {
		size_t at = 0;

		if (n < 0) {
			if (errno == EAGAIN || errno == EINTR)
				continue;
			err = -errno;
			break;
		}
		have += n;
		for (; !err && have - at >= size; at += size)
			err = row(l, buf + at);
		have -= at;
		memmove(buf, buf + at, have);
	}
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	return err;
}

static int cred_row(struct looking *l, const void *data)
{
	return numbers_add(&l->creds, ((const struct cred_row *)data)->cred);
}

static int look_row(struct looking *l, const void *data)
{
	const struct look_row *row = data;
	const struct look_fd *r = &row->at;
	struct ev_seen ev = {
		.head = { .size = sizeof(ev), .kind = EV_SEEN, .time_ns = r->now_ns },
		.conn = row->conn,
		.sock = r->sock,
		.holder = r->holder,
		.holder_start_ns = r->start_ns,
		.holder_cgroup = r->cgroup,
		.fd = r->fd,
		.reader_pid = r->reader_pid,
		.reader_tid = r->reader_tid,
		.reader = r->reader,
	};

	if (r->stopped)
		ev.flags |= SEEN_STOPPED;
	if (r->opener_cred == r->holder_cred)
		ev.flags |= SEEN_IS_OPENER;
	/*
	 * fork and exec give a process a credentials object of its own, threads share one, and an open file keeps a
	 * reference to its opener's: so no task with that object = the opener is gone, or changed its credentials.
	 * When the user differs the latter is as likely: not asked then.
	 */
	if (l->creds_known && r->same_user) {
		ev.flags |= SEEN_OPENER_CHECKED;
		if (numbers_has(&l->creds, r->opener_cred))
			ev.flags |= SEEN_OPENER_ALIVE;
	}
	cgroups_say(l->cgroups, ev.conn.cgroup, r->now_ns, l->sink);
	cgroups_say(l->cgroups, ev.holder_cgroup, r->now_ns, l->sink);
	sink_event(l->sink, &ev.head);
	return numbers_add(l->seen, ev.conn.id);
}

/* Records that no fd led to. */
struct unseen {
	const struct objects *objects;
	struct cgroups *cgroups;
	const struct event_sink *sink;
	const struct looked *looked;
	bool closes;
};

/* Is the sock gone, and no program saw it go? Then the kernel side has forgotten the record. */
static bool is_gone(const struct objects *o, __u64 sock, __u64 id)
{
	__u64 args[] = { sock, id };
	LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = args, .ctx_size_in = sizeof(args));

	return !bpf_prog_test_run_opts(bpf_program__fd(o->gone), &run) && run.retval;
}

static void say_end(const struct unseen *u, const struct conn *c, __u64 now)
{
	struct ev_conn ev = { .head = { .size = sizeof(ev), .kind = EV_CLOSE, .time_ns = now }, .conn = *c };

	sink_event(u->sink, &ev.head);
}

static void say_open(const struct unseen *u, const struct conn *c, __u64 now)
{
	struct ev_seen ev = { .head = { .size = sizeof(ev), .kind = EV_SEEN, .time_ns = now }, .conn = *c, .fd = -1 };

	cgroups_say(u->cgroups, c->cgroup, now, u->sink);
	sink_event(u->sink, &ev.head);
}

static void record(const struct unseen *u, __u64 sock, const struct conn *c)
{
	__u64 now;
	bool gone;

	if (c->id && numbers_has(&u->looked->ids, c->id))
		return;
	gone = is_gone(u->objects, sock, c->id);
	if (!c->id)
		return;
	now = monotonic_ns();
	if (gone || (c->closed_ns && u->closes))
		say_end(u, c, now);
	else if (!c->closed_ns && c->opener.pid) /* else in the accept queue: no process has opened it yet */
		say_open(u, c, now);
}

/* The sock whose record this is. A place may be left and taken while it is read: SLOT_FREE, for what was there has
 * ended, and that was said. */
static __u64 slot_read(const struct slot *s, struct conn *out)
{
	__u64 sock = __atomic_load_n(&s->sock, __ATOMIC_ACQUIRE);

	*out = s->conn;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return sock != SLOT_TAKEN && __atomic_load_n(&s->sock, __ATOMIC_RELAXED) == sock ? sock : SLOT_FREE;
}

static int look_at_slots(const struct unseen *u)
{
	size_t n = u->objects->nslots, size = n * sizeof(struct slot);
	const struct slot *slots;
	struct conn c;
	__u64 sock;

	if (!n)
		return 0;
	slots = mmap(NULL, size, PROT_READ, MAP_SHARED, u->objects->slots, 0);
	if (slots == MAP_FAILED)
		return -errno;
	for (size_t i = 0; i < n; i++) {
		sock = slot_read(&slots[i], &c);
		if (sock != SLOT_FREE)
			record(u, sock, &c);
	}
	munmap((void *)slots, size);
	return 0;
}

static int look_at_hash(const struct unseen *u)
{
	__u64 *keys = calloc(BATCH, sizeof(*keys)), at = 0;
	struct conn *records = calloc(BATCH, sizeof(*records));
	bool first = true;
	int err = 0;
	__u32 n;

	if (!keys || !records)
		err = -ENOMEM;
	while (!err) {
		n = BATCH;
		err = bpf_map_lookup_batch(u->objects->conns, first ? NULL : &at, &at, keys, records, &n, NULL);
		if (err && err != -ENOENT)
			break;
		first = false;
		for (__u32 i = 0; i < n; i++)
			record(u, keys[i], &records[i]);
	}
	free(keys);
	free(records);
	return err == -ENOENT ? 0 : err;
}

int look_at_conns(const struct objects *o, struct cgroups *cgroups, const struct event_sink *sink,
		  const struct looked *l, bool closes)
{
	struct unseen u = { .objects = o, .cgroups = cgroups, .sink = sink, .looked = l, .closes = closes };
	int err = look_at_hash(&u);

	return err ? err : look_at_slots(&u);
}

int look_at_files(const struct objects *o, struct cgroups *cgroups, const struct event_sink *sink, struct looked *out)
{
	struct looking l = { .sink = sink, .cgroups = cgroups, .seen = &out->ids };
	int err;

	if (o->creds && !each_row(o->creds, sizeof(struct cred_row), cred_row, &l)) {
		l.creds_known = true;
		numbers_sort(&l.creds);
	}
	err = each_row(o->look, sizeof(struct look_row), look_row, &l);
	numbers_sort(&out->ids);
	free(l.creds.v);
	return err;
}

void looked_free(struct looked *l)
{
	free(l->ids.v);
}

int look_at_sites(const struct objects *o, __u64 before_ns, const struct event_sink *sink)
{
	struct ev_site ev = { .head = { .size = sizeof(ev), .kind = EV_SITE, .time_ns = monotonic_ns() } };
	__u64 *hashes = calloc(BATCH, sizeof(*hashes)), at = 0;
	struct site_row *rows = calloc(BATCH, sizeof(*rows));
	bool first = true;
	int err = 0;
	__u32 n;

	if (!hashes || !rows)
		err = -ENOMEM;
	while (!err) {
		n = BATCH;
		err = bpf_map_lookup_batch(o->sites, first ? NULL : &at, &at, hashes, rows, &n, NULL);
		if (err && err != -ENOENT)
			break;
		first = false;
		for (__u32 i = 0; i < n; i++) {
			ev.key = rows[i].key;
			ev.counts = rows[i].counts;
			sink_event(sink, &ev.head);
			if (rows[i].counts.last_close_ns < before_ns)
				bpf_map_delete_elem(o->sites, &hashes[i]);
		}
	}
	free(hashes);
	free(rows);
	return err == -ENOENT ? 0 : err;
}
