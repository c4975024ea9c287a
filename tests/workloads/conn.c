// SPDX-License-Identifier: GPL-2.0-only
/*
 * conn.c - makes real TCP connections that begin and end in every way there is, and prints the truth
 * about each of their ends as one JSON object a line (truth.c). The driver compares that with what
 * connlife said. Runs on loopback, in a network namespace of its own (netns_run).
 *
 *   conn [--gate] [--port N] SCENARIO...|all     `conn --list` names them
 *
 * --gate   wait for a line on stdin before the first scenario (the first output line is printed before)
 * --port   port of every listener
 * many=N   scenario `many` with N connections
 * `outstanding` is not part of `all`: it waits until stdin ends.
 */
#define _GNU_SOURCE
#include "conn.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conn_net.h"

static const struct scenario *const tables[] = {
	opening_scenarios,
	closing_scenarios,
	process_scenarios,
	uring_scenarios,
};
enum { TABLES = sizeof(tables) / sizeof(tables[0]) };

struct thread_job {
	const char *name;
	void (*body)(void *);
	void *arg;
};

static void *thread_main(void *arg)
{
	struct thread_job *job = arg;

	task_name(job->name);
	job->body(job->arg);
	return NULL;
}

void in_thread(const char *name, void (*body)(void *), void *arg)
{
	struct thread_job job = {name, body, arg};
	pthread_t thread;

	errno = pthread_create(&thread, NULL, thread_main, &job);
	if (errno)
		die("pthread_create");
	pthread_join(thread, NULL);
}

static const struct scenario *find(const char *name)
{
	for (int i = 0; i < TABLES; i++)
		for (const struct scenario *s = tables[i]; s->name; s++)
			if (!strcmp(s->name, name))
				return s;
	return NULL;
}

static void run_all(void)
{
	for (int i = 0; i < TABLES; i++)
		for (const struct scenario *s = tables[i]; s->name; s++)
			if (strcmp(s->name, "outstanding"))
				s->run(s->name);
}

static void list_all(void)
{
	for (int i = 0; i < TABLES; i++)
		for (const struct scenario *s = tables[i]; s->name; s++)
			puts(s->name);
}

static void run_named(char *name)
{
	char *value = strchr(name, '=');
	const struct scenario *scenario;

	if (!strcmp(name, "all")) {
		run_all();
		return;
	}
	if (value) {
		*value = '\0';
		many_count = atoi(value + 1);
	}
	scenario = find(name);
	if (!scenario) {
		fprintf(stderr, "conn: no scenario %s (conn --list)\n", name);
		exit(2);
	}
	scenario->run(scenario->name);
}

static void wait_line(void)
{
	char c;

	while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
		;
}

/* What is left of scenario `exec` after its exec: alive until told, so that no exit closes anything. */
static void wait_after_exec(const char *eventfd)
{
	uint64_t value;

	if (read(atoi(eventfd), &value, sizeof(value)) != sizeof(value))
		die("eventfd");
}

int main(int argc, char **argv)
{
	bool gate = false;
	int i = 1;

	if (argc == 3 && !strcmp(argv[1], "--after-exec")) {
		wait_after_exec(argv[2]);
		return 0;
	}
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--list")) {
			list_all();
			return 0;
		} else if (!strcmp(argv[i], "--gate")) {
			gate = true;
		} else if (!strcmp(argv[i], "--port") && i + 1 < argc) {
			listeners_use_port(atoi(argv[++i]));
		} else {
			break;
		}
	}
	if (i == argc || argv[i][0] == '-') {
		fprintf(stderr, "usage: conn [--gate] [--port N] SCENARIO...|all (conn --list)\n");
		return 2;
	}
	/* The driver reads while this runs, and a forked child must not flush what it inherited. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	truth_start();
	if (gate)
		wait_line();
	for (; i < argc; i++)
		run_named(argv[i]);
	return 0;
}
