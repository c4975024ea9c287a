/* SPDX-License-Identifier: GPL-2.0-only */
/* object.h - the BPF objects: opened from memory, configured, loaded, attached. */
#ifndef CONNLIFE_OBJECT_H
#define CONNLIFE_OBJECT_H

#include <bpf/libbpf.h>
#include "../../bpf/config.h"
#include "tracer.h"

#define MAX_LINKS 32

struct objects {
	struct bpf_object *main, *looks;
	struct bpf_link *links[MAX_LINKS];
	size_t nlinks;
	int conns, slots, sites, counters, pids, events; /* map fds, owned by main; slots is negative where unused */
	unsigned int nslots;
	struct bpf_program *look, *creds, *gone;
	int chosen[FACT_MAX]; /* option of the probe table; -1 = none or not wanted */
};

/*
 * Chooses, loads and attaches. Negative errno and a sentence in why on failure; call objects_close() in any case.
 */
int objects_open(struct objects *o, const struct tracer_options *opt, const struct features *f, int tracefs, char *why,
		 size_t why_size);
/* No program runs any more, save those that had begun. */
void objects_detach(struct objects *o);
void objects_close(struct objects *o);

/* Program runs that the kernel skipped (recursion_misses, Linux 5.12). */
__u64 objects_missed(const struct objects *o);

#endif
