// SPDX-License-Identifier: GPL-2.0-only
/*
 * hold.c - holds N loopback connections open and closes all of their 2N ends at once.
 *
 *   hold N [--close-on-signal]
 *
 * Prints "READY N PID..." when all are open; the line "close" on stdin (or, with --close-on-signal,
 * SIGUSR1) closes everything and prints "CLOSED 2N"; the end of stdin ends the program.
 * Both ends of a connection are in one process. There are as many processes (PID...) as the limit of
 * open files asks for, and as many loopback addresses as the range of local ports asks for.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

enum {
	OTHER_FILES = 32, /* of a process, beside its connections */
	PER_ADDRESS = 10000, /* connections to one address: well inside the range of local ports */
	MAX_WORKERS = 256,
};

static void die(const char *what)
{
	fprintf(stderr, "hold: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Connections that one process can have both ends of, after raising the limit as far as it goes. */
static int pairs_per_process(int wanted)
{
	struct rlimit limit;
	rlim_t files = 2 * (rlim_t)wanted + OTHER_FILES;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < files) {
		struct rlimit more = {files, files};

		if (!setrlimit(RLIMIT_NOFILE, &more))
			return wanted;
	}
	if (limit.rlim_max < files)
		files = limit.rlim_max;
	limit.rlim_cur = files;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		die("RLIMIT_NOFILE");
	return (files - OTHER_FILES) / 2;
}

static int listen_on(uint32_t address, struct sockaddr_in *where)
{
	socklen_t len = sizeof(*where);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*where = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
	if (fd < 0 || bind(fd, (struct sockaddr *)where, len) || listen(fd, 16))
		die("listen");
	getsockname(fd, (struct sockaddr *)where, &len);
	return fd;
}

static void open_pair(int listener, const struct sockaddr_in *where)
{
	int client = socket(AF_INET, SOCK_STREAM, 0);

	if (client < 0 || connect(client, (const struct sockaddr *)where, sizeof(*where)))
		die("connect");
	if (accept(listener, NULL, NULL) < 0)
		die("accept");
}

/* Fills every gap up to `last`: what is opened from now on is contiguous and closed by one call. */
static int first_file_after(int last)
{
	int fd;

	do {
		fd = dup(STDERR_FILENO);
		if (fd < 0)
			die("dup");
	} while (fd <= last);
	return fd;
}

static void open_pairs(int worker, int pairs)
{
	struct sockaddr_in where;
	int listener = -1;

	for (int i = 0; i < pairs; i++) {
		if (i % PER_ADDRESS == 0) {
			/* 127.0.0.0/8 has room; the port is new each time as well. */
			if (listener >= 0)
				close(listener);
			listener = listen_on(INADDR_LOOPBACK + 256 * (worker + 1) + i / PER_ADDRESS,
					     &where);
		}
		open_pair(listener, &where);
	}
	close(listener);
}

static void close_all(int first)
{
	if (!syscall(SYS_close_range, first, ~0U, 0))
		return;
	for (int fd = first, gaps = 0; gaps < OTHER_FILES; fd++)
		gaps = close(fd) ? gaps + 1 : 0;
}

/* A worker says 'r' when ready and 'c' when it has closed; a byte from `go` tells it to close. */
static void work(int worker, int pairs, int go, int report)
{
	int first = first_file_after(go > report ? go : report);
	char byte;

	open_pairs(worker, pairs);
	if (write(report, "r", 1) != 1)
		die("report");
	if (read(go, &byte, 1) != 1)
		return;
	close_all(first);
	if (write(report, "c", 1) != 1)
		die("report");
	pause();
}

static void start_worker(int worker, int pairs, int go[2], int report[2], pid_t *pid)
{
	*pid = fork();
	if (*pid < 0)
		die("fork");
	if (*pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(go[1]);
	close(report[0]);
	work(worker, pairs, go[0], report[1]);
	_exit(0);
}

/* A worker that dies has closed its end of the pipe: when all have, this ends too. */
static void wait_reports(int report, int workers)
{
	char byte;

	while (workers--)
		if (read(report, &byte, 1) != 1) {
			errno = ECHILD;
			die("a worker ended early");
		}
}

/* One process after the other: as fast as a single one that could hold them all. */
static void close_workers(int workers, int go, int report)
{
	while (workers--) {
		if (write(go, "c", 1) != 1)
			die("go");
		wait_reports(report, 1);
	}
}

/* True: close everything; false: stdin has ended. */
static bool wait_command(int signals)
{
	struct pollfd wait[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
	char line[64];

	for (;;) {
		ssize_t len;

		if (poll(wait, 2, -1) < 0)
			continue;
		if (wait[1].revents)
			return true;
		len = read(STDIN_FILENO, line, sizeof(line) - 1);
		if (len <= 0)
			return false;
		line[len] = '\0';
		if (!strncmp(line, "close", 5))
			return true;
	}
}

static int signal_file(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int start_workers(int pairs, int go[2], int report[2], pid_t *pids)
{
	int each = pairs_per_process(pairs), workers = 0;

	for (; pairs > 0; pairs -= each, workers++) {
		if (workers == MAX_WORKERS) {
			errno = EMFILE;
			die("RLIMIT_NOFILE is too low");
		}
		start_worker(workers, pairs < each ? pairs : each, go, report, &pids[workers]);
	}
	return workers;
}

int main(int argc, char **argv)
{
	int pairs = argc > 1 ? atoi(argv[1]) : 0, go[2], report[2], signals = -1, workers;
	pid_t pids[MAX_WORKERS];

	if (pairs < 1 || argc > 3 || (argc == 3 && strcmp(argv[2], "--close-on-signal"))) {
		fprintf(stderr, "usage: hold N [--close-on-signal]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 3)
		signals = signal_file();
	if (pipe(go) || pipe(report))
		die("pipe");
	workers = start_workers(pairs, go, report, pids);
	close(report[1]);
	wait_reports(report[0], workers);
	printf("READY %d", pairs);
	for (int i = 0; i < workers; i++)
		printf(" %d", pids[i]);
	printf("\n");
	if (wait_command(signals)) {
		close_workers(workers, go[1], report[0]);
		printf("CLOSED %d\n", 2 * pairs);
		wait_command(-1); /* the driver decides when the processes end */
	}
	for (int i = 0; i < workers; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	return 0;
}
