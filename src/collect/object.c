// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "features.h"
#include "ksyms.h"
#include "object.h"
#include "ticks.h"
#include "tracefs.h"

/* src/collect/embed.S */
extern const char connlife_bpf_o[], connlife_bpf_o_end[], connlife_5_10_bpf_o[], connlife_5_10_bpf_o_end[];
extern const char snapshot_bpf_o[], snapshot_bpf_o_end[];

/* A drain every 100 ms keeps up with a filling of 1/8 of the ring in that time; more wakes us. */
#define WAKE_FRACTION 8
#define SLOT_SHARE 64 /* of the table's capacity, one part in so many is slots more */

static bool fact_wanted(enum fact fact, const struct tracer_options *opt)
{
	switch (fact) {
	case FACT_RECEIVE:
		return opt->last_use;
	case FACT_SEND:
		return opt->senders;
	case FACT_CHILDREN:
	case FACT_CHILDREN_END:
		return opt->filter.children;
	default:
		return true;
	}
}

/*
 * Nothing but the accept's system call tells a process filter whose connection it is. Else a look tells in time who
 * holds what leaks names, and the host's system calls stay as fast as they were.
 */
static bool spares_syscalls(const struct tracer_options *opt)
{
	return opt->quiet && !opt->filter.npids && !opt->filter.has_comm && !opt->filter.cgroup;
}

static int choose(struct objects *o, const struct tracer_options *opt, const struct features *f, char *why, size_t size)
{
	for (int fact = 0; fact < FACT_MAX; fact++) {
		const struct probe_fact *p = &probe_facts[fact];
		int i = 0;

		o->chosen[fact] = -1;
		if (fact_wanted(fact, opt))
			o->chosen[fact] = probe_choose(f, fact, opt->flavour, spares_syscalls(opt));
		if (o->chosen[fact] >= 0 || !p->required)
			continue;
		/* name the refusal of the flavour that was asked for, else of the last resort */
		for (int k = 0; k < PROBE_OPTIONS && p->options[k].hook != HOOK_NONE; k++)
			if (f->err[fact][k] != 1 &&
			    (opt->flavour == FLAVOUR_AUTO || p->options[k].flavour == opt->flavour))
				i = k;
		snprintf(why, size, "cannot trace %s: %s on %s: %s (see `connlife doctor`)", p->name,
			 flavour_name(p->options[i].flavour), p->options[i].target,
			 feature_refusal(p->options[i].hook, f->err[fact][i]));
		return -EOPNOTSUPP;
	}
	return 0;
}

/*
 * Slots need atomic instructions, and programs to which a sock is a typed pointer. They are few beside the capacity
 * that was asked for: it means what it says.
 */
static unsigned int slot_bits(const struct objects *o, const struct tracer_options *opt, const struct features *f)
{
	unsigned int bits = SLOT_BITS_MAX;

	for (int fact = 0; fact < FACT_MAX; fact++) {
		enum hook hook = o->chosen[fact] < 0 ? HOOK_NONE : probe_facts[fact].options[o->chosen[fact]].hook;

		if (hook == HOOK_KPROBE || hook == HOOK_KRETPROBE)
			return 0;
	}
	while (bits && opt->max_connections >> bits < SLOT_SHARE)
		bits--;
	return f->has_atomics && f->has_cookie ? bits : 0;
}

