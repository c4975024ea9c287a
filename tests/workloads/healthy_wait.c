// SPDX-License-Identifier: GPL-2.0-only
/* healthy_wait.c - silent connections on which somebody waits, or reads more than it seems. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "leak_controls.h"

static void *boxed(int fd)
{
	return (void *)(intptr_t)fd;
}

static int unboxed(void *arg)
{
	return (intptr_t)arg;
}

/* Opened by this thread, used once. */
static int open_used(void)
{
	int fd = client_open();

	exchange(fd);
	return fd;
}

/*
 * The rest of the program: the same site opens newer connections all the time and uses them, so that each
 * silent one looks passed over.
 */
static void busy_beside(void *unused)
{
	(void)unused;
	open_use_close(NULL);
}

static void use_steadily(void *arg)
{
	use_on(unboxed(arg));
}

static void start_busy(void)
{
	thread_start("worker", use_steadily, boxed(open_used()));
	thread_start("worker", busy_beside, NULL);
	stage_built();
	stage_rest();
}

/* ---- listen: four subscriptions that never say anything, two blocked in recv and two in one poll ---- */

static void subscribe_recv(void *unused)
{
	(void)unused;
	read_on(open_used());
}

static void subscribe_poll(void *unused)
{
	struct pollfd wait[2];

	(void)unused;
	for (int i = 0; i < 2; i++)
		wait[i] = (struct pollfd){.fd = open_used(), .events = POLLIN};
	while (poll(wait, 2, -1) < 0 && errno == EINTR)
		;
}

static void listening_client(void *unused)
{
	(void)unused;
	thread_start("worker", subscribe_recv, NULL);
	thread_start("worker", subscribe_recv, NULL);
	thread_start("worker", subscribe_poll, NULL);
	start_busy();
}

void listen_beside_pool(void)
{
	server_start("server", serve_events);
	client_process("orders", listening_client);
}

/* ---- long-poll: each answer takes 3 T ---- */

static void poll_long(void *unused)
{
	int fd = client_open();

	(void)unused;
	for (;;) {
		ask(fd, ASK_LATER, 3 * older_ms);
		take(fd, REPLY);
	}
}

static void long_poll_client(void *unused)
{
	(void)unused;
	for (int i = 0; i < 4; i++)
		thread_start("worker", poll_long, NULL);
	start_busy();
}

void long_poll(void)
{
	server_start("server", serve_events);
	client_process("orders", long_poll_client);
}

/* ---- slow-query: the answer does not come in our time; the backend computes and does not read either ---- */

static void query_recv(void *unused)
{
	int fd = client_open();

	(void)unused;
	ask(fd, ASK_LATER, 0);
	take(fd, REPLY);
}

/* On a connection that the thread which started the program opened: who asks is not who opened. */
static void query_poll(void *arg)
{
	int fd = unboxed(arg);

	ask(fd, ASK_LATER, 0);
	take_poll(fd, REPLY);
}

static void slow_query_client(void *unused)
{
	(void)unused;
	for (int i = 0; i < 2; i++) {
		thread_start("worker", query_recv, NULL);
		thread_start("worker", query_poll, boxed(client_open()));
	}
	start_busy();
}

void slow_query(void)
{
	server_start("postmaster", serve_processes);
	client_process("orders", slow_query_client);
}

/* ---- keepalive-clients: event loops with four kept connections each and a round of requests every 3 T ---- */

static void answer_ready(const struct epoll_event *event)
{
	char data[4096];

	while (recv(event->data.fd, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
}

static void keepalive_client(void *unused)
{
	int loop = epoll_create1(EPOLL_CLOEXEC), fds[4];

	(void)unused;
	for (int i = 0; i < 4; i++) {
		struct epoll_event event = {.events = EPOLLIN};

		event.data.fd = fds[i] = open_used();
		epoll_ctl(loop, EPOLL_CTL_ADD, fds[i], &event);
	}
	stage_built();
	for (;;) {
		struct epoll_event ready;

		/* Three times T of silence, then one round. */
		if (epoll_wait(loop, &ready, 1, 3 * older_ms) > 0)
			answer_ready(&ready);
		else
			for (int i = 0; i < 4; i++)
				ask(fds[i], ASK_REPLY, 0);
	}
}

void keepalive_clients(void)
{
	server_start("server", serve_events);
	for (int i = 0; i < 3; i++)
		stage_process("browser", keepalive_client, NULL);
	stage_wait_built(3);
	settle();
}

/* ---- stale-keepalive: the server closed five at rest; a pool that looks before the next use keeps them ---- */

static void stale_client(void *unused)
{
	int used = open_used(), fds[5];

	(void)unused;
	for (int i = 0; i < 5; i++)
		fds[i] = client_open();
	for (int i = 0; i < 5; i++) { /* no opening after a close, however slow this goes */
		ask(fds[i], ASK_IDLE_CLOSE, older_ms / 2);
		take(fds[i], REPLY);
	}
	stage_built();
	use_on(used);
}

void stale_keepalive(void)
{
	server_start("server", serve_events);
	client_process("orders", stale_client);
}

/* ---- server-push: the client asks once and only listens; two feeds are rare, two are lively ---- */

static void feed_recv(void *arg)
{
	int fd = client_open();

	ask(fd, ASK_PUSH, unboxed(arg));
	read_on(fd);
}

static void feed_poll(void *arg)
{
	int fd = client_open();

	ask(fd, ASK_PUSH, unboxed(arg));
	for (;;)
		take_poll(fd, PUSH);
}

static void push_client(void *unused)
{
	int lively = older_ms / 20, rare = 2 * older_ms;

	(void)unused;
	thread_start("worker", feed_recv, boxed(lively));
	thread_start("worker", feed_recv, boxed(rare));
	thread_start("worker", feed_poll, boxed(lively));
	thread_start("worker", feed_poll, boxed(rare));
	start_busy();
}

void server_push(void)
{
	server_start("server", serve_events);
	client_process("dashboard", push_client);
}

/* ---- unsolicited: a notice 2 T after the last exchange, on connections that rest in their pool ---- */

static void noticed_client(void *unused)
{
	int used = open_used();

	(void)unused;
	for (int i = 0; i < 4; i++) {
		int fd = client_open();

		ask(fd, ASK_NOTICE, 2 * older_ms);
		take(fd, REPLY);
	}
	stage_built();
	use_on(used);
}

void unsolicited(void)
{
	server_start("server", serve_events);
	client_process("orders", noticed_client);
	/* The notices have only come now. */
	settle();
}

/* ---- slow-consumer: its queue is always full, it reads a little five times in T ---- */

static void sip(void *arg)
{
	int fd = unboxed(arg);

	ask(fd, ASK_FLOOD, 0);
	for (;;) {
		take(fd, 1000);
		nap_ms(older_ms / 5.0);
	}
}

static void slow_client(void *unused)
{
	int small = 8192, fd = client_open();

	(void)unused;
	thread_start("worker", sip, boxed(fd));
	/* With a small buffer its window opens and closes all the time; the other's stays shut for long. */
	fd = client_open();
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	thread_start("worker", sip, boxed(fd));
	stage_built();
	stage_rest();
}

void slow_consumer(void)
{
	server_start("server", serve_events);
	client_process("importer", slow_client);
}
