/* SPDX-License-Identifier: GPL-2.0-only */
/* tracefs.h - tracepoint ids, also where no tracefs is mounted. */
#ifndef CONNLIFE_TRACEFS_H
#define CONNLIFE_TRACEFS_H

/*
 * A file descriptor of tracefs: the mounted one or a detached mount of our own, which no one else sees and which goes
 * away with the descriptor (fsopen(2), Linux 5.2). The caller closes it. Negative errno on failure.
 */
int tracefs_open(void);

/* A perf event on the tracepoint "category/name", for attaching a program. Negative errno on failure. */
int tracefs_perf_event(int tracefs, const char *tracepoint);

#endif
