// SPDX-License-Identifier: GPL-2.0-only
/*
 * leak_stage.c - processes, threads and gates of `leaker` and `healthy`.
 *
 * usage: leaker|healthy KIND [--older-ms N] [--port N] [--gate] [--hold]      --list names the kinds
 *
 * --older-ms  what connlife is given as --older; all times follow from it (default 1000)
 * --port      where the servers of the kind listen (default: any free port)
 * --gate      print GATE and wait for a line on stdin before anything is built
 * --hold      print HOLD and wait for a line before the last step, in the kinds that have one (reaped)
 *
 * Output: "READY", then the truth (leak_truth.c) as one JSON object in a line. It goes on until stdin ends or SIGTERM.
 */
#define _GNU_SOURCE
#include "leak_stage.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "leak_net.h"

int older_ms = 1000;

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
	truth_open();
	built = eventfd(0, EFD_CLOEXEC);
	if (built < 0 || pipe2(lifeline, O_CLOEXEC))
		die("stage");
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
	truth_print(kind, control);
	wait_end();
	end_all();
	return 0;
}