static void fill_config(struct config *cfg, const struct objects *o, const struct tracer_options *opt,
			const struct features *f)
{
	struct ksym fns[] = { { .name = "woken_wake_function" }, { .name = "pollwake" },
			       { .name = "ep_poll_callback" }, { .name = "io_poll_wake" } };
	__u64 tick = 0, tick_origin_ns = 0;

	if (opt->quiet && !opt->emit_open && !ticks_origin(&tick_origin_ns))
		tick = tick_ns();
	ksyms_find(fns, 4); /* without addresses readers are unknown */
	*cfg = (struct config){
		.filter = opt->filter,
		.self = getpid(),
		.tick_ns = tick,
		.tick_origin_ns = tick_origin_ns,
		.wake_bytes = opt->ring_bytes / WAKE_FRACTION,
		.fn_recv = fns[0].addr,
		.fn_poll = fns[1].addr,
		.fn_epoll = fns[2].addr,
		.fn_uring_poll = fns[3].addr,
		.tp_connect = !probe_facts[FACT_CONNECT].options[o->chosen[FACT_CONNECT]].program,
		.tp_accept = !probe_facts[FACT_ACCEPT].options[o->chosen[FACT_ACCEPT]].program,
		.tp_close = !probe_facts[FACT_CLOSE].options[o->chosen[FACT_CLOSE]].program,
		.has_cookie = f->has_cookie,
		.slot_bits = slot_bits(o, opt, f),
		.emit_open = opt->emit_open,
		.quiet = opt->quiet,
	};
}

static int configure(struct bpf_object *obj, const struct config *cfg)
{
	struct bpf_map *m = bpf_object__find_map_by_name(obj, ".rodata.config");
	size_t size;

	if (!m || !bpf_map__initial_value(m, &size) || size != sizeof(*cfg))
		return -EINVAL;
	return bpf_map__set_initial_value(m, cfg, sizeof(*cfg));
}

static int size_maps(struct bpf_object *obj, const struct tracer_options *opt, const struct features *f,
		     unsigned int slot_bits)
{
	static const char *const hashes[] = { "conns", "pids", "sites" };
	struct bpf_map *slots = bpf_object__find_map_by_name(obj, "slots");
	int err = bpf_map__set_max_entries(bpf_object__find_map_by_name(obj, "conns"), opt->max_connections);

	if (!err)
		err = slot_bits ? bpf_map__set_max_entries(slots, 1U << slot_bits) : bpf_map__set_autocreate(slots, false);

	if (!err)
		err = bpf_map__set_max_entries(bpf_object__find_map_by_name(obj, "events"), opt->ring_bytes);
	for (size_t i = 0; !err && f->prealloc && i < 3; i++)
		err = bpf_map__set_map_flags(bpf_object__find_map_by_name(obj, hashes[i]), 0);
	return err;
}

/* The second object works on the first one's maps. */
static int share_maps(struct objects *o)
{
	static const char *const names[] = { "conns", "slots", "pids", "sites", "events", "counters" };
	int *const fds[] = { &o->conns, &o->slots, &o->pids, &o->sites, &o->events, &o->counters };
	int err = 0;

	for (size_t i = 0; !err && i < 6; i++) {
		struct bpf_map *theirs = bpf_object__find_map_by_name(o->looks, names[i]);

		*fds[i] = bpf_object__find_map_fd_by_name(o->main, names[i]);
		if (theirs && *fds[i] >= 0)
			err = bpf_map__reuse_fd(theirs, *fds[i]);
	}
	if (o->slots >= 0)
		o->nslots = bpf_map__max_entries(bpf_object__find_map_by_name(o->main, "slots"));
	return err;
}

static void select_programs(struct objects *o, struct bpf_object *obj)
{
	for (int fact = 0; fact < FACT_MAX; fact++) {
		const struct probe_option *opt = &probe_facts[fact].options[o->chosen[fact] < 0 ? 0 : o->chosen[fact]];
		const char *names[] = { opt->program, opt->also_program };

		for (int i = 0; o->chosen[fact] >= 0 && i < 2; i++) {
			struct bpf_program *p = names[i] ? bpf_object__find_program_by_name(obj, names[i]) : NULL;

			if (p)
				bpf_program__set_autoload(p, true);
		}
	}
}

static int attach_one(struct objects *o, const char *name, const char *tracepoint, int tracefs)
{
	struct bpf_program *p = bpf_object__find_program_by_name(o->main, name);
	struct bpf_link *link;
	int event;

	if (!p)
		return 0; /* lives in the other object: iterators are opened, not attached */
	if (!tracepoint) {
		link = bpf_program__attach(p);
	} else {
		event = tracefs_perf_event(tracefs, tracepoint);
		if (event < 0)
			return event;
		link = bpf_program__attach_perf_event(p, event); /* owns event on success */
		if (!link)
			close(event);
	}
	if (!link)
		return -errno;
	o->links[o->nlinks++] = link;
	return 0;
}

