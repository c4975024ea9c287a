/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * leak_net.h - clients and servers of `leaker` and `healthy`: a request is one struct, its first byte says
 * what the server shall do, so that a client's program alone decides what happens on a connection.
 */
#ifndef LEAK_NET_H
#define LEAK_NET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "leak_stage.h"

enum { REPLY = 300, PUSH = 32, MAX_FDS = 1024 };

enum op {
	ASK_REPLY, /* REPLY bytes at once */
	ASK_BIG, /* arg bytes at once */
	ASK_LATER, /* REPLY bytes after arg ms; 0: never */
	ASK_CLOSE, /* REPLY bytes, then the server closes */
	ASK_IDLE_CLOSE, /* REPLY bytes; the server closes arg ms later */
	ASK_NOTICE, /* REPLY bytes; PUSH bytes that nobody asked for arg ms later */
	ASK_PUSH, /* PUSH bytes every arg ms from now on */
	ASK_FLOOD, /* as much as the client takes, without end */
	ASK_FORGET, /* REPLY bytes; the server's handler ends at the client's FIN and forgets to close */
};

struct request {
	uint32_t op, arg;
	char text[56];
};

/* ---- clients: blocking sockets, calls that die when the connection is not as it should be ---- */
int client_open(void);
void ask(int fd, enum op op, unsigned int arg);
void take(int fd, size_t bytes);
/* A request and its reply. */
void exchange(int fd);
/* Waits in poll(), as libpq and every client with timeouts does, then reads. */
void take_poll(int fd, size_t bytes);
/* Reads whatever comes until the connection ends, blocked in recv() between. */
void read_on(int fd);

/* For ever: opens a connection, uses it and closes it, less than 10 times a second: new connections beside. */
void open_use_close(void *unused);
/* For ever: uses fd much more often than T. */
void use_on(int fd);

/* ---- servers ---- */
void server_use_port(int port);
int server_port(void);
int server_listen(void);
/* In a process of its own; the listener is open only there. Returns its pid. */
pid_t server_start(const char *name, void (*serve)(int listener));

/* An event loop over all connections: knows all requests but ASK_FORGET. */
void serve_events(int listener);
/* A thread for each connection, blocked in recv: ASK_REPLY and ASK_FORGET. */
void serve_threads(int listener);
/* A process for each connection, blocked in recv; it ends without closing, as PostgreSQL's do. ASK_REPLY, ASK_LATER. */
void serve_processes(int listener);
/* The same, waiting in poll as sshd does. */
void serve_sessions(int listener);

/* Connections of serve_threads that were forgotten, and of serve_events that it still pushes to after their FIN. */
extern struct expect *server_expect;

/* The event loop in parts, for the hot restart. */
struct events;
struct events *events_new(int listener);
/* Serves until `ms` have passed; 0: until the stage ends. */
void events_run(struct events *events, unsigned int ms);
void events_add(struct events *events, int fd);
/* Lists the connections it has; returns how many. */
int events_list(const struct events *events, int *fds, int max);

#endif
