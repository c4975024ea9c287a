// SPDX-License-Identifier: GPL-2.0-only
#include "buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

void buf_init(struct buf *b)
{
	b->data = b->fixed;
	b->len = 0;
	b->cap = sizeof(b->fixed);
	b->err = 0;
}

void buf_free(struct buf *b)
{
	if (b->data != b->fixed)
		free(b->data);
	buf_init(b);
}

int buf_grow(struct buf *b, size_t n)
{
	size_t cap = b->cap;
	char *data;

	if (n > SIZE_MAX / 4 || b->len > SIZE_MAX / 4)
		goto fail;
	while (cap - b->len < n)
		cap *= 2;
	data = b->data == b->fixed ? malloc(cap) : realloc(b->data, cap);
	if (!data)
		goto fail;
	if (b->data == b->fixed)
		memcpy(data, b->fixed, b->len);
	b->data = data;
	b->cap = cap;
	return 0;
fail:
	b->err = -ENOMEM;
	return b->err;
}

void buf_u64(struct buf *b, uint64_t v)
{
	char digits[20]; /* of 2^64 - 1 */
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	buf_mem(b, digits + at, sizeof(digits) - at);
}

void buf_i64(struct buf *b, int64_t v)
{
	if (v < 0)
		buf_char(b, '-');
	buf_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void buf_fill(struct buf *b, char c, size_t n)
{
	char *to = n ? buf_reserve(b, n) : NULL;

	if (!to)
		return;
	memset(to, c, n);
	b->len += n;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args;
	char *to;
	int n;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n < 0)
		return;
	to = buf_reserve(b, (size_t)n + 1);
	if (!to)
		return;
	va_start(args, fmt);
	vsnprintf(to, (size_t)n + 1, fmt, args);
	va_end(args);
	b->len += (size_t)n;
}

void buf_column(struct buf *b, size_t start, size_t width, bool right)
{
	size_t shown = 0, bytes;

	if (b->err || start > b->len)
		return;
	bytes = b->len - start;
	for (size_t i = start; i < b->len; i++)
		shown += ((unsigned char)b->data[i] & 0xc0) != 0x80;
	if (shown >= width)
		return;
	buf_fill(b, ' ', width - shown);
	if (!right || b->err)
		return;
	memmove(b->data + start + (width - shown), b->data + start, bytes);
	memset(b->data + start, ' ', width - shown);
}

void buf_line(struct buf *b, FILE *file, bool flush)
{
	buf_char(b, '\n');
	if (!b->err)
		fwrite(b->data, 1, b->len, file);
	b->len = 0;
	if (flush)
		fflush(file);
}
