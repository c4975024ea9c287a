// SPDX-License-Identifier: GPL-2.0-only
/* conn_opening.c - scenarios about how connections begin, or do not. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "conn_net.h"

int many_count = 200;

/* The client closes first, the server after it has read the FIN. */
static void plain(const char *name, const char *target)
{
	struct pair pair = {0};

	pair_open(&pair, target);
	close_end(&pair.client);
	close_after_peer(&pair.server);
	pair_print(name, &pair);
}

static void ipv4(const char *name)
{
	plain(name, "127.0.0.2"); /* the client is 127.0.0.1: mixed-up addresses would show */
}

static void ipv6(const char *name)
{
	plain(name, "::1");
}

static void v4_mapped(const char *name)
{
	plain(name, "::ffff:127.0.0.1");
}

/* An IPv4 client of a dual-stack server: only one side is an IPv6 socket. */
static void v4_mapped_server(const char *name)
{
	struct listener listener, as_v4;
	struct pair pair = {0};

	listener_open(&listener, "::ffff:127.0.0.1", 8);
	as_v4 = listener;
	memset(&as_v4.addr, 0, sizeof(as_v4.addr));
	*(struct sockaddr_in *)&as_v4.addr = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = ((struct sockaddr_in *)&listener.addr)->sin_port,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	as_v4.len = sizeof(struct sockaddr_in);
	client_connect(&pair.client, &as_v4);
	server_accept(&pair.server, &listener, 0);
	listener_close(&listener);
	pair_talk(&pair);
	close_end(&pair.client);
	close_after_peer(&pair.server);
	pair_print(name, &pair);
}

/* A blocking connect: the local port exists only inside the call. */
static void refused_at(const char *name, const char *target)
{
	struct listener nobody;
	struct end end = {0};
	int error;

	listener_nobody(&nobody, target);
	error = client_try(&end, &nobody, client_socket(&nobody, 0));
	end.closed = end.opened;
	strcpy(end.laddr, target); /* the socket has forgotten it already */
	truth_failed(name, &end, error);
	close(end.fd);
	listener_close(&nobody);
}

static void refused(const char *name)
{
	refused_at(name, "127.0.0.1");
}

static void refused6(const char *name)
{
	refused_at(name, "::1");
}

