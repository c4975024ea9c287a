/* SPDX-License-Identifier: GPL-2.0-only */
/* parse.h - words of a command line as values. All return 0 or -EINVAL and take the whole word or nothing. */
#ifndef CONNLIFE_PARSE_H
#define CONNLIFE_PARSE_H

#include <stddef.h>
#include <linux/types.h>

/* "500ms", "10s", "5m", "2h"; a unit is required except for 0. */
int parse_duration(const char *word, __u64 *ns);

int parse_number(const char *word, __u64 min, __u64 max, __u64 *out);

/* "1,2,3": at most max numbers within [low, high]. Negative errno; -E2BIG for too many. */
int parse_list(const char *word, __u64 low, __u64 high, __u64 *out, size_t max, size_t *n);

/* "10.0.0.0/8" or "fd00::/8" or a bare address. addr: network order, IPv4 in the first 4 bytes. family: 4 or 6. */
int parse_cidr(const char *word, __u8 addr[16], __u8 *family, __u8 *bits);

#endif
