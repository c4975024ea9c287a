// SPDX-License-Identifier: GPL-2.0-only
// churn.c - TCP loads on loopback that count what they did: the truth a tracer is measured against.
//   churn loop --seconds S [--threads N]          connect, accept, close, close as fast as possible
//   churn rate --per-second N --seconds S         the same, N times a second
//   churn pingpong --seconds S                    64 bytes there and back over one kept connection
//   churn hold --count N                          N pairs held; all closed at once on a line on stdin
// Each prints one JSON line at its end; hold prints one more ("held") as soon as it holds them all.
// Every connection is one pair of sockets, so a tracer of the whole host has two ends to report.
#define _GNU_SOURCE
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "pair.h"

#define MESSAGE 64 /* bytes of a request and of a response */
#define MAX_THREADS 256
#define SPARE_FILES 64 /* descriptors a holder keeps for itself */

struct options {
	double seconds;
	long threads, per_second, count;
};

struct worker {
	pthread_t thread;
	double seconds;
	unsigned long connections, errors;
};

static void *loop_worker(void *arg)
{
	struct worker *worker = arg;
	struct sockaddr_in at;
	int listener = listen_anywhere(&at);
	double end = now() + worker->seconds;
	struct pair pair;

	while (now() < end) {
		if (open_pair(listener, &at, worker->connections + worker->errors, &pair)) {
			worker->errors++;
			continue;
		}
		close_pair(&pair);
		worker->connections++;
	}
	close(listener);
	return NULL;
}

static void print_churn(const char *load, const struct worker *sum, double seconds)
{
	printf("{\"load\":\"%s\",\"connections\":%lu,\"ends\":%lu,\"errors\":%lu,"
	       "\"seconds\":%.6f,\"per_second\":%.1f}\n",
	       load, sum->connections, 2 * sum->connections, sum->errors, seconds, sum->connections / seconds);
}

static void run_loop(const struct options *options)
{
	static struct worker workers[MAX_THREADS];
	struct worker sum = {};
	double start = now();

	for (long i = 0; i < options->threads; i++) {
		workers[i].seconds = options->seconds;
		if (pthread_create(&workers[i].thread, NULL, loop_worker, &workers[i]))
			die("pthread_create");
	}
	for (long i = 0; i < options->threads; i++) {
		pthread_join(workers[i].thread, NULL);
		sum.connections += workers[i].connections;
		sum.errors += workers[i].errors;
	}
	print_churn("loop", &sum, now() - start);
}

static void run_rate(const struct options *options)
{
	struct sockaddr_in at;
	int listener = listen_anywhere(&at);
	long due = options->seconds * options->per_second;
	double start = now();
	struct worker sum = {};
	struct pair pair;

	for (long i = 0; i < due; i++) {
		sleep_until(start + (double)i / options->per_second);
		if (open_pair(listener, &at, i, &pair)) {
			sum.errors++;
			continue;
		}
		close_pair(&pair);
		sum.connections++;
	}
	sleep_until(start + options->seconds);
	print_churn("rate", &sum, now() - start);
	close(listener);
}

/* Both ends on one core: every message costs a switch, none a wake-up elsewhere. */
static void stay_on_one_core(void)
{
	cpu_set_t cores;

	CPU_ZERO(&cores);
	CPU_SET(sched_getcpu(), &cores);
	if (sched_setaffinity(0, sizeof(cores), &cores))
		die("sched_setaffinity");
}

static int receive_message(int fd, char *message)
{
	return recv(fd, message, MESSAGE, MSG_WAITALL) == MESSAGE ? 0 : -1;
}

static int send_message(int fd, const char *message)
{
	return send(fd, message, MESSAGE, MSG_NOSIGNAL) == MESSAGE ? 0 : -1;
}

