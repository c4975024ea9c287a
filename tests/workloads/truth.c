// SPDX-License-Identifier: GPL-2.0-only
/* truth.c - asks the kernel about a socket and prints the truth as one JSON object a line. */
#define _GNU_SOURCE
#include "truth.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void die(const char *what)
{
	fprintf(stderr, "conn: %s: %s\n", what, strerror(errno));
	exit(1);
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void task_self(struct task *task)
{
	task->pid = getpid();
	task->tid = syscall(SYS_gettid);
	prctl(PR_GET_NAME, task->comm);
}

void task_name(const char *name)
{
	prctl(PR_SET_NAME, name);
}

/* The address as a user should see it: a v4-mapped one is IPv4. Returns the family. */
static int show_address(const struct sockaddr_storage *from, char *addr, int *port)
{
	const struct sockaddr_in *v4 = (const void *)from;
	const struct sockaddr_in6 *v6 = (const void *)from;

	if (from->ss_family == AF_INET) {
		inet_ntop(AF_INET, &v4->sin_addr, addr, ADDR_LEN);
		*port = ntohs(v4->sin_port);
		return 4;
	}
	*port = ntohs(v6->sin6_port);
	if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], addr, ADDR_LEN);
		return 4;
	}
	inet_ntop(AF_INET6, &v6->sin6_addr, addr, ADDR_LEN);
	return 6;
}

void end_identify(struct end *end)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(end->cookie);

	getsockopt(end->fd, SOL_SOCKET, SO_COOKIE, &end->cookie, &len);
	len = sizeof(addr);
	if (!getsockname(end->fd, (struct sockaddr *)&addr, &len))
		end->family = show_address(&addr, end->laddr, &end->lport);
	len = sizeof(addr);
	if (!getpeername(end->fd, (struct sockaddr *)&addr, &len))
		end->family = show_address(&addr, end->raddr, &end->rport);
}

void end_opened(struct end *end, int fd, const char *role, uint64_t opened_from)
{
	end->opened = (struct span){opened_from, now_ns()};
	end->fd = fd;
	end->role = role;
	task_self(&end->opener);
	/* Only now: an id asked for before the connection would hide that the tracer made none. */
	end_identify(end);
}

void end_closing(struct end *end)
{
	end->closed.from = now_ns();
}

void end_closed(struct end *end, const char *how)
{
	end->closed.to = now_ns();
	end->how = how;
	end->has_closer = true;
	task_self(&end->closer);
}

void end_killed(struct end *end, const char *how, uint64_t from)
{
	end->closed = (struct span){from, now_ns()};
	end->how = how;
}

/* Names in this program are plain ASCII: nothing needs escaping. */
static void print_head(const char *scenario, const char *type, const struct end *end)
{
	printf("{\"case\":\"%s\",\"type\":\"%s\"", scenario, type);
	if (end->cookie)
		printf(",\"id\":\"%llu\"", (unsigned long long)end->cookie);
	printf(",\"family\":%d,\"role\":\"%s\"", end->family, end->role);
	if (end->lport)
		printf(",\"laddr\":\"%s\",\"lport\":%d", end->laddr, end->lport);
	printf(",\"raddr\":\"%s\",\"rport\":%d", end->raddr, end->rport);
	printf(",\"pid\":%d,\"tid\":%d,\"comm\":\"%s\"", end->opener.pid, end->opener.tid,
	       end->opener.comm);
	if (end->io_uring)
		printf(",\"io_uring\":true");
}

/* duration_ns is the longest lifetime that fits what was measured, slack_ns how much shorter it may be. */
static void print_duration(const struct end *end)
{
	uint64_t longest = end->closed.to - end->opened.from, shortest = 0;

	if (end->closed.from > end->opened.to)
		shortest = end->closed.from - end->opened.to;
	printf(",\"duration_ns\":%llu,\"slack_ns\":%llu", (unsigned long long)longest,
	       (unsigned long long)(longest - shortest));
}

static void print_closer(const struct task *closer)
{
	printf(",\"close_pid\":%d", closer->pid);
	if (closer->tid)
		printf(",\"close_tid\":%d", closer->tid);
	if (closer->comm[0])
		printf(",\"close_comm\":\"%s\"", closer->comm);
}

void truth_close(const char *scenario, const struct end *end)
{
	print_head(scenario, "close", end);
	if (end->how)
		printf(",\"how\":\"%s\"", end->how);
	if (end->has_closer)
		print_closer(&end->closer);
	if (!end->peer_closed_unknown)
		printf(",\"peer_closed\":%s", end->peer_closed ? "true" : "false");
	print_duration(end);
	if (!end->bytes_unknown)
		printf(",\"tx_bytes\":%llu,\"rx_bytes\":%llu", (unsigned long long)end->tx,
		       (unsigned long long)end->rx);
	printf("}\n");
}

static const char *errno_name(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return "ECONNREFUSED";
	case ETIMEDOUT:
		return "ETIMEDOUT";
	default:
		errno = error;
		die("unexpected end of a connect");
	}
}

void truth_failed(const char *scenario, const struct end *end, int error)
{
	print_head(scenario, "failed", end);
	if (error)
		printf(",\"errno\":\"%s\"", errno_name(error));
	print_duration(end);
	printf("}\n");
}

void truth_outstanding(const char *scenario, const struct end *end)
{
	print_head(scenario, "outstanding", end);
	printf(",\"fd\":%d,\"holders\":[", end->fd);
	for (int i = 0; i < end->nholders; i++)
		printf("%s{\"pid\":%d,\"fd\":%d}", i ? "," : "", end->holders[i].pid,
		       end->holders[i].fd);
	printf("]}\n");
}

void truth_skip(const char *scenario, const char *reason)
{
	printf("{\"case\":\"%s\",\"skip\":\"%s\"}\n", scenario, reason);
}

/* First line: where the driver finds this program's connections among all of the host. */
void truth_start(void)
{
	struct stat ns;

	if (stat("/proc/self/ns/net", &ns))
		die("/proc/self/ns/net");
	printf("{\"type\":\"start\",\"pid\":%d,\"netns\":%llu}\n", getpid(),
	       (unsigned long long)ns.st_ino);
}
