/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * timefmt.h - moments and durations as text. Moments are nanoseconds since 1970 (CLOCK_REALTIME).
 */
#ifndef CONNLIFE_TIMEFMT_H
#define CONNLIFE_TIMEFMT_H

#include <stdint.h>

#define RFC3339_LEN 30 /* 2026-01-02T03:04:05.678901234Z, without the NUL */
#define CLOCK_LEN 8 /* 03:04:05 */
#define DURATION_LEN 24 /* more than the longest duration */

/* UTC with nanoseconds. No libc and no state: it is called several times a line. */
void rfc3339_text(char out[RFC3339_LEN + 1], uint64_t wall_ns);

/* HH:MM:SS in the local time zone. */
void clock_text(char out[CLOCK_LEN + 1], uint64_t wall_ns);

/* For people, two units at most: 85us 250ms 2.1s 1m01s 4h12m 3d04h. Rounded down: never more than has passed. */
void duration_text(char out[DURATION_LEN], uint64_t ns);

#endif
