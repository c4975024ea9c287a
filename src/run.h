/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * run.h - one run of a command: events come in, from the live host or from a recording, and reports go out. The same
 * code serves both, so that `-r` prints what the run with `-w` printed.
 */
#ifndef CONNLIFE_RUN_H
#define CONNLIFE_RUN_H

#include "options.h"

enum exit_status run(const struct options *opt);

#endif
