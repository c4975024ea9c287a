// SPDX-License-Identifier: GPL-2.0-only
// pair.h - one loopback connection with both its ends in this process, and the clock around it.
#ifndef PAIR_H
#define PAIR_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* 127.1.0.0/20: a closed pair stays 60 s in TIME_WAIT, so ports last only with many destinations */
#define FIRST_DESTINATION 0x7f010001
#define DESTINATIONS 4096

struct pair {
	int client, server;
};

static inline void die(const char *what)
{
	fprintf(stderr, "churn: %s: %s\n", what, strerror(errno));
	exit(1);
}

static inline double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static inline void sleep_until(double when)
{
	struct timespec t = {.tv_sec = when, .tv_nsec = (when - (time_t)when) * 1e9};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* A listener on every loopback address; *at is where to connect. */
static inline int listen_anywhere(struct sockaddr_in *at)
{
	socklen_t size = sizeof(*at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*at = (struct sockaddr_in){.sin_family = AF_INET};
	if (fd < 0 || bind(fd, (struct sockaddr *)at, sizeof(*at)) || listen(fd, 128) ||
	    getsockname(fd, (struct sockaddr *)at, &size))
		die("listen");
	return fd;
}

/*
 * Loopback answers inside connect(), so one thread plays both ends and never waits. `nth` picks
 * the destination address.
 */
static inline int open_pair(int listener, struct sockaddr_in *at, unsigned long nth, struct pair *pair)
{
	at->sin_addr.s_addr = htonl(FIRST_DESTINATION + nth % DESTINATIONS);
	pair->client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (pair->client < 0)
		return -1;
	if (!connect(pair->client, (struct sockaddr *)at, sizeof(*at))) {
		pair->server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (pair->server >= 0)
			return 0;
	}
	close(pair->client);
	return -1;
}

static inline void close_pair(const struct pair *pair)
{
	close(pair->client);
	close(pair->server);
}

#endif
