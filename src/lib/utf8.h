/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * utf8.h - raw bytes from elsewhere (names, paths) made fit for a reader that expects UTF-8 or for a terminal.
 */
#ifndef CONNLIFE_UTF8_H
#define CONNLIFE_UTF8_H

#include <stddef.h>
#include "buf.h"

/* Length of the well-formed UTF-8 sequence that p begins with (1 to 4), 0 when it is not one. n > 0. */
size_t utf8_sequence(const unsigned char *p, size_t n);

/* Puts s, with control characters and bytes that are not UTF-8 as \xNN: it can neither break a line nor a terminal. */
void utf8_printable(struct buf *b, const char *s, size_t n);

#endif
