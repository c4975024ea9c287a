// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>
#include "cgroups.h"

#define FILEID_KERNFS 0xfe /* include/linux/exportfs.h: the handle is the 64-bit inode number, which is the cgroup id */

struct known {
	__u64 id;
	UT_hash_handle hh;
};

struct cgroups {
	char mount[256];
	int fd; /* of the mount; negative = none */
	struct known *said;
};

struct cgroups *cgroups_new(void)
{
	struct cgroups *c = calloc(1, sizeof(*c));
	FILE *f;

	if (!c)
		return NULL;
	c->fd = -1;
	f = setmntent("/proc/self/mounts", "re");
	for (struct mntent *m; f && c->fd < 0 && (m = getmntent(f));)
		if (!strcmp(m->mnt_type, "cgroup2")) {
			snprintf(c->mount, sizeof(c->mount), "%s", m->mnt_dir);
			c->fd = open(c->mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		}
	if (f)
		endmntent(f);
	return c;
}

void cgroups_free(struct cgroups *c)
{
	struct known *k, *next;

	if (!c)
		return;
	HASH_ITER(hh, c->said, k, next) {
		HASH_DEL(c->said, k);
		free(k);
	}
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

int cgroups_id(const struct cgroups *c, const char *path, __u64 *id)
{
	char below[512];
	struct stat st;

	if (c->fd < 0)
		return -ENOENT;
	if (strncmp(path, c->mount, strlen(c->mount)) || stat(path, &st)) {
		snprintf(below, sizeof(below), "%s/%s", c->mount, path);
		if (stat(below, &st))
			return -ENOENT;
	}
	if (!S_ISDIR(st.st_mode))
		return -ENOENT;
	*id = st.st_ino;
	return 0;
}

/* Path below the mount; 0 or negative errno (the cgroup may be gone). */
static int resolve(const struct cgroups *c, __u64 id, char *path, size_t size)
{
	struct {
		struct file_handle h;
		__u64 id;
	} handle = { .h = { .handle_bytes = sizeof(__u64), .handle_type = FILEID_KERNFS } };
	size_t skip = strlen(c->mount);
	char link[64], full[512];
	ssize_t n;
	int fd;

	memcpy(handle.h.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(c->fd, &handle.h, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, full, sizeof(full) - 1);
	close(fd);
	if (n < 0)
		return -errno;
	full[n] = 0;
	if (!strncmp(full, c->mount, skip))
		memmove(full, full + skip, strlen(full + skip) + 1);
	snprintf(path, size, "%s", *full ? full : "/");
	return 0;
}

void cgroups_say(struct cgroups *c, __u64 id, __u64 now_ns, const struct event_sink *sink)
{
	union {
		struct ev_cgroup ev;
		char bytes[sizeof(struct ev_cgroup) + 520];
	} u = { 0 };
	struct known *k;

	if (!id || c->fd < 0)
		return;
	HASH_FIND(hh, c->said, &id, sizeof(id), k);
	if (k || !(k = calloc(1, sizeof(*k))))
		return;
	k->id = id;
	HASH_ADD(hh, c->said, id, sizeof(k->id), k);
	if (resolve(c, id, u.bytes + sizeof(u.ev), 512))
		return;
	u.ev.id = id;
	u.ev.head = (struct ev_head){
		.size = sizeof(u.ev) + ((strlen(u.bytes + sizeof(u.ev)) + 8) & ~7ul),
		.kind = EV_CGROUP,
		.time_ns = now_ns,
	};
	sink_event(sink, &u.ev.head);
}
