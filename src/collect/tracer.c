// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include "features.h"
#include "look.h"
#include "ticks.h"
#include "tracefs.h"
#include "../version.h"

#define DRAIN_PATIENCE_NS 1000000000ULL /* for programs that had begun when everything was detached */
#define SITE_SILENCE_NS 60000000000ULL /* a site without closes for so long is swept from the kernel's map */

struct tracer {
	struct objects objects;
	struct ring_buffer *ring;
	struct cgroups *cgroups;
	struct event_sink sink;
	bool quiet;
};

__u64 monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* Ring buffer records come from our own programs; their shape is checked where everything is, in event_check(). */
static int ring_record(void *ctx, void *data, size_t size)
{
	struct tracer *t = ctx;
	const struct ev_head *ev = data;

	if (size < sizeof(*ev) || ev->size > size)
		return 0;
	if (size >= sizeof(struct ev_conn))
		cgroups_say(t->cgroups, ((const struct ev_conn *)ev)->conn.cgroup, ev->time_ns, &t->sink);
	sink_event(&t->sink, ev);
	return 0;
}

static void read_line(const char *path, char *out, size_t size)
{
	FILE *f = fopen(path, "re");

	if (!f)
		return;
	if (fgets(out, size, f))
		out[strcspn(out, "\n")] = 0;
	fclose(f);
}

static void say_session(struct tracer *t, const struct tracer_options *opt)
{
	struct ev_session ev = {
		.head = { .size = sizeof(ev), .kind = EV_SESSION },
		.version = EVENTS_VERSION,
		.filter = opt->filter,
		.older_ns = opt->older_ns,
		.program = opt->program,
		.quiet = opt->quiet,
		.last_use = t->objects.chosen[FACT_RECEIVE] >= 0,
		.tool = CONNLIFE_VERSION,
	};
	__u64 tick = tick_ns();
	struct timespec wall;
	struct utsname un;

	clock_gettime(CLOCK_REALTIME, &wall);
	ev.head.time_ns = monotonic_ns();
	ev.wall_ns = wall.tv_sec * 1000000000ULL + wall.tv_nsec;
	ev.hz = tick ? (1000000000 + tick / 2) / tick : 0;
	if (!uname(&un)) {
		snprintf(ev.host, sizeof(ev.host), "%.*s", (int)sizeof(ev.host) - 1, un.nodename);
		snprintf(ev.kernel, sizeof(ev.kernel), "%.*s", (int)sizeof(ev.kernel) - 1, un.release);
	}
	read_line("/proc/sys/kernel/random/boot_id", ev.boot_id, sizeof(ev.boot_id));
	snprintf(ev.command, sizeof(ev.command), "%s", opt->command ? opt->command : "");
	snprintf(ev.cgroup_path, sizeof(ev.cgroup_path), "%s", opt->cgroup_path ? opt->cgroup_path : "");
	sink_event(&t->sink, &ev.head);
}

static void say_flavours(struct tracer *t)
{
	for (int fact = 0; fact < FACT_MAX; fact++) {
		int i = t->objects.chosen[fact];
		struct ev_flavour ev = { .head = { .size = sizeof(ev), .kind = EV_FLAVOUR, .time_ns = monotonic_ns() } };

		if (i < 0)
			continue;
		snprintf(ev.fact, sizeof(ev.fact), "%s", probe_facts[fact].name);
		snprintf(ev.flavour, sizeof(ev.flavour), "%s", flavour_name(probe_facts[fact].options[i].flavour));
		sink_event(&t->sink, &ev.head);
	}
}

static void say_counters(struct tracer *t)
{
	struct ev_counters ev = { .head = { .size = sizeof(ev), .kind = EV_COUNTERS, .time_ns = monotonic_ns() } };
	int cpus = libbpf_num_possible_cpus();
	__u64 *per_cpu = calloc(cpus > 0 ? cpus : 1, sizeof(*per_cpu));

	for (__u32 i = 0; per_cpu && i < CNT_MAX; i++)
		if (!bpf_map_lookup_elem(t->objects.counters, &i, per_cpu))
			for (int cpu = 0; cpu < cpus; cpu++)
				ev.value[i] += per_cpu[cpu];
	free(per_cpu);
	ev.value[CNT_LOST_MISSED] += objects_missed(&t->objects);
	sink_event(&t->sink, &ev.head);
}

static int libbpf_print(enum libbpf_print_level level, const char *format, va_list args)
{
	/* one line for the user is ours to write; libbpf's own help with a bug, on request */
	if (level == LIBBPF_DEBUG || !getenv("CONNLIFE_DEBUG"))
		return 0;
	return vfprintf(stderr, format, args);
}

static int resolve_cgroup(const struct tracer *t, struct tracer_options *opt, char *why, size_t why_size)
{
	if (!opt->cgroup_path || !cgroups_id(t->cgroups, opt->cgroup_path, &opt->filter.cgroup))
		return 0;
	snprintf(why, why_size, "--cgroup %s: no such cgroup (v2)", opt->cgroup_path);
	return -ENXIO;
}

