// SPDX-License-Identifier: GPL-2.0-only
/* conn_net.c - sockets for the scenarios: listeners, pairs of ends, and ways to end them. */
#define _GNU_SOURCE
#include "conn_net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST = 100, REPLY = 300 };

static int listen_port;

void listeners_use_port(int port)
{
	listen_port = port;
}

static void parse_target(struct listener *listener, const char *target, int port)
{
	struct sockaddr_in *v4 = (void *)&listener->addr;
	struct sockaddr_in6 *v6 = (void *)&listener->addr;

	memset(&listener->addr, 0, sizeof(listener->addr));
	if (inet_pton(AF_INET, target, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		listener->len = sizeof(*v4);
	} else {
		inet_pton(AF_INET6, target, &v6->sin6_addr);
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		listener->len = sizeof(*v6);
	}
}

/* A v4-mapped target is served by a dual-stack listener on [::], as Java's are. */
static void bind_listener(struct listener *listener)
{
	struct sockaddr_storage addr = listener->addr;
	struct sockaddr_in6 *v6 = (void *)&addr;
	int on = 1;

	listener->fd = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener->fd < 0)
		die("socket");
	if (addr.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		int off = 0;

		setsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
		v6->sin6_addr = in6addr_any;
	}
	setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener->fd, (struct sockaddr *)&addr, listener->len))
		die("bind");
	listener->len = sizeof(addr);
	getsockname(listener->fd, (struct sockaddr *)&addr, &listener->len);
	/* sin_port and sin6_port share their place. */
	((struct sockaddr_in *)&listener->addr)->sin_port = ((struct sockaddr_in *)&addr)->sin_port;
}

void listener_open(struct listener *listener, const char *target, int backlog)
{
	parse_target(listener, target, listen_port);
	bind_listener(listener);
	if (listen(listener->fd, backlog))
		die("listen");
}

void listener_close(struct listener *listener)
{
	close(listener->fd);
	listener->fd = -1;
}

/* Bound and never listening: the port is refused and nobody else can take it. */
void listener_nobody(struct listener *listener, const char *target)
{
	parse_target(listener, target, listen_port);
	bind_listener(listener);
}

int client_socket(const struct listener *listener, int flags)
{
	int fd = socket(listener->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	if (fd < 0)
		die("socket");
	return fd;
}

/* getpeername fails before and after the connection: the target is known anyway. */
static void remember_target(struct end *end, const struct listener *listener)
{
	const struct sockaddr_in *v4 = (const void *)&listener->addr;
	const struct sockaddr_in6 *v6 = (const void *)&listener->addr;

	end->rport = ntohs(v4->sin_port);
	if (v4->sin_family == AF_INET)
		inet_ntop(AF_INET, &v4->sin_addr, end->raddr, ADDR_LEN);
	else
		inet_ntop(AF_INET6, &v6->sin6_addr, end->raddr, ADDR_LEN);
}

int client_try(struct end *end, const struct listener *listener, int fd)
{
	uint64_t from = now_ns();
	int error = 0;

	remember_target(end, listener);
	if (connect(fd, (const struct sockaddr *)&listener->addr, listener->len))
		error = errno;
	end_opened(end, fd, "client", from);
	return error;
}

void client_connect(struct end *end, const struct listener *listener)
{
	errno = client_try(end, listener, client_socket(listener, 0));
	if (errno)
		die("connect");
}

void server_accept(struct end *end, const struct listener *listener, uint64_t not_before)
{
	uint64_t from = now_ns();
	int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		die("accept");
	end_opened(end, fd, "server", from > not_before ? from : not_before);
}

void send_bytes(struct end *end, size_t count)
{
	char data[REPLY] = {0};

	if (send(end->fd, data, count, MSG_NOSIGNAL) != (ssize_t)count)
		die("send");
	end->tx += count;
}

void read_bytes(struct end *end, size_t count)
{
	char data[REPLY];

	if (recv(end->fd, data, count, MSG_WAITALL) != (ssize_t)count)
		die("recv");
	end->rx += count;
}

void wait_eof(struct end *end)
{
	char data;

	if (recv(end->fd, &data, 1, 0) != 0)
		die("waiting for the peer's FIN");
}

void client_talk(struct end *end)
{
	send_bytes(end, REQUEST);
	read_bytes(end, REPLY);
}

void server_talk(struct end *end)
{
	read_bytes(end, REQUEST);
	send_bytes(end, REPLY);
}

void pair_talk(struct pair *pair)
{
	send_bytes(&pair->client, REQUEST);
	server_talk(&pair->server);
	read_bytes(&pair->client, REPLY);
}

void pair_open(struct pair *pair, const char *target)
{
	struct listener listener;

	listener_open(&listener, target, 8);
	client_connect(&pair->client, &listener);
	server_accept(&pair->server, &listener, 0);
	listener_close(&listener);
	pair_talk(pair);
}

void pair_print(const char *scenario, const struct pair *pair)
{
	truth_close(scenario, &pair->client);
	truth_close(scenario, &pair->server);
}

void close_end(struct end *end)
{
	end_closing(end);
	if (close(end->fd))
		die("close");
	end_closed(end, "app");
}

void close_after_peer(struct end *end)
{
	wait_eof(end);
	close_end(end);
	end->peer_closed = true;
}

void close_with_reset(struct end *end)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	setsockopt(end->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close_end(end);
}

void wait_killed(struct end *end, const char *how, uint64_t from)
{
	struct pollfd wait = {.fd = end->fd}; /* POLLHUP and POLLERR come unasked */

	while (poll(&wait, 1, -1) < 1)
		if (errno != EINTR)
			die("poll");
	end_killed(end, how, from);
	close(end->fd);
}

void go_deaf(int fd)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = {.len = 1, .filter = &nothing};

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)))
		die("SO_ATTACH_FILTER");
}

void go_hearing(int fd)
{
	int unused = 0;

	setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused));
}

void set_user_timeout(int fd, unsigned int ms)
{
	if (setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms)))
		die("TCP_USER_TIMEOUT");
}
