// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <string.h>
#include "site_words.h"
#include "words.h"

#define CONTAINER_ID_SHOWN 12 /* as docker and crictl print them */

void buf_remote(struct buf *b, const struct site_key *site)
{
	if (site->role == ROLE_SERVER) {
		buf_printf(b, "clients of :%u", site->rport);
		return;
	}
	if (site->family == 6)
		buf_char(b, '[');
	buf_address(b, site->family, site->raddr);
	if (site->family == 6)
		buf_char(b, ']');
	buf_printf(b, ":%u", site->rport);
}

static bool ends_with(const char *s, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len > n && !memcmp(s + len - n, end, n);
}

/* A run of at least 32 hexadecimal digits: what container runtimes use as an id. */
static const char *container_id(const char *s, size_t len)
{
	size_t run = 0;

	for (size_t i = 0; i < len; i++) {
		run = isxdigit((unsigned char)s[i]) ? run + 1 : 0;
		if (run == 32)
			return s + i - 31;
	}
	return NULL;
}

bool buf_owner(struct buf *b, const char *cgroup_path)
{
	const char *end = cgroup_path + strlen(cgroup_path), *from;

	/* innermost component first: a container inside a service is the container */
	while (end > cgroup_path) {
		size_t len;
		const char *id;

		for (from = end; from > cgroup_path && from[-1] != '/'; from--)
			;
		len = end - from;
		id = container_id(from, len);
		if (id) {
			buf_str(b, "container ");
			buf_mem(b, id, CONTAINER_ID_SHOWN);
			return true;
		}
		if (ends_with(from, len, ".service") || ends_with(from, len, ".scope")) {
			buf_mem(b, from, len);
			return true;
		}
		end = from > cgroup_path ? from - 1 : cgroup_path;
	}
	return false;
}