static int open_kernel_side(struct tracer *t, const struct tracer_options *opt, char *why, size_t why_size)
{
	int tracefs = tracefs_open(), err;
	struct features f;

	err = features_try(&f, tracefs);
	if (err == -ENOENT)
		snprintf(why, why_size, "this kernel has no BTF (/sys/kernel/btf/vmlinux): CONFIG_DEBUG_INFO_BTF is needed");
	else if (err)
		snprintf(why, why_size, "bpf(2) is not permitted here: run as root");
	else
		err = objects_open(&t->objects, opt, &f, tracefs, why, why_size);
	if (tracefs >= 0)
		close(tracefs);
	return err;
}

int tracer_open(const struct tracer_options *options, const struct event_sink *sink, struct tracer **out, char *why,
		size_t why_size)
{
	struct tracer_options opt = *options;
	struct tracer *t = calloc(1, sizeof(*t));
	int err;

	*out = NULL;
	if (!t)
		return -ENOMEM;
	libbpf_set_print(libbpf_print);
	t->sink = *sink;
	t->quiet = opt.quiet;
	t->cgroups = cgroups_new();
	err = t->cgroups ? resolve_cgroup(t, &opt, why, why_size) : -ENOMEM;
	if (!err)
		err = open_kernel_side(t, &opt, why, why_size);
	if (!err) {
		t->ring = ring_buffer__new(t->objects.events, ring_record, t, NULL);
		err = t->ring ? 0 : -errno;
	}
	if (!err) {
		say_session(t, &opt);
		say_flavours(t);
		snprintf(why, why_size, "cannot read the open sockets of this host");
		err = tracer_look(t, LOOK_START);
	}
	if (err) {
		tracer_close(t);
		return err;
	}
	*out = t;
	return 0;
}

void tracer_close(struct tracer *t)
{
	if (!t)
		return;
	ring_buffer__free(t->ring);
	objects_close(&t->objects);
	cgroups_free(t->cgroups);
	free(t);
}

int tracer_fd(const struct tracer *t)
{
	return ring_buffer__epoll_fd(t->ring);
}

int tracer_drain(struct tracer *t)
{
	int n = ring_buffer__consume(t->ring);

	return n < 0 ? n : 0;
}

/*
 * Positions of the ring buffer (its first two pages, kernel/bpf/ringbuf.c). libbpf stops at a record that a preempted
 * program has reserved and not yet said; so at the end one has to wait until the consumer stands where the producer does.
 */
static int drain_to_the_end(struct tracer *t)
{
	long page = sysconf(_SC_PAGESIZE);
	volatile __u64 *consumer = mmap(NULL, page, PROT_READ, MAP_SHARED, t->objects.events, 0);
	volatile __u64 *producer = mmap(NULL, page, PROT_READ, MAP_SHARED, t->objects.events, page);
	__u64 until = monotonic_ns() + DRAIN_PATIENCE_NS;
	int err = 0;

	do {
		err = tracer_drain(t);
		if (consumer == MAP_FAILED || producer == MAP_FAILED || *consumer == *producer)
			break;
		sched_yield();
	} while (!err && monotonic_ns() < until);
	if (consumer != MAP_FAILED)
		munmap((void *)consumer, page);
	if (producer != MAP_FAILED)
		munmap((void *)producer, page);
	return err;
}

int tracer_look(struct tracer *t, enum look_why why)
{
	struct ev_look ev = { .head = { .size = sizeof(ev), .kind = EV_LOOK }, .began_ns = monotonic_ns(), .why = why };
	struct looked l = { 0 };
	int err;

	/* what is in the ring happened before; at the start the header comes first */
	err = why == LOOK_START ? 0 : tracer_drain(t);
	if (!err)
		err = look_at_files(&t->objects, t->cgroups, &t->sink, &l);
	ev.read_ns = monotonic_ns();
	/* from here on nothing ends unseen: what conns still has after the last drain was not said */
	if (!err && why == LOOK_FINAL) {
		objects_detach(&t->objects);
		err = drain_to_the_end(t);
	}
	if (!err && why != LOOK_START)
		err = look_at_conns(&t->objects, t->cgroups, &t->sink, &l, why == LOOK_FINAL);
	if (!err && t->quiet && why != LOOK_START) {
		__u64 now = monotonic_ns();

		err = look_at_sites(&t->objects, now > SITE_SILENCE_NS ? now - SITE_SILENCE_NS : 0, &t->sink);
	}
	/* and what ended while we looked is not open any more */
	if (!err && why != LOOK_START && why != LOOK_FINAL)
		err = tracer_drain(t);
	looked_free(&l);
	if (why == LOOK_FINAL) {
		/* drained to the end: 16 MB (it is mapped twice) that are not resident while the report is made */
		ring_buffer__free(t->ring);
		t->ring = NULL;
	}
	say_counters(t);
	ev.head.time_ns = monotonic_ns();
	sink_event(&t->sink, &ev.head);
	return err;
}

void tracer_standstill(struct tracer *t, __u64 from_ns)
{
	struct ev_standstill ev = { .head = { .size = sizeof(ev), .kind = EV_STANDSTILL, .time_ns = monotonic_ns() },
				    .from_ns = from_ns };

	sink_event(&t->sink, &ev.head);
}

void tracer_end(struct tracer *t, __u32 program_status)
{
	struct ev_end ev = { .head = { .size = sizeof(ev), .kind = EV_END, .time_ns = monotonic_ns() },
			     .program_status = program_status };

	sink_event(&t->sink, &ev.head);
}
