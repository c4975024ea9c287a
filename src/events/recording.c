// SPDX-License-Identifier: GPL-2.0-only
#include "recording.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "decode.h"

#define MAGIC "CONNLIFE"
#define ORDER_MARK 0xfeff
#define ORDER_SWAPPED 0xfffe
#define FILE_BUFFER (256 * 1024) /* bytes; some thousand events a write() */

struct file_header {
	char magic[8];
	__u16 version;
	__u16 order;
	__u32 reserved;
};

struct record_header {
	__u32 len;
	__u32 crc;
};

_Static_assert(sizeof(struct file_header) == 16, "file header");
_Static_assert(sizeof(struct record_header) == 8, "record header");

struct recording {
	FILE *file;
	int err; /* the first one */
};

static __u32 event_crc(const void *bytes, size_t len)
{
	return (__u32)crc32(0, bytes, (uInt)len);
}

/* errno after a failed stdio call; some set none. */
static int last_error(void)
{
	return errno ? -errno : -EIO;
}

static void put(struct recording *r, const void *bytes, size_t len)
{
	if (r->err)
		return;
	errno = 0;
	if (fwrite(bytes, 1, len, r->file) != len)
		r->err = last_error();
}

int recording_create(const char *path, struct recording **out)
{
	struct file_header head = { .version = RECORDING_VERSION, .order = ORDER_MARK };
	struct recording *r = calloc(1, sizeof(*r));
	int err;

	*out = NULL;
	if (!r)
		return -ENOMEM;
	errno = 0;
	r->file = fopen(path, "wbe");
	if (!r->file) {
		err = last_error();
		free(r);
		return err;
	}
	setvbuf(r->file, NULL, _IOFBF, FILE_BUFFER);
	memcpy(head.magic, MAGIC, sizeof(head.magic));
	put(r, &head, sizeof(head));
	*out = r;
	return 0;
}

void recording_write(struct recording *r, const struct ev_head *ev)
{
	struct record_header head = { .len = ev->size, .crc = event_crc(ev, ev->size) };

	put(r, &head, sizeof(head));
	put(r, ev, ev->size);
}

int recording_flush(struct recording *r)
{
	errno = 0;
	if (!r->err && fflush(r->file))
		r->err = last_error();
	return r->err;
}

int recording_close(struct recording *r)
{
	int err;

	if (!r)
		return 0;
	recording_flush(r);
	errno = 0;
	if (fclose(r->file) && !r->err)
		r->err = last_error();
	err = r->err;
	free(r);
	return err;
}

/* One reading: where it stands, and a buffer for one event. */
struct reader {
	FILE *file;
	__u64 offset; /* bytes taken */
	struct ev_head *ev; /* RECORDING_MAX_EVENT bytes */
	struct recording_result *res;
};

__attribute__((format(printf, 3, 4))) static void damage(struct reader *rd, __u64 offset, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(rd->res->why, sizeof(rd->res->why), fmt, args);
	va_end(args);
	rd->res->damaged = true;
	rd->res->offset = offset;
}

/* Bytes read, fewer than len only at the end of the file; or a negative errno. */
static long take(struct reader *rd, void *to, size_t len)
{
	size_t n;

	errno = 0;
	n = fread(to, 1, len, rd->file);
	rd->offset += n;
	if (n < len && ferror(rd->file))
		return last_error();
	return (long)n;
}

/* 0: go on; 1: damaged; negative errno. */
static int read_header(struct reader *rd)
{
	struct file_header head = {};
	long n = take(rd, &head, sizeof(head));

	if (n < 0)
		return (int)n;
	if (!n)
		damage(rd, 0, "the file is empty");
	else if (memcmp(head.magic, MAGIC, n < 8 ? (size_t)n : 8))
		damage(rd, 0, "not a connlife recording");
	else if (n < (long)sizeof(head))
		damage(rd, 0, "cut off in the middle of the file's header");
	else if (head.order == ORDER_SWAPPED)
		damage(rd, 0, "written on a machine of the other byte order");
	else if (head.order != ORDER_MARK || !head.version)
		damage(rd, 0, "the file's header is damaged");
	else if (head.version > RECORDING_VERSION)
		damage(rd, 0, "format version %u is newer than this program reads (%u)", head.version,
		       RECORDING_VERSION);
	return rd->res->damaged;
}

/* Puts one event into rd->ev. 0: it is well-formed; 1: end or damage; negative errno. */
static int read_event(struct reader *rd)
{
	__u64 begin = rd->offset;
	struct record_header head;
	const char *wrong;
	long n = take(rd, &head, sizeof(head));

	if (n < 0)
		return (int)n;
	if (!n && rd->res->ended)
		return 1;
	if (!n)
		damage(rd, begin, "cut off: the last record of a whole recording is missing");
	else if (rd->res->ended)
		damage(rd, begin, "more data after the last record");
	else if (n < (long)sizeof(head))
		damage(rd, begin, "cut off in the middle of a record");
	else if (head.len < sizeof(struct ev_head) || head.len > RECORDING_MAX_EVENT)
		damage(rd, begin, "impossible record length %u", head.len);
	if (rd->res->damaged)
		return 1;
	n = take(rd, rd->ev, head.len);
	if (n < 0)
		return (int)n;
	if ((size_t)n < head.len) {
		damage(rd, begin, "cut off in the middle of a record");
		return 1;
	}
	wrong = head.crc != event_crc(rd->ev, head.len) ? "checksum differs" : event_check(rd->ev, head.len);
	if (!wrong && !rd->res->records && rd->ev->kind != EV_SESSION)
		wrong = "the first record does not describe a session";
	if (wrong)
		damage(rd, begin, "%s", wrong);
	return rd->res->damaged;
}

static int read_events(struct reader *rd, const struct event_sink *sink)
{
	int err = read_header(rd);

	while (!err) {
		err = read_event(rd);
		if (err)
			break;
		rd->res->records++;
		rd->res->ended = rd->ev->kind == EV_END;
		sink_event(sink, rd->ev);
	}
	return err < 0 ? err : 0;
}

int recording_read(const char *path, const struct event_sink *sink, struct recording_result *res)
{
	struct reader rd = { .res = res };
	int err;

	memset(res, 0, sizeof(*res));
	rd.ev = malloc(RECORDING_MAX_EVENT);
	if (!rd.ev)
		return -ENOMEM;
	errno = 0;
	rd.file = strcmp(path, "-") ? fopen(path, "rbe") : stdin;
	if (!rd.file) {
		err = last_error();
		free(rd.ev);
		return err;
	}
	err = read_events(&rd, sink);
	if (rd.file != stdin)
		fclose(rd.file);
	free(rd.ev);
	return err;
}
