// SPDX-License-Identifier: GPL-2.0-only
/*
 * leak_stage.c - processes, threads and gates of `leaker` and `healthy`, and the truth they print.
 *
 * usage: leaker|healthy KIND [--older-ms N] [--port N] [--gate] [--hold]      --list names the kinds
 *
 * --older-ms  what connlife is given as --older; all times follow from it (default 1000)
 * --port      where the servers of the kind listen (default: any free port)
 * --gate      print GATE and wait for a line on stdin before anything is built
 * --hold      print HOLD and wait for a line before the last step, in the kinds that have one (reaped)
 *
 * Output: "READY", then the truth as one JSON object in a line. It goes on until stdin ends or SIGTERM.
 */
#define _GNU_SOURCE
#include "leak_stage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "leak_net.h"

/* Shared by all processes of the stage; the strings in it are of the program text, which fork keeps. */
struct board {
	pthread_mutex_t lock;
	int nexpects;
	struct expect expects[MAX_EXPECTS];
};

int older_ms = 1000;

static struct board *board;
static int built = -1; /* eventfd: counts the steps done */
static int signals = -1; /* signalfd: told to end, or a child ended */
static int lifeline[2] = {-1, -1}; /* only the first process keeps the write end */
static bool hold;

void die(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
	exit(1);
}

void nap_ms(double ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms * 1e6) % 1000000000};

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

void nap_pace(void)
{
	nap_ms(older_ms / 100.0);
}

/* ---- the truth ---- */

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

static void print_truth(const struct kind *kind, bool control)
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

/* ---- processes and threads ---- */

static void child_main(const char *name, void (*body)(void *), void *arg)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Once: in a child's child the number may be a connection's. */
	if (lifeline[1] >= 0)
		close(lifeline[1]);
	lifeline[1] = -1;
	prctl(PR_SET_NAME, name);
	body(arg);
	_exit(0);
}

pid_t stage_survivor(const char *name, void (*body)(void *), void *arg)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid)
		child_main(name, body, arg);
	return pid;
}

pid_t stage_process(const char *name, void (*body)(void *), void *arg)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		child_main(name, body, arg);
	}
	return pid;
}

