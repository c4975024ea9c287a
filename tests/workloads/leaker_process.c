// SPDX-License-Identifier: GPL-2.0-only
/*
 * leaker_process.c - the process that opened the connections has ended: another still has them open
 * (ownerless), or nobody (reaped).
 */
#define _GNU_SOURCE
#include <sys/socket.h>
#include <unistd.h>

#include "leak_kinds.h"
#include "pass_fd.h"

enum { COUNT = 2 };

static struct expect *expected;
static int channel[2]; /* opener's and receiver's end */
static int fds[COUNT];

static void open_and_use(void)
{
	for (int i = 0; i < COUNT; i++) {
		fds[i] = client_open();
		exchange(fds[i]);
		expect_add(expected, fds[i]);
	}
}

static void rest(void *unused)
{
	(void)unused;
	stage_rest();
}

static void build(void (*opener)(void *))
{
	server_start("server", serve_events);
	expected = expect_new("ownerless", "suspect", "likely", "client");
	expected->reader = "none";
	stage_reap(stage_process("opener", opener, NULL));
	settle();
}

/* A helper started without closing what it inherits: it knows nothing of the connections. */
static void open_fork_leave(void *unused)
{
	(void)unused;
	open_and_use();
	expect_holder(expected, stage_survivor("helper", rest, NULL));
}

void ownerless_fork(void)
{
	build(open_fork_leave);
}

static void receive_and_keep(void *unused)
{
	(void)unused;
	for (int i = 0; i < COUNT; i++)
		if (fds[i])
			close(fds[i]); /* inherited: only what is passed counts */
	close(channel[0]);
	for (int i = 0; i < COUNT; i++)
		if (receive_fd(channel[1]) < 0)
			die("receive");
	if (write(channel[1], "", 1) != 1)
		die("acknowledge");
	stage_rest();
}

static void pass_all(void)
{
	char byte;

	for (int i = 0; i < COUNT; i++)
		if (pass_fd(channel[0], fds[i]))
			die("sendmsg");
	if (read(channel[0], &byte, 1) != 1)
		die("acknowledge");
}

static void start_receiver(void)
{
	expect_holder(expected, stage_survivor("receiver", receive_and_keep, NULL));
	close(channel[1]);
}

static void open_pass_leave(void *unused)
{
	(void)unused;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel))
		die("socketpair");
	open_and_use();
	start_receiver();
	pass_all();
}

void ownerless_scm(void)
{
	build(open_pass_leave);
}

static void open_pass_leave_older(void *unused)
{
	(void)unused;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel))
		die("socketpair");
	start_receiver();
	open_and_use();
	pass_all();
}

/* The receiver is older than the connections: seen late, it might as well have opened them. */
void ownerless_scm_older(void)
{
	build(open_pass_leave_older);
	expected->late_verdict = "ownerless|idle";
	expected->late_severity = "suspect|info";
}

/* ---- reaped: quiet when their process ends ---- */

static void open_three(void *unused)
{
	(void)unused;
	for (int i = 0; i < 3; i++) {
		int fd = client_open();

		exchange(fd);
		expect_add(expected, fd);
	}
}

static void leave_quietly(void *unused)
{
	char byte;

	(void)unused;
	thread_run("worker", open_three, NULL);
	stage_built();
	if (read(channel[1], &byte, 1) != 1)
		die("reaped");
}

void reaped(void)
{
	pid_t pid;

	server_start("server", serve_events);
	expected = expect_new("reaped", "suspect", "certain", "client");
	expected->gone = true;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel))
		die("socketpair");
	pid = stage_process("batch", leave_quietly, NULL);
	stage_wait_built(1);
	settle();
	/* The driver may want to be there for the end only. */
	stage_hold();
	if (write(channel[0], "", 1) != 1)
		die("reaped");
	stage_reap(pid);
}
