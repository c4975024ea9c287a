// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "parse.h"

/* Digits only, no sign, no blanks: strtoull alone would take " -1". */
static int leading_number(const char *word, const char **end, __u64 *out)
{
	if (!isdigit((unsigned char)*word))
		return -EINVAL;
	errno = 0;
	*out = strtoull(word, (char **)end, 10);
	return errno ? -EINVAL : 0;
}

int parse_number(const char *word, __u64 min, __u64 max, __u64 *out)
{
	const char *end;

	if (leading_number(word, &end, out) || *end || *out < min || *out > max)
		return -EINVAL;
	return 0;
}

int parse_duration(const char *word, __u64 *ns)
{
	static const struct {
		const char *unit;
		__u64 ns;
	} units[] = {
		{ "ms", 1000000ULL }, { "s", 1000000000ULL }, { "m", 60000000000ULL }, { "h", 3600000000000ULL },
	};
	const char *end;
	__u64 n;

	if (leading_number(word, &end, &n))
		return -EINVAL;
	if (!n && !*end) {
		*ns = 0;
		return 0;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (!strcmp(end, units[i].unit) && n <= (1ULL << 62) / units[i].ns) {
			*ns = n * units[i].ns;
			return 0;
		}
	return -EINVAL;
}

int parse_list(const char *word, __u64 low, __u64 high, __u64 *out, size_t max, size_t *n)
{
	const char *at = word, *end;

	for (;;) {
		if (*n == max)
			return -E2BIG;
		if (leading_number(at, &end, &out[*n]) || out[*n] < low || out[*n] > high)
			return -EINVAL;
		(*n)++;
		if (!*end)
			return 0;
		if (*end != ',')
			return -EINVAL;
		at = end + 1;
	}
}

int parse_cidr(const char *word, __u8 addr[16], __u8 *family, __u8 *bits)
{
	const char *slash = strchr(word, '/');
	size_t len = slash ? (size_t)(slash - word) : strlen(word);
	char text[64];
	__u64 n;

	if (len >= sizeof(text))
		return -EINVAL;
	memcpy(text, word, len);
	text[len] = 0;
	memset(addr, 0, 16);
	if (inet_pton(AF_INET, text, addr) == 1)
		*family = 4;
	else if (inet_pton(AF_INET6, text, addr) == 1)
		*family = 6;
	else
		return -EINVAL;
	n = *family == 4 ? 32 : 128;
	if (slash && parse_number(slash + 1, 0, n, &n))
		return -EINVAL;
	*bits = n;
	return 0;
}
