// SPDX-License-Identifier: GPL-2.0-only
/* leaker_peer.c - the peer has closed and the application has not, or its data waits and nobody reads. */
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "leak_kinds.h"

static struct expect *expected;

static void expect_close_wait(const char *role)
{
	expected = expect_new("close-wait", "leak", "certain", role);
	expected->reader = "none";
}

/* ---- close-wait-server, unread-server: a single thread that hangs while its clients wait or leave ---- */

/* Accepts three, answers one request each when told to, and then waits for a lock that nobody lets go. */
static void hang_after(int listener, bool answers)
{
	struct request request;

	for (int i = 0; i < 3; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		char reply[REPLY] = {0};

		if (fd < 0)
			die("accept");
		if (answers && (recv(fd, &request, sizeof(request), MSG_WAITALL) <= 0 ||
				send(fd, reply, sizeof(reply), MSG_NOSIGNAL) < 0))
			die("server");
		expect_add(expected, fd);
	}
	stage_built();
	stage_rest();
}

static void serve_then_hang(int listener)
{
	hang_after(listener, true);
}

static void accept_then_hang(int listener)
{
	hang_after(listener, false);
}

static void three_short(void *unused)
{
	int fds[3];

	(void)unused;
	for (int i = 0; i < 3; i++) {
		fds[i] = client_open();
		exchange(fds[i]);
	}
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	stage_built();
	stage_rest();
}

void close_wait_server(void)
{
	expect_close_wait("server");
	expect_holder(expected, server_start("server", serve_then_hang));
	stage_process("client", three_short, NULL);
	stage_wait_built(2);
	settle();
}

static void ask_and_wait(void *arg)
{
	int fd = (intptr_t)arg;

	ask(fd, ASK_REPLY, 0);
	read_on(fd);
}

static void three_waiting(void *unused)
{
	(void)unused;
	for (int i = 0; i < 3; i++)
		thread_start("worker", ask_and_wait, (void *)(intptr_t)client_open());
	stage_built();
	stage_rest();
}

void unread_server(void)
{
	expected = expect_new("unread", "suspect", "likely", "server");
	expected->reader = "none";
	expect_holder(expected, server_start("server", accept_then_hang));
	stage_process("client", three_waiting, NULL);
	stage_wait_built(2);
	settle();
}

/* ---- server-never-closed: the handler's end forgets to close, the server goes on ---- */

static void leave_three(void *unused)
{
	(void)unused;
	for (int i = 0; i < 3; i++) {
		int fd = client_open();

		ask(fd, ASK_FORGET, 0);
		take(fd, REPLY);
		close(fd);
	}
	use_on(client_open());
}

void server_never_closed(void)
{
	expect_close_wait("server");
	server_expect = expected;
	expect_holder(expected, server_start("server", serve_threads));
	stage_process("client", leave_three, NULL);
	stage_wait_built(3); /* each handler that has forgotten */
	settle();
}

/* ---- close-wait-client: the server closed after its answer, the client opens new ones and keeps the old ---- */

static void keep_four(void *unused)
{
	(void)unused;
	for (int i = 0; i < 4; i++) {
		int fd = client_open();

		ask(fd, ASK_CLOSE, 0);
		take(fd, REPLY);
		expect_add(expected, fd);
	}
	stage_built();
	/* Newer connections to that peer, all the time: this is no pool that looks before its next use. */
	open_use_close(NULL);
}

static void close_wait_client_process(void *unused)
{
	(void)unused;
	thread_start("worker", keep_four, NULL);
	stage_rest();
}

void close_wait_client(void)
{
	server_start("server", serve_events);
	expect_close_wait("client");
	expect_holder(expected, stage_process("orders", close_wait_client_process, NULL));
	stage_wait_built(1);
	settle();
}

/* ---- half-close-still-sends: the client has no more to say and listens; the server sends on ---- */

static void listen_only(void *arg)
{
	int fd = (intptr_t)arg;

	ask(fd, ASK_PUSH, older_ms / 50 ? older_ms / 50 : 1);
	shutdown(fd, SHUT_WR);
	read_on(fd);
}

static void two_listening(void *unused)
{
	(void)unused;
	for (int i = 0; i < 2; i++)
		thread_start("worker", listen_only, (void *)(intptr_t)client_open());
	stage_rest();
}

void half_close_still_sends(void)
{
	expected = expect_new("close-wait", "info", NULL, "server");
	server_expect = expected;
	expect_holder(expected, server_start("server", serve_events));
	stage_process("client", two_listening, NULL);
	stage_wait_built(2);
	settle();
}

/* ---- unread: the client asked, the answer came, and it was forgotten ---- */

enum { BIG = 4000, PART = 100 };

static void read_a_part(void *unused)
{
	(void)unused;
	for (int i = 0; i < 3; i++) {
		int fd = client_open();

		ask(fd, ASK_BIG, BIG);
		take(fd, PART);
		expect_add(expected, fd);
	}
	stage_built();
}

static void read_nothing(void *unused)
{
	(void)unused;
	for (int i = 0; i < 3; i++) {
		int fd = client_open();

		ask(fd, ASK_REPLY, 0);
		expect_add(expected, fd);
	}
	stage_built();
}

static void unread_partly_client(void *unused)
{
	(void)unused;
	thread_run("worker", read_a_part, NULL);
	stage_rest();
}

static void unread_not_client(void *unused)
{
	(void)unused;
	thread_run("worker", read_nothing, NULL);
	stage_rest();
}

static void unread(void (*client)(void *))
{
	server_start("server", serve_events);
	expected = expect_new("unread", "leak", "likely", "client");
	expected->reader = "none";
	expect_holder(expected, stage_process("orders", client, NULL));
	stage_wait_built(1);
	settle();
}

void unread_partly(void)
{
	unread(unread_partly_client);
}

void unread_not_at_all(void)
{
	unread(unread_not_client);
}
