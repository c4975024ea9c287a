// SPDX-License-Identifier: GPL-2.0-only
/* leak_server.c - the servers: an event loop, a thread or a process for each connection. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "leak_net.h"

struct expect *server_expect;

/* What the event loop still has to do on one connection. */
struct task {
	bool open, flood, closes;
	uint64_t due; /* ms; 0: nothing */
	unsigned int every; /* ms; 0: once */
	size_t bytes;
};

struct events {
	int listener, epoll;
	struct task tasks[MAX_FDS]; /* by fd */
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A client that has gone meanwhile is no error of a server. */
static void put_bytes(int fd, size_t bytes)
{
	static const char data[65536];

	if (send(fd, data, bytes < sizeof(data) ? bytes : sizeof(data), MSG_NOSIGNAL) < 0 &&
	    errno != EPIPE && errno != ECONNRESET && errno != EAGAIN)
		die("server: send");
}

static void watch(const struct events *events, int fd, uint32_t what)
{
	struct epoll_event event = {.events = what, .data.fd = fd};

	if (epoll_ctl(events->epoll, EPOLL_CTL_MOD, fd, &event) &&
	    epoll_ctl(events->epoll, EPOLL_CTL_ADD, fd, &event))
		die("epoll_ctl");
}

struct events *events_new(int listener)
{
	struct events *events = calloc(1, sizeof(*events));

	if (!events)
		die("calloc");
	events->listener = listener;
	events->epoll = epoll_create1(EPOLL_CLOEXEC);
	fcntl(listener, F_SETFL, O_NONBLOCK);
	watch(events, listener, EPOLLIN);
	watch(events, stage_lifeline(), EPOLLIN);
	return events;
}

void events_add(struct events *events, int fd)
{
	if (fd >= MAX_FDS) {
		errno = EMFILE;
		die("server");
	}
	events->tasks[fd] = (struct task){.open = true};
	watch(events, fd, EPOLLIN);
}

int events_list(const struct events *events, int *fds, int max)
{
	int count = 0;

	for (int fd = 0; fd < MAX_FDS && count < max; fd++)
		if (events->tasks[fd].open)
			fds[count++] = fd;
	return count;
}

static void events_close(struct events *events, int fd)
{
	events->tasks[fd] = (struct task){0};
	close(fd);
}

static void later(struct task *task, unsigned int ms, size_t bytes)
{
	task->due = now_ms() + ms;
	task->bytes = bytes;
}

static void events_obey(struct events *events, int fd, const struct request *request)
{
	struct task *task = &events->tasks[fd];

	switch (request->op) {
	case ASK_LATER:
		if (request->arg)
			later(task, request->arg, REPLY);
		return;
	case ASK_PUSH:
		later(task, request->arg, PUSH);
		task->every = request->arg;
		return;
	case ASK_FLOOD:
		task->flood = true;
		watch(events, fd, EPOLLIN | EPOLLOUT);
		return;
	case ASK_NOTICE:
		later(task, request->arg, PUSH);
		break;
	case ASK_IDLE_CLOSE:
		later(task, request->arg, 0);
		task->closes = true;
		break;
	}
	put_bytes(fd, request->op == ASK_BIG ? request->arg : REPLY);
	if (request->op == ASK_CLOSE)
		events_close(events, fd);
}

/* The client's FIN: a connection that is being pushed to goes on, that is what a half-close is for. */
static void events_fin(struct events *events, int fd)
{
	if (!events->tasks[fd].every || !server_expect) {
		events_close(events, fd);
		return;
	}
	/* No EPOLLIN any more: the FIN would be reported without end. */
	watch(events, fd, 0);
	expect_add(server_expect, fd);
	stage_built();
}

static void events_read(struct events *events, int fd)
{
	struct request request;
	ssize_t got = recv(fd, &request, sizeof(request), MSG_DONTWAIT);

	if (got == sizeof(request))
		events_obey(events, fd, &request);
	else if (got >= 0 || errno != EAGAIN)
		events_fin(events, fd);
}

static void events_handle(struct events *events, const struct epoll_event *event)
{
	int fd = event->data.fd;

	if (fd == stage_lifeline())
		_exit(0);
	if (fd == events->listener) {
		fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			events_add(events, fd);
	} else if (event->events & (EPOLLIN | EPOLLERR)) {
		events_read(events, fd);
	} else if (event->events & EPOLLOUT) {
		put_bytes(fd, 4096);
	} else if (event->events & EPOLLHUP) {
		events_close(events, fd);
	}
}

/* Does what is due and returns how many ms from now the next thing is. */
static int events_timers(struct events *events, uint64_t until)
{
	uint64_t now = now_ms(), next = until;

	for (int fd = 0; fd < MAX_FDS; fd++) {
		struct task *task = &events->tasks[fd];

		if (!task->due)
			continue;
		if (task->due <= now) {
			if (task->closes) {
				events_close(events, fd);
				continue;
			}
			put_bytes(fd, task->bytes);
			task->due = task->every ? now + task->every : 0;
		}
		if (task->due && (!next || task->due < next))
			next = task->due;
	}
	if (!next)
		return -1;
	return next > now ? next - now : 0;
}

void events_run(struct events *events, unsigned int ms)
{
	uint64_t until = ms ? now_ms() + ms : 0;
	struct epoll_event ready[64];

	while (!until || now_ms() < until) {
		int count = epoll_wait(events->epoll, ready, 64, events_timers(events, until));

		for (int i = 0; i < count; i++)
			events_handle(events, &ready[i]);
	}
}

void serve_events(int listener)
{
	events_run(events_new(listener), 0);
}

/* ---- a thread for each connection ---- */

static void handle_in_thread(void *arg)
{
	struct request request;
	int fd = (intptr_t)arg;
	bool forget = false;

	while (recv(fd, &request, sizeof(request), MSG_WAITALL) == sizeof(request)) {
		put_bytes(fd, REPLY);
		forget |= request.op == ASK_FORGET;
	}
	if (!forget) {
		close(fd);
		return;
	}
	expect_add(server_expect, fd);
	stage_built();
}

void serve_threads(int listener)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			thread_start("handler", handle_in_thread, (void *)(intptr_t)fd);
	}
}

/* ---- a process for each connection ---- */

static void handle_in_process(int fd, bool polls)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	struct request request;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		if (polls)
			poll(&wait, 1, -1);
		if (recv(fd, &request, sizeof(request), MSG_WAITALL) != sizeof(request))
			_exit(0);
		/* A query is being computed: nobody reads meanwhile. */
		if (request.op == ASK_LATER)
			nap_ms(request.arg ? request.arg : 1e9);
		put_bytes(fd, REPLY);
	}
}

static void fork_each(int listener, bool polls)
{
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		pid_t pid;

		if (fd < 0)
			continue;
		pid = fork();
		if (pid < 0)
			die("fork");
		if (!pid) {
			close(listener);
			handle_in_process(fd, polls);
		}
		close(fd);
	}
}

void serve_processes(int listener)
{
	fork_each(listener, false);
}

void serve_sessions(int listener)
{
	fork_each(listener, true);
}
