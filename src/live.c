// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "collect/tracer.h"
#include "live.h"
#include "program.h"

#define DRAIN_NS 100000000ULL /* how long an event may wait in the ring buffer */
#define STANDSTILL_NS 500000000ULL /* a timer that is so late: the host did not run */
#define SAMPLES 5 /* looks between reports, in the time that there is */
#define SAMPLE_MIN_NS 200000000ULL
#define SAMPLE_MAX_NS 10000000000ULL

enum { FD_RING, FD_SIGNAL, FD_DRAIN, FD_DURATION, FD_INTERVAL, FD_SAMPLE, FD_COUNT };

struct live {
	struct tracer *tracer;
	struct program program;
	__u32 program_status;
	struct pollfd fds[FD_COUNT];
	bool done;
	int signals; /* how often we were asked to end */
};

static int timer(__u64 ns, bool again)
{
	struct itimerspec t = { .it_value = { ns / 1000000000, ns % 1000000000 } };
	int fd;

	if (!ns)
		return -1; /* poll(2) skips it */
	if (again)
		t.it_interval = t.it_value;
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd >= 0)
		timerfd_settime(fd, 0, &t, NULL);
	return fd;
}

static int block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void on_signal(struct live *l)
{
	struct signalfd_siginfo si;

	while (read(l->fds[FD_SIGNAL].fd, &si, sizeof(si)) == sizeof(si)) {
		int status;

		if (si.ssi_signo == SIGCHLD) {
			if (l->program.pid && waitpid(l->program.pid, &status, WNOHANG) == l->program.pid) {
				l->program_status = status;
				l->program.pid = 0;
				l->done = true;
			}
			continue;
		}
		/* the program gets the first one and ends the run with its end; a second one ends it at once */
		if (l->program.pid && !l->signals++)
			kill(l->program.pid, si.ssi_signo);
		else
			l->done = true;
	}
}

static bool expired(const struct pollfd *p)
{
	__u64 times;

	return p->revents && read(p->fd, &times, sizeof(times)) == sizeof(times);
}

static int wait_and_say(struct live *l)
{
	int err = 0;

	while (!l->done && !err) {
		__u64 due = monotonic_ns() + DRAIN_NS;

		if (poll(l->fds, FD_COUNT, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (monotonic_ns() > due + STANDSTILL_NS)
			tracer_standstill(l->tracer, due);
		if (l->fds[FD_SIGNAL].revents)
			on_signal(l);
		if (expired(&l->fds[FD_DRAIN]) || l->fds[FD_RING].revents)
			err = tracer_drain(l->tracer);
		if (expired(&l->fds[FD_DURATION]))
			l->done = true;
		if (expired(&l->fds[FD_INTERVAL]) && !l->done && !err)
			err = tracer_look(l->tracer, LOOK_INTERVAL);
		if (expired(&l->fds[FD_SAMPLE]) && !l->done && !err)
			err = tracer_look(l->tracer, LOOK_SAMPLE);
	}
	return err;
}

/*
 * leaks tells what grows and what stays unread by looking more than once: several times in the time that there is, and
 * as often as T, so that a run that is ended early has looked too.
 */
static __u64 sample_ns(const struct options *opt)
{
	__u64 ns = opt->duration_ns ? opt->duration_ns / SAMPLES : SAMPLE_MAX_NS;

	if (opt->command != CMD_LEAKS || opt->interval_ns)
		return 0;
	ns = ns < opt->older_ns ? ns : opt->older_ns;
	ns = ns < SAMPLE_MAX_NS ? ns : SAMPLE_MAX_NS;
	return ns > SAMPLE_MIN_NS ? ns : SAMPLE_MIN_NS;
}

/* Every named process must exist: a typing error would otherwise trace nothing, silently. */
static bool pids_exist(const struct filter *f)
{
	for (__u32 i = 0; i < f->npids; i++)
		if (kill(f->pids[i], 0) && errno == ESRCH) {
			complain("--pid %u: no such process", f->pids[i]);
			return false;
		}
	return true;
}

static enum exit_status start(struct live *l, const struct options *opt, const struct event_sink *sink)
{
	struct tracer_options t = {
		.filter = opt->filter,
		.flavour = opt->flavour,
		.max_connections = opt->max_connections,
		.ring_bytes = opt->ring_bytes,
		.emit_open = opt->events,
		.quiet = opt->command == CMD_LEAKS,
		.last_use = opt->last_use && opt->command != CMD_TRACE,
		.senders = opt->senders,
		.cgroup_path = opt->cgroup,
		.command = opt->command_line,
		.older_ns = opt->older_ns,
		.program = opt->program,
	};
	char why[256] = "";
	int err;

	if (geteuid()) {
		complain("tracing needs root: run it with sudo (reading a recording with -r does not)");
		return EXIT_CANNOT_TRACE;
	}
	if (!pids_exist(&opt->filter))
		return EXIT_USAGE;
	if (opt->program) {
		err = program_find(opt->program[0]);
		if (err) {
			complain("cannot run %s: %s", opt->program[0], strerror(-err));
			return EXIT_USAGE;
		}
		err = program_fork(&l->program, opt->program);
		if (err) {
			complain("cannot start %s: %s", opt->program[0], strerror(-err));
			return EXIT_CANNOT_TRACE;
		}
		t.filter.pids[0] = l->program.pid;
		t.filter.npids = 1;
	}
	err = tracer_open(&t, sink, &l->tracer, why, sizeof(why));
	if (err) {
		complain("%s%s%s", why, err == -ENXIO ? "" : ": ", err == -ENXIO ? "" : strerror(err == -524 ? EOPNOTSUPP : -err));
		program_abandon(&l->program);
		return err == -ENXIO ? EXIT_USAGE : EXIT_CANNOT_TRACE;
	}
	return EXIT_DONE;
}

enum exit_status live_run(const struct options *opt, const struct event_sink *sink)
{
	struct live l = { .fds = { { 0 } } };
	int signals = block_signals(), err;
	enum exit_status status = start(&l, opt, sink);

	if (status != EXIT_DONE)
		return status;
	if (opt->program && (err = program_start(&l.program))) {
		complain("cannot run %s: %s", opt->program[0], strerror(-err));
		waitpid(l.program.pid, NULL, 0);
		tracer_close(l.tracer);
		return EXIT_USAGE;
	}
	/* it runs for a few ms every 100 ms; on a host without a free core a late drain is a loss */
	setpriority(PRIO_PROCESS, 0, -10);
	l.fds[FD_RING].fd = tracer_fd(l.tracer);
	l.fds[FD_SIGNAL].fd = signals;
	l.fds[FD_DRAIN].fd = timer(DRAIN_NS, true);
	l.fds[FD_DURATION].fd = timer(opt->duration_ns, false);
	l.fds[FD_INTERVAL].fd = timer(opt->interval_ns, true);
	l.fds[FD_SAMPLE].fd = timer(sample_ns(opt), true);
	for (int i = 0; i < FD_COUNT; i++)
		l.fds[i].events = POLLIN;
	err = wait_and_say(&l);
	if (!err)
		err = tracer_look(l.tracer, LOOK_FINAL);
	if (err) {
		complain("tracing broke off: %s", strerror(-err));
		status = EXIT_CANNOT_TRACE;
	}
	tracer_end(l.tracer, l.program_status);
	tracer_close(l.tracer);
	for (int i = FD_SIGNAL; i < FD_COUNT; i++)
		if (l.fds[i].fd >= 0)
			close(l.fds[i].fd);
	return status;
}
