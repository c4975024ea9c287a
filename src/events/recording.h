/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * recording.h - events in a file, and back.
 *
 * A recording is a header of 16 bytes: "CONNLIFE", u16 format version, u16 byte-order mark 0xfeff, u32 reserved (0);
 * then records: u32 length, u32 crc32 of the event (zlib's), the event's bytes. All in the writer's byte order. The
 * first event is EV_SESSION, the last EV_END; a file without it was cut off.
 */
#ifndef CONNLIFE_RECORDING_H
#define CONNLIFE_RECORDING_H

#include <stdbool.h>
#include "source.h"

#define RECORDING_VERSION 1
#define RECORDING_MAX_EVENT (1U << 20) /* bytes; a greater length is damage */

struct recording;

/* Creates or empties the file. The caller ends it with recording_close(). */
int recording_create(const char *path, struct recording **out);

/* Appends ev to a buffer. After the first error nothing more is written. */
void recording_write(struct recording *r, const struct ev_head *ev);

/* Hands what is buffered to the kernel, so that a killed run leaves a readable file. Returns the first error so far, as
 * a negative errno. */
int recording_flush(struct recording *r);

/* Flushes, closes and frees; returns the first error of the whole life. r may be NULL. */
int recording_close(struct recording *r);

struct recording_result {
	__u64 records; /* well-formed ones, all given to the sink */
	bool damaged; /* reading stopped before a proper end */
	bool ended; /* EV_END was seen */
	__u64 offset; /* of the damage: where the bad header or record begins, or the file ends */
	char why[96]; /* what the damage is, for people */
};

/*
 * Streams the events of a file (or of a pipe; "-" is standard input) to the sink, up to the end or the first damage.
 * Returns 0 also for a damaged file, a negative errno when it could not be opened or read. res is always filled.
 */
int recording_read(const char *path, const struct event_sink *sink, struct recording_result *res);

#endif
