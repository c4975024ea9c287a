// SPDX-License-Identifier: GPL-2.0-only
/* leak_truth.c - what connlife must find, written down by the processes that know it, printed by the first one. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "leak_net.h"

/* Shared by all processes of the stage; the strings in it are of the program text, which fork keeps. */
struct board {
	pthread_mutex_t lock;
	int nexpects;
	struct expect expects[MAX_EXPECTS];
};

static struct board *board;

void truth_open(void)
{
	pthread_mutexattr_t shared;

	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED)
		die("mmap");
	pthread_mutexattr_init(&shared);
	pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&board->lock, &shared);
}

struct expect *expect_new(const char *verdict, const char *severity, const char *confidence,
			  const char *role)
{
	struct expect *expect = &board->expects[board->nexpects++];

	expect->verdict = verdict;
	expect->severity = severity;
	expect->confidence = confidence;
	expect->role = role;
	return expect;
}

void expect_add(struct expect *expect, int fd)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);
	uint64_t id = 0;

	getsockname(fd, (struct sockaddr *)&addr, &len);
	len = sizeof(id);
	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &id, &len);
	pthread_mutex_lock(&board->lock);
	expect->connections[expect->count].port = ntohs(addr.sin_port);
	expect->connections[expect->count++].id = id;
	expect->pid = getpid();
	pthread_mutex_unlock(&board->lock);
}

void expect_holder(struct expect *expect, int pid)
{
	pthread_mutex_lock(&board->lock);
	expect->holders[expect->nholders++] = pid;
	pthread_mutex_unlock(&board->lock);
}

static void print_string(const char *name, const char *value)
{
	if (value)
		printf(",\"%s\":\"%s\"", name, value);
}

static void print_connections(const struct expect *expect)
{
	printf(",\"ports\":[");
	for (int i = 0; i < expect->count; i++)
		printf("%s%d", i ? "," : "", expect->connections[i].port);
	printf("],\"ids\":[");
	for (int i = 0; i < expect->count; i++)
		printf("%s\"%llu\"", i ? "," : "",
		       (unsigned long long)expect->connections[i].id);
	printf("]");
}

static void print_expect(const struct expect *expect)
{
	printf("{\"pid\":%d", expect->pid);
	print_string("verdict", expect->verdict);
	print_string("severity", expect->severity);
	print_string("confidence", expect->confidence);
	print_string("role", expect->role);
	print_string("reader", expect->reader);
	print_string("late_verdict", expect->late_verdict);
	print_string("late_severity", expect->late_severity);
	printf(",\"%s\":%d", expect->at_least ? "count_at_least" : "count", expect->count);
	if (!expect->at_least)
		print_connections(expect);
	if (expect->gone)
		printf(",\"gone\":true");
	printf(",\"holders\":[");
	for (int i = 0; i < expect->nholders; i++)
		printf("%s%d", i ? "," : "", expect->holders[i]);
	printf("]}");
}

void truth_print(const struct kind *kind, bool control)
{
	struct stat ns;

	if (stat("/proc/self/ns/net", &ns))
		die("/proc/self/ns/net");
	printf("READY\n{\"kind\":\"%s\",\"pid\":%d,\"netns\":%llu,\"port\":%d,\"older_ms\":%d,\"expect\":[",
	       kind->name, getpid(), (unsigned long long)ns.st_ino, server_port(), older_ms);
	for (int i = 0; i < board->nexpects; i++) {
		if (i)
			printf(",");
		print_expect(&board->expects[i]);
	}
	if (control)
		printf("],\"no_leak\":true,\"no_suspect\":%s}\n",
		       kind->suspect_allowed ? "false" : "true");
	else
		printf("],\"no_others\":true}\n");
}
