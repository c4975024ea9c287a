// SPDX-License-Identifier: GPL-2.0-only
/* healthy_process.c - processes that start, end, stop and hand their connections over. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "leak_controls.h"
#include "pass_fd.h"

/* ---- sigstop: a debugger, a shell's ^Z, a freezer: the answers wait because the process is stopped ---- */

static void stopped_client(void *unused)
{
	int fds[3];

	(void)unused;
	for (int i = 0; i < 3; i++) {
		fds[i] = client_open();
		exchange(fds[i]);
	}
	for (int i = 0; i < 3; i++)
		ask(fds[i], ASK_LATER, older_ms / 4);
	raise(SIGSTOP);
	for (int i = 0; i < 3; i++)
		take(fds[i], REPLY);
	stage_rest();
}

void sigstop(void)
{
	pid_t pid;

	server_start("server", serve_events);
	pid = stage_process("editor", stopped_client, NULL);
	while (waitpid(pid, NULL, WUNTRACED) < 0)
		if (errno != EINTR)
			die("waitpid");
	settle();
}

/* ---- process-per-connection: each backend ends with its client and lets exit close, as PostgreSQL's do ---- */

static void use_steadily(void *unused)
{
	(void)unused;
	use_on(client_open());
}

static void short_sessions(void *unused)
{
	(void)unused;
	open_use_close(NULL);
}

/* A person at a prompt: silent for longer than T, then gone. The backend waits in recv all the time. */
static void silent_sessions(void *unused)
{
	(void)unused;
	for (;;) {
		int fd = client_open();

		exchange(fd);
		nap_ms(1.5 * older_ms);
		exchange(fd);
		nap_ms(1.5 * older_ms);
		close(fd);
	}
}

static void sessions_client(void *unused)
{
	(void)unused;
	for (int i = 0; i < 2; i++)
		thread_start("worker", use_steadily, NULL);
	thread_start("worker", short_sessions, NULL);
	thread_start("person", silent_sessions, NULL);
	stage_built();
	stage_rest();
}

void process_per_connection(void)
{
	server_start("postmaster", serve_processes);
	client_process("orders", sessions_client);
	settle();
}

/* ---- short-clients: a shell loop around a command that uses one connection and just exits ---- */

int short_client_main(int port)
{
	int fd;

	server_use_port(port);
	fd = client_open();
	exchange(fd);
	exchange(fd);
	return 0;
}

static void shell_loop(void *unused)
{
	char port[16];

	(void)unused;
	snprintf(port, sizeof(port), "%d", server_port());
	stage_built();
	for (;;) {
		pid_t pid = fork();

		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			execl("/proc/self/exe", "curl", "--short-client", port, NULL);
			die("exec");
		}
		if (pid > 0)
			stage_reap(pid);
		nap_ms(older_ms / 10.0);
	}
}

void short_clients(void)
{
	server_start("server", serve_events);
	client_process("shell", shell_loop);
}

/*
 * ---- hot-restart: the old server hands its listener and its connections to a new program and ends. Two are in
 * use all the time; on the third both event loops wait.
 */

static void close_on_exec(int fd, bool on)
{
	fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0);
}

static void start_new_server(void *arg)
{
	char channel[16], lifeline[16];

	snprintf(channel, sizeof(channel), "%d", (int)(intptr_t)arg);
	snprintf(lifeline, sizeof(lifeline), "%d", stage_lifeline());
	close_on_exec((intptr_t)arg, false);
	close_on_exec(stage_lifeline(), false);
	execl("/proc/self/exe", "srv-new", "--hot-new", channel, lifeline, NULL);
	die("exec");
}

int hot_new_main(int channel, int lifeline)
{
	struct events *events;
	int fd;

	stage_adopt(lifeline);
	fd = receive_fd(channel);
	if (fd < 0)
		die("receive");
	events = events_new(fd);
	while ((fd = receive_fd(channel)) >= 0)
		events_add(events, fd);
	events_run(events, 0);
	return 0;
}

static void old_server(int listener)
{
	struct events *events = events_new(listener);
	int channel[2], fds[16], count;

	do
		events_run(events, 50);
	while (events_list(events, fds, 16) < 3);
	events_run(events, older_ms / 2);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel))
		die("socketpair");
	stage_survivor("srv-new", start_new_server, (void *)(intptr_t)channel[1]);
	close(channel[1]);
	if (pass_fd(channel[0], listener))
		die("sendmsg");
	count = events_list(events, fds, 16);
	for (int i = 0; i < count; i++)
		if (pass_fd(channel[0], fds[i]))
			die("sendmsg");
	/* What is in flight stays with the sockets: nothing is lost when this process ends. */
	close(channel[0]);
	_exit(0);
}

static void steady_clients(void *unused)
{
	struct pollfd wait = {.events = POLLIN};

	(void)unused;
	wait.fd = client_open();
	exchange(wait.fd);
	for (int i = 0; i < 2; i++)
		thread_start("worker", use_steadily, NULL);
	stage_built();
	poll(&wait, 1, -1);
}

void hot_restart(void)
{
	pid_t old = server_start("srv-old", old_server);

	stage_process("client", steady_clients, NULL);
	stage_wait_built(1);
	stage_reap(old);
	settle();
}

/* ---- ssh-like: nobody types; both ends sit in poll ---- */

static void session(void *unused)
{
	struct pollfd wait[2] = {{.events = POLLIN}, {.events = POLLIN}};

	(void)unused;
	wait[0].fd = client_open();
	wait[1].fd = stage_lifeline(); /* its terminal */
	exchange(wait[0].fd);
	stage_built();
	while (poll(wait, 2, -1) < 0 && errno == EINTR)
		;
}

/* Other sessions come and go meanwhile. */
static void short_session(void *unused)
{
	(void)unused;
	close(client_open());
}

static void other_sessions(void *unused)
{
	(void)unused;
	stage_built();
	for (;;) {
		stage_reap(stage_process("ssh", short_session, NULL));
		nap_ms(older_ms / 2.0);
	}
}

void ssh_like(void)
{
	server_start("sshd", serve_sessions);
	for (int i = 0; i < 4; i++)
		stage_process("ssh", session, NULL);
	stage_process("cron", other_sessions, NULL);
	stage_wait_built(5);
	settle();
}

/* ---- listener-only, all-closed ---- */

void listener_only(void)
{
	server_start("events", serve_events);
	server_use_port(0);
	server_start("threads", serve_threads);
	settle();
}

static void open_close_all(void *unused)
{
	int fds[20];
	char byte;

	(void)unused;
	for (int i = 0; i < 20; i++) {
		fds[i] = client_open();
		exchange(fds[i]);
	}
	/* The other end answers a half-close by closing: after its FIN nothing is open there. */
	for (int i = 0; i < 20; i++) {
		shutdown(fds[i], SHUT_WR);
		if (recv(fds[i], &byte, 1, 0) != 0)
			die("all-closed");
		close(fds[i]);
	}
	stage_built();
	stage_rest();
}

void all_closed(void)
{
	server_start("server", serve_events);
	client_process("batch", open_close_all);
}
