// SPDX-License-Identifier: GPL-2.0-only
/* leak_net.c - the clients' side, listeners, and passing descriptors. */
#define _GNU_SOURCE
#include "leak_net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in address = {.sin_family = AF_INET};

void server_use_port(int port)
{
	address.sin_port = htons(port);
}

int server_port(void)
{
	return ntohs(address.sin_port);
}

int server_listen(void)
{
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) || listen(fd, 128))
		die("listen");
	getsockname(fd, (struct sockaddr *)&address, &len);
	return fd;
}

struct server_job {
	void (*serve)(int listener);
	int listener;
};

static void server_main(void *arg)
{
	struct server_job *job = arg;

	job->serve(job->listener);
}

pid_t server_start(const char *name, void (*serve)(int listener))
{
	struct server_job job = {serve, server_listen()};
	pid_t pid = stage_process(name, server_main, &job);

	close(job.listener);
	return pid;
}

int client_open(void)
{
	struct sockaddr_in to = address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		die("connect");
	return fd;
}

void ask(int fd, enum op op, unsigned int arg)
{
	struct request request = {.op = op, .arg = arg};

	if (send(fd, &request, sizeof(request), MSG_NOSIGNAL) != sizeof(request))
		die("send");
}

void take(int fd, size_t bytes)
{
	char data[4096];

	while (bytes) {
		ssize_t got = recv(fd, data, bytes < sizeof(data) ? bytes : sizeof(data), 0);

		if (got <= 0)
			die("recv");
		bytes -= got;
	}
}

void exchange(int fd)
{
	ask(fd, ASK_REPLY, 0);
	take(fd, REPLY);
}

void take_poll(int fd, size_t bytes)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};

	while (poll(&wait, 1, -1) < 0)
		if (errno != EINTR)
			die("poll");
	take(fd, bytes);
}

void read_on(int fd)
{
	char data[4096];

	while (recv(fd, data, sizeof(data), 0) > 0)
		;
}

void open_use_close(void *unused)
{
	(void)unused;
	for (;;) {
		int fd = client_open();

		exchange(fd);
		close(fd);
		nap_ms(older_ms < 1000 ? 200 : older_ms / 5);
	}
}

void use_on(int fd)
{
	for (;;) {
		exchange(fd);
		nap_pace();
	}
}
