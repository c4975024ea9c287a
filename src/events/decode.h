/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * decode.h - is this a record that the rest of the program may read without looking twice?
 */
#ifndef CONNLIFE_DECODE_H
#define CONNLIFE_DECODE_H

#include <stddef.h>

/*
 * NULL: len bytes at `bytes` (aligned to 8) are one well-formed record: of a known kind with everything a reader of
 * that kind touches, or of a kind that a newer writer added, which readers skip. Otherwise what is wrong, as static
 * text.
 */
const char *event_check(const void *bytes, size_t len);

#endif
