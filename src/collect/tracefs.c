// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tracefs.h"

/* glibc wraps these from 2.36 on, and its <sys/mount.h> clashes with the kernel's header before that */
#ifndef FSCONFIG_CMD_CREATE
#define FSCONFIG_CMD_CREATE 6
#endif

static int detached_mount(const char *fstype)
{
	int fs = syscall(SYS_fsopen, fstype, 0), mnt;

	if (fs < 0)
		return -errno;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		mnt = -errno;
	else if ((mnt = syscall(SYS_fsmount, fs, 0, 0)) < 0)
		mnt = -errno;
	close(fs);
	return mnt;
}

int tracefs_open(void)
{
	static const char *const mounted[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };

	for (size_t i = 0; i < sizeof(mounted) / sizeof(*mounted); i++) {
		int fd = open(mounted[i], O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0 && !faccessat(fd, "events", F_OK, 0))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return detached_mount("tracefs");
}

int tracefs_perf_event(int tracefs, const char *tracepoint)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr), .sample_period = 1 };
	char path[128], text[32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "events/%s/id", tracepoint);
	fd = openat(tracefs, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -EIO;
	text[n] = 0;
	attr.config = strtoull(text, NULL, 10);
	/* the program belongs to the tracepoint, not to the event's CPU: one event sees all CPUs */
	fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
