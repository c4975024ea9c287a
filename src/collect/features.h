/* SPDX-License-Identifier: GPL-2.0-only */
/* features.h - what this kernel accepts, found out by really attaching a two-instruction program. */
#ifndef CONNLIFE_FEATURES_H
#define CONNLIFE_FEATURES_H

#include "probes.h"

/*
 * Tries every option of the probe table and detaches again. tracefs: from tracefs_open(), may be negative.
 * 0, or -ENOENT when the kernel has no BTF, or -EPERM when we may not use bpf(2) at all.
 */
int features_try(struct features *f, int tracefs);

/* One sentence on why an option was refused, for people: err as in struct features. */
const char *feature_refusal(enum hook hook, int err);

#endif
