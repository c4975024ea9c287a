/* SPDX-License-Identifier: GPL-2.0-only */
/* live.h - the live host as one run: start, wait, look, end. */
#ifndef CONNLIFE_LIVE_H
#define CONNLIFE_LIVE_H

#include "events/source.h"
#include "options.h"

/*
 * Traces until --duration, the end of PROGRAM, SIGINT or SIGTERM, and says everything to sink, EV_END last. The exit
 * status; on EXIT_USAGE and EXIT_CANNOT_TRACE one line was printed and nothing stays attached.
 */
enum exit_status live_run(const struct options *opt, const struct event_sink *sink);

#endif