/* Waits for the end of a non-blocking connect: 0 or its errno. */
static int connect_result(const struct end *end)
{
	struct pollfd wait = {.fd = end->fd, .events = POLLOUT};
	int error = 0;
	socklen_t len = sizeof(error);

	while (poll(&wait, 1, -1) < 1)
		if (errno != EINTR)
			die("poll");
	getsockopt(end->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	return error;
}

static void refused_nonblocking(const char *name)
{
	struct listener nobody;
	struct end end = {0};
	int error;

	listener_nobody(&nobody, "127.0.0.1");
	error = client_try(&end, &nobody, client_socket(&nobody, SOCK_NONBLOCK));
	if (error == EINPROGRESS)
		error = connect_result(&end);
	end_killed(&end, NULL, end.opened.from);
	truth_failed(name, &end, error);
	close(end.fd);
	listener_close(&nobody);
}

/* The listener never sees the SYN: TCP_USER_TIMEOUT ends the attempt at the next retransmission. */
static void connect_timeout(const char *name)
{
	enum { TIMEOUT_MS = 300, TICK_MS = 10 };
	struct listener deaf;
	struct end end = {0};
	int fd, error;

	listener_open(&deaf, "127.0.0.1", 8);
	go_deaf(deaf.fd);
	fd = client_socket(&deaf, SOCK_NONBLOCK);
	set_user_timeout(fd, TIMEOUT_MS);
	if (client_try(&end, &deaf, fd) != EINPROGRESS)
		die("connect to a deaf listener");
	error = connect_result(&end);
	end_killed(&end, NULL, end.opened.to + (TIMEOUT_MS - TICK_MS) * 1000000ull);
	truth_failed(name, &end, error);
	close(end.fd);
	listener_close(&deaf);
}

/* The application loses patience and closes a socket that still waits for the SYN-ACK. */
static void given_up(const char *name)
{
	struct listener deaf;
	struct end end = {0};

	listener_open(&deaf, "127.0.0.1", 8);
	go_deaf(deaf.fd);
	if (client_try(&end, &deaf, client_socket(&deaf, SOCK_NONBLOCK)) != EINPROGRESS)
		die("connect to a deaf listener");
	close_end(&end);
	truth_failed(name, &end, 0);
	listener_close(&deaf);
}

static void nonblocking(const char *name)
{
	struct listener listener;
	struct pair pair = {0};

	listener_open(&listener, "127.0.0.1", 8);
	errno = client_try(&pair.client, &listener, client_socket(&listener, SOCK_NONBLOCK));
	if (errno == EINPROGRESS)
		errno = connect_result(&pair.client);
	if (errno)
		die("non-blocking connect");
	fcntl(pair.client.fd, F_SETFL, 0);
	server_accept(&pair.server, &listener, 0);
	listener_close(&listener);
	pair_talk(&pair);
	close_end(&pair.client);
	close_after_peer(&pair.server);
	pair_print(name, &pair);
}

/* Two clients fill the queue, a third finds no room; the listener goes without accepting any. */
static void accept_queue_full(const char *name)
{
	struct end queued[2] = {0}, third = {0};
	struct listener listener;
	uint64_t from;

	listener_open(&listener, "127.0.0.1", 1);
	client_connect(&queued[0], &listener);
	client_connect(&queued[1], &listener);
	if (client_try(&third, &listener, client_socket(&listener, SOCK_NONBLOCK)) != EINPROGRESS)
		die("connect to a full queue");
	close_end(&third);
	truth_failed(name, &third, 0);

	from = now_ns();
	listener_close(&listener);
	for (int i = 0; i < 2; i++) {
		wait_killed(&queued[i], "reset", from);
		truth_close(name, &queued[i]);
	}
}

/* The same 4-tuple twice at once: RST leaves no TIME_WAIT behind. */
static void port_reuse(const char *name)
{
	struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(local);
	struct listener listener;
	int on = 1;

	listener_open(&listener, "127.0.0.1", 8);
	for (int round = 0; round < 2; round++) {
		struct pair pair = {0};
		int fd = client_socket(&listener, 0);

		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		if (bind(fd, (struct sockaddr *)&local, sizeof(local)))
			die("bind");
		getsockname(fd, (struct sockaddr *)&local, &len);
		errno = client_try(&pair.client, &listener, fd);
		if (errno)
			die("connect");
		server_accept(&pair.server, &listener, 0);
		pair_talk(&pair);
		close_with_reset(&pair.client);
		wait_killed(&pair.server, "reset", pair.client.closed.from);
		pair_print(name, &pair);
	}
	listener_close(&listener);
}

enum { ACCEPTORS = 64 };

struct acceptors {
	struct listener listener;
	atomic_int tids[ACCEPTORS];
	_Atomic uint64_t connecting_since;
	struct end ends[ACCEPTORS];
};

struct acceptor {
	struct acceptors *all;
	int index;
};

static void *accept_one(void *arg)
{
	struct acceptor *acceptor = arg;
	struct acceptors *all = acceptor->all;
	struct end *end = &all->ends[acceptor->index];
	struct task self;

	task_name("conn-acceptor");
	task_self(&self);
	all->tids[acceptor->index] = self.tid;
	server_accept(end, &all->listener, 0);
	end->opened.from = all->connecting_since; /* it slept in accept() until then */
	close_after_peer(end);
	return NULL;
}

/* No event says "it sleeps in accept()": look until the thread's state is S. */
static void wait_sleeping(atomic_int *tid)
{
	char path[64], line[256], *state;
	FILE *stat;

	for (;;) {
		snprintf(path, sizeof(path), "/proc/self/task/%d/stat", *tid);
		stat = *tid ? fopen(path, "r") : NULL;
		line[0] = '\0';
		if (stat) {
			if (!fgets(line, sizeof(line), stat))
				line[0] = '\0';
			fclose(stat);
		}
		state = strrchr(line, ')');
		if (state && state[2] == 'S')
			return;
		usleep(1000);
	}
}

/* All threads sleep in accept() on one listener when the connections come. */
static void threads_accept(const char *name)
{
	struct acceptors *all = calloc(1, sizeof(*all));
	struct acceptor args[ACCEPTORS];
	struct end *clients = calloc(ACCEPTORS, sizeof(*clients));
	pthread_t threads[ACCEPTORS];

	if (!all || !clients)
		die("calloc");
	listener_open(&all->listener, "127.0.0.1", ACCEPTORS);
	for (int i = 0; i < ACCEPTORS; i++) {
		args[i] = (struct acceptor){all, i};
		errno = pthread_create(&threads[i], NULL, accept_one, &args[i]);
		if (errno)
			die("pthread_create");
	}
	for (int i = 0; i < ACCEPTORS; i++)
		wait_sleeping(&all->tids[i]);
	all->connecting_since = now_ns();
	for (int i = 0; i < ACCEPTORS; i++)
		client_connect(&clients[i], &all->listener);
	for (int i = 0; i < ACCEPTORS; i++)
		close_end(&clients[i]);
	for (int i = 0; i < ACCEPTORS; i++) {
		pthread_join(threads[i], NULL);
		truth_close(name, &clients[i]);
		truth_close(name, &all->ends[i]);
	}
	listener_close(&all->listener);
	free(clients);
	free(all);
}

static void many(const char *name)
{
	struct listener listener;

	listener_open(&listener, "127.0.0.1", 8);
	for (int i = 0; i < many_count; i++) {
		struct pair pair = {0};

		client_connect(&pair.client, &listener);
		server_accept(&pair.server, &listener, 0);
		close_end(&pair.client);
		close_after_peer(&pair.server);
		pair_print(name, &pair);
	}
	listener_close(&listener);
}

const struct scenario opening_scenarios[] = {
	{"ipv4", ipv4},
	{"ipv6", ipv6},
	{"v4-mapped", v4_mapped},
	{"v4-mapped-server", v4_mapped_server},
	{"refused", refused},
	{"refused6", refused6},
	{"refused-nonblocking", refused_nonblocking},
	{"connect-timeout", connect_timeout},
	{"given-up", given_up},
	{"nonblocking", nonblocking},
	{"accept-queue-full", accept_queue_full},
	{"port-reuse", port_reuse},
	{"threads-accept", threads_accept},
	{"many", many},
	{0},
};