static void run_pingpong(const struct options *options)
{
	char message[MESSAGE] = {};
	unsigned long trips = 0;
	struct sockaddr_in at;
	int listener = listen_anywhere(&at), one = 1;
	struct pair pair;
	double start, end;
	pid_t echo;

	if (open_pair(listener, &at, 0, &pair))
		die("connect");
	setsockopt(pair.client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(pair.server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	stay_on_one_core();
	echo = fork();
	if (echo < 0)
		die("fork");
	if (!echo) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair.client);
		while (!receive_message(pair.server, message) && !send_message(pair.server, message))
			;
		_exit(0);
	}
	close(pair.server);
	start = now();
	for (end = start + options->seconds; now() < end; trips++)
		if (send_message(pair.client, message) || receive_message(pair.client, message))
			die("round trip");
	end = now();
	close(pair.client);
	waitpid(echo, NULL, 0);
	printf("{\"load\":\"pingpong\",\"connections\":1,\"ends\":2,\"round_trips\":%lu,"
	       "\"seconds\":%.6f,\"per_second\":%.1f}\n",
	       trips, end - start, trips / (end - start));
}

/* How many pairs one process may hold: the descriptor limit, raised as far as it goes. */
static long pairs_per_process(long wanted)
{
	rlim_t files = 2 * wanted + SPARE_FILES;
	struct rlimit limit = {files, files};

	if (setrlimit(RLIMIT_NOFILE, &limit)) {
		getrlimit(RLIMIT_NOFILE, &limit);
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	return limit.rlim_cur >= files ? wanted : (long)(limit.rlim_cur - SPARE_FILES) / 2;
}

/* One holder: says a byte when it has them all, lets go when the other side of `go` is closed. */
static void hold_and_close(long count, long first, int ready, int go)
{
	struct pair *pairs = calloc(count, sizeof(*pairs));
	struct sockaddr_in at;
	int listener = listen_anywhere(&at);
	char byte = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!pairs)
		die("calloc");
	for (long i = 0; i < count; i++)
		if (open_pair(listener, &at, first + i, &pairs[i]))
			die("connect");
	if (write(ready, &byte, 1) != 1 || read(go, &byte, 1))
		die("pipe");
	for (long i = 0; i < count; i++)
		close_pair(&pairs[i]);
	_exit(0);
}

static void run_hold(const struct options *options)
{
	long share = pairs_per_process(options->count), holders = 0;
	struct worker sum = {.connections = options->count};
	int ready[2], go[2];
	double start = now();
	char byte;

	if (pipe(ready) || pipe(go))
		die("pipe");
	for (long first = 0; first < options->count; first += share, holders++) {
		if (fork())
			continue;
		close(go[1]);
		hold_and_close(first + share < options->count ? share : options->count - first, first, ready[1], go[0]);
	}
	close(ready[1]);
	for (long i = 0; i < holders; i++)
		if (read(ready[0], &byte, 1) != 1)
			exit(1);
	print_churn("held", &sum, now() - start);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n')
		;
	start = now();
	close(go[1]);
	while (wait(NULL) > 0)
		;
	print_churn("hold", &sum, now() - start);
}

static int usage(void)
{
	fprintf(stderr, "usage: churn loop --seconds S [--threads N] | rate --per-second N --seconds S"
			" | pingpong --seconds S | hold --count N\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(const struct options *options);
	} loads[] = {
		{"loop", run_loop},
		{"rate", run_rate},
		{"pingpong", run_pingpong},
		{"hold", run_hold},
	};
	static const struct option names[] = {
		{"seconds", required_argument, NULL, 's'},
		{"threads", required_argument, NULL, 't'},
		{"per-second", required_argument, NULL, 'r'},
		{"count", required_argument, NULL, 'c'},
		{},
	};
	struct options options = {.seconds = 5, .threads = 1, .per_second = 1000, .count = 1000};
	int opt;

	while ((opt = getopt_long(argc, argv, "", names, NULL)) != -1)
		switch (opt) {
		case 's':
			options.seconds = atof(optarg);
			break;
		case 't':
			options.threads = atol(optarg);
			break;
		case 'r':
			options.per_second = atol(optarg);
			break;
		case 'c':
			options.count = atol(optarg);
			break;
		default:
			return usage();
		}
	if (optind != argc - 1 || options.seconds <= 0 || options.per_second < 1 || options.count < 1 ||
	    options.threads < 1 || options.threads > MAX_THREADS)
		return usage();
	for (size_t i = 0; i < sizeof(loads) / sizeof(*loads); i++)
		if (!strcmp(argv[optind], loads[i].name)) {
			loads[i].run(&options);
			return 0;
		}
	return usage();
}