static int attach(struct objects *o, int tracefs, char *why, size_t why_size)
{
	for (int fact = 0; fact < FACT_MAX; fact++) {
		const struct probe_option *opt;
		bool tp;
		int err;

		if (o->chosen[fact] < 0)
			continue;
		opt = &probe_facts[fact].options[o->chosen[fact]];
		tp = opt->hook == HOOK_TRACEPOINT;
		if (!opt->program || opt->hook == HOOK_ITER)
			continue;
		err = attach_one(o, opt->program, tp ? opt->target : NULL, tracefs);
		if (!err && opt->also)
			err = attach_one(o, opt->also_program, opt->also, tracefs);
		if (err) {
			snprintf(why, why_size, "cannot attach %s to %s: %s", opt->program, opt->target,
				 feature_refusal(opt->hook, err));
			return err;
		}
	}
	return 0;
}

static struct bpf_object *open_object(const char *bytes, const char *end, const char *name)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = name);

	return bpf_object__open_mem(bytes, end - bytes, &opts);
}

int objects_open(struct objects *o, const struct tracer_options *opt, const struct features *f, int tracefs, char *why,
		 size_t why_size)
{
	struct config cfg;
	int err;

	memset(o, 0, sizeof(*o));
	err = choose(o, opt, f, why, why_size);
	if (err)
		return err;
	fill_config(&cfg, o, opt, f);
	snprintf(why, why_size, "cannot load the BPF programs; `connlife doctor` tells what this kernel offers");
	o->main = f->has_atomics ? open_object(connlife_bpf_o, connlife_bpf_o_end, "connlife") :
				   open_object(connlife_5_10_bpf_o, connlife_5_10_bpf_o_end, "connlife");
	o->looks = open_object(snapshot_bpf_o, snapshot_bpf_o_end, "connlife_look");
	if (!o->main || !o->looks)
		return -errno;
	o->gone = bpf_object__find_program_by_name(o->main, "cl_gone");
	bpf_program__set_autoload(o->gone, true);
	select_programs(o, o->main);
	select_programs(o, o->looks);
	err = configure(o->main, &cfg);
	if (!err)
		err = configure(o->looks, &cfg);
	if (!err)
		err = size_maps(o->main, opt, f, cfg.slot_bits);
	if (!err)
		err = size_maps(o->looks, opt, f, cfg.slot_bits);
	if (!err)
		err = bpf_object__load(o->main);
	if (!err)
		err = share_maps(o);
	if (!err)
		err = bpf_object__load(o->looks);
	if (err)
		return err;
	o->look = bpf_object__find_program_by_name(o->looks, "cl_look");
	if (o->chosen[FACT_OPENER] >= 0)
		o->creds = bpf_object__find_program_by_name(o->looks, "cl_creds");
	for (__u32 i = 0; i < opt->filter.npids; i++) {
		__u8 one = 1;

		bpf_map_update_elem(o->pids, &opt->filter.pids[i], &one, BPF_ANY);
	}
	return attach(o, tracefs, why, why_size);
}

void objects_detach(struct objects *o)
{
	while (o->nlinks)
		bpf_link__destroy(o->links[--o->nlinks]);
}

void objects_close(struct objects *o)
{
	objects_detach(o);
	bpf_object__close(o->looks);
	bpf_object__close(o->main);
	memset(o, 0, sizeof(*o));
}

__u64 objects_missed(const struct objects *o)
{
	struct bpf_program *p;
	__u64 sum = 0;

	bpf_object__for_each_program(p, o->main) {
		struct bpf_prog_info info = { 0 };
		__u32 len = sizeof(info);

		if (bpf_program__fd(p) >= 0 && !bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &len))
			sum += info.recursion_misses;
	}
	return sum;
}
