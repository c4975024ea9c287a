// SPDX-License-Identifier: GPL-2.0-only
/*
 * netns_run.c - runs a program in a network namespace: a new one with lo up, or that of a process.
 * (unshare and nsenter without util-linux: the test machines have only busybox.)
 *
 *   netns_run [--join PID] PROGRAM ARGS...
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "netns_run: %s: %s\n", what, strerror(errno));
	exit(125);
}

static void join(const char *pid)
{
	char path[64];
	int ns;

	snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET))
		die(path);
	close(ns);
}

static void lo_up(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo))
		die("lo up");
	close(fd);
}

int main(int argc, char **argv)
{
	char **program = argv + 1;

	if (argc > 3 && !strcmp(argv[1], "--join")) {
		join(argv[2]);
		program = argv + 3;
	} else if (argc > 1) {
		if (unshare(CLONE_NEWNET))
			die("unshare");
		lo_up();
	} else {
		fprintf(stderr, "usage: netns_run [--join PID] PROGRAM ARGS...\n");
		return 125;
	}
	execvp(program[0], program);
	die(program[0]);
}
