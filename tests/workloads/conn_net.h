/* SPDX-License-Identifier: GPL-2.0-only */
/* conn_net.h - sockets for the scenarios: listeners, pairs of ends, and ways to end them. */
#ifndef CONN_NET_H
#define CONN_NET_H

#include <netinet/in.h>

#include "truth.h"

/* Both ends of one connection. */
struct pair {
	struct end client, server;
};

struct listener {
	int fd;
	struct sockaddr_storage addr; /* where clients connect to */
	socklen_t len;
};

/* Port of every listener from now on; 0: each gets a free one. */
void listeners_use_port(int port);

/* Listens where `target` ("127.0.0.1", "::1", "::ffff:127.0.0.1") is reached; mapped: on [::]. */
void listener_open(struct listener *listener, const char *target, int backlog);
void listener_close(struct listener *listener);
/* An address where nobody listens. */
void listener_nobody(struct listener *listener, const char *target);

int client_socket(const struct listener *listener, int flags);
/* The calling thread connects fd: 0 or the errno of connect(). */
int client_try(struct end *end, const struct listener *listener, int fd);
/* The same with a plain socket; dies when it cannot. */
void client_connect(struct end *end, const struct listener *listener);
/* The calling thread accepts; not_before: when the client began, if this call waited for it. */
void server_accept(struct end *end, const struct listener *listener, uint64_t not_before);

/* A request and its reply: one end's part of it, and both parts. */
void client_talk(struct end *end);
void server_talk(struct end *end);
void pair_talk(struct pair *pair);
/* All of the above over a listener of its own. */
void pair_open(struct pair *pair, const char *target);
void pair_print(const char *scenario, const struct pair *pair);

/* Both count what they move. */
void send_bytes(struct end *end, size_t count);
void read_bytes(struct end *end, size_t count);
/* Waits until the peer's FIN has arrived. */
void wait_eof(struct end *end);

/* close() by the calling thread. */
void close_end(struct end *end);
/* ... after the peer's FIN. */
void close_after_peer(struct end *end);
/* close() that sends RST. */
void close_with_reset(struct end *end);
/* Waits until the kernel has ended the connection (RST...), some time since `from`; lets go of the fd. */
void wait_killed(struct end *end, const char *how, uint64_t from);

/* From now on the socket throws away every packet that comes for it: the peer is as good as gone. */
void go_deaf(int fd);
void go_hearing(int fd);
void set_user_timeout(int fd, unsigned int ms);

#endif
