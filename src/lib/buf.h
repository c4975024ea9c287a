/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * buf.h - a growable byte buffer in which one line is put together and then written with one fwrite().
 *
 * It starts in its own fixed array, so that a usual line costs no allocation; do not copy the struct. When memory runs
 * out, err is -ENOMEM, what is put is dropped, and buf_line() writes nothing: a torn line would be worse than none.
 */
#ifndef CONNLIFE_BUF_H
#define CONNLIFE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct buf {
	char *data; /* not NUL-terminated */
	size_t len, cap;
	int err; /* 0 or -ENOMEM */
	char fixed[2048];
};

void buf_init(struct buf *b);
void buf_free(struct buf *b);

int buf_grow(struct buf *b, size_t n); /* buf_reserve()'s slow path */

/* Room for n more bytes at the end, not yet counted in len; NULL when memory ran out. */
static inline char *buf_reserve(struct buf *b, size_t n)
{
	if (b->err || (b->cap - b->len < n && buf_grow(b, n)))
		return NULL;
	return b->data + b->len;
}

static inline void buf_char(struct buf *b, char c)
{
	char *to = buf_reserve(b, 1);

	if (!to)
		return;
	*to = c;
	b->len++;
}

static inline void buf_mem(struct buf *b, const void *p, size_t n)
{
	char *to = n ? buf_reserve(b, n) : NULL;

	if (!to)
		return;
	memcpy(to, p, n);
	b->len += n;
}

static inline void buf_str(struct buf *b, const char *s)
{
	buf_mem(b, s, strlen(s));
}

void buf_u64(struct buf *b, uint64_t v);
void buf_i64(struct buf *b, int64_t v);
void buf_fill(struct buf *b, char c, size_t n);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Pads what was put since `start` to a column of `width` characters (UTF-8 sequences count as one), before it when
 * `right`, after it otherwise. Longer text stays as it is.
 */
void buf_column(struct buf *b, size_t start, size_t width, bool right);

/* Ends the line, writes it, and empties the buffer. Write errors stay in ferror(file). */
void buf_line(struct buf *b, FILE *file, bool flush);

#endif