/* check_children() may have been first. */
void stage_reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void stage_rest(void)
{
	char byte;

	while (read(lifeline[0], &byte, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

int stage_lifeline(void)
{
	return lifeline[0];
}

void stage_adopt(int fd)
{
	lifeline[0] = fd;
}

struct thread_job {
	const char *name;
	void (*body)(void *);
	void *arg;
};

static void *thread_main(void *arg)
{
	struct thread_job job = *(struct thread_job *)arg;

	free(arg);
	prctl(PR_SET_NAME, job.name);
	job.body(job.arg);
	return NULL;
}

static pthread_t thread_new(const char *name, void (*body)(void *), void *arg)
{
	struct thread_job *job = malloc(sizeof(*job));
	pthread_t thread;

	if (!job)
		die("malloc");
	*job = (struct thread_job){name, body, arg};
	errno = pthread_create(&thread, NULL, thread_main, job);
	if (errno)
		die("pthread_create");
	return thread;
}

void thread_start(const char *name, void (*body)(void *), void *arg)
{
	pthread_detach(thread_new(name, body, arg));
}

void thread_run(const char *name, void (*body)(void *), void *arg)
{
	pthread_join(thread_new(name, body, arg), NULL);
}

/* ---- gates ---- */

void stage_built(void)
{
	uint64_t one = 1;

	if (write(built, &one, sizeof(one)) != sizeof(one))
		die("eventfd");
}

/* A process that died of an error would make the truth a lie, or be waited for in vain. */
static void check_children(void)
{
	int status;

	while (waitpid(-1, &status, WNOHANG) > 0)
		if (status) {
			errno = ECHILD;
			die("a process of this kind failed");
		}
}

/* True: told to end. */
static bool read_signal(void)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		die("signalfd");
	if (info.ssi_signo != SIGCHLD)
		return true;
	check_children();
	return false;
}

void stage_wait_built(int steps)
{
	struct pollfd wait[] = {{.fd = built, .events = POLLIN}, {.fd = signals, .events = POLLIN}};

	while (steps > 0) {
		uint64_t done;

		if (poll(wait, 2, -1) < 0)
			continue;
		if (wait[1].revents && read_signal())
			exit(0);
		if (wait[0].revents && read(built, &done, sizeof(done)) == sizeof(done))
			steps -= done;
	}
}

static void wait_line(const char *word)
{
	char c;

	printf("%s\n", word);
	while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
		;
}

void stage_hold(void)
{
	if (hold)
		wait_line("HOLD");
}

/* Until stdin ends or a signal says so. */
static void wait_end(void)
{
	struct pollfd wait[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
	char line[64];

	for (;;) {
		if (poll(wait, 2, -1) < 0)
			continue;
		if (wait[1].revents && read_signal())
			return;
		if (wait[0].revents && read(STDIN_FILENO, line, sizeof(line)) <= 0)
			return;
	}
}

/*
 * Newest first and one by one: a client whose server has gone would call that an error. Processes whose
 * parents are gone have become children of ours (subreaper); SIGKILL also ends the stopped ones.
 */
static void end_all(void)
{
	char path[64], line[4096] = "", *word;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, line, sizeof(line) - 1) > 0)
		while ((word = strrchr(line, ' '))) {
			/* Each number is followed by a space. */
			*word = '\0';
			word = strrchr(line, ' ');
			kill(atoi(word ? word + 1 : line), SIGKILL);
			stage_reap(atoi(word ? word + 1 : line));
		}
	close(lifeline[1]);
	/* Children whose parents ended just now; without that file in /proc, the lifeline ends the rest. */
	while (fd >= 0 && (waitpid(-1, NULL, 0) > 0 || errno == EINTR))
		;
}

static int signals_file(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static void stage_open(void)
{
	pthread_mutexattr_t shared;

	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	built = eventfd(0, EFD_CLOEXEC);
	if (board == MAP_FAILED || built < 0 || pipe2(lifeline, O_CLOEXEC))
		die("stage");
	pthread_mutexattr_init(&shared);
	pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&board->lock, &shared);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static const struct kind *find_kind(const struct kind *kinds, const char *name)
{
	for (; kinds->name; kinds++)
		if (!strcmp(kinds->name, name))
			return kinds;
	fprintf(stderr, "%s: no kind %s (--list names them)\n", program_invocation_short_name, name);
	exit(2);
}

static const struct kind *parse(int argc, char **argv, const struct kind *kinds, bool *gate)
{
	const char *name = NULL;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--older-ms") && i + 1 < argc)
			older_ms = atoi(argv[++i]);
		else if (!strcmp(argv[i], "--port") && i + 1 < argc)
			server_use_port(atoi(argv[++i]));
		else if (!strcmp(argv[i], "--gate"))
			*gate = true;
		else if (!strcmp(argv[i], "--hold"))
			hold = true;
		else if (argv[i][0] != '-' && !name)
			name = argv[i];
		else
			name = "";
	}
	if (name && *name && older_ms > 0)
		return find_kind(kinds, name);
	fprintf(stderr, "usage: %s KIND [--older-ms N] [--port N] [--gate] [--hold] (--list)\n",
		program_invocation_short_name);
	exit(2);
}

int stage_main(int argc, char **argv, const struct kind *kinds, bool control)
{
	const struct kind *kind;
	bool gate = false;

	if (argc == 2 && !strcmp(argv[1], "--list")) {
		for (; kinds->name; kinds++)
			puts(kinds->name);
		return 0;
	}
	kind = parse(argc, argv, kinds, &gate);
	/* The driver reads while this runs, and a forked child must not flush what it inherited. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	signals = signals_file();
	stage_open();
	if (gate)
		wait_line("GATE");
	kind->build();
	print_truth(kind, control);
	wait_end();
	end_all();
	return 0;
}
