// SPDX-License-Identifier: GPL-2.0-only
/* conn_closing.c - scenarios about how connections end inside one process. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "conn.h"
#include "conn_net.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* The server lets go first; the client only after it has read the FIN. */
static void peer_closed_first(const char *name)
{
	struct pair pair = {0};

	pair_open(&pair, "127.0.0.1");
	close_end(&pair.server);
	close_after_peer(&pair.client);
	pair_print(name, &pair);
}

static void open_in_thread(void *pair)
{
	pair_open(pair, "127.0.0.1");
}

static void close_in_thread(void *end)
{
	close_end(end);
}

/* The thread that opened it has ended before another one closes it. */
static void closed_by_thread(const char *name)
{
	struct pair pair = {0};

	in_thread("conn-opener", open_in_thread, &pair);
	in_thread("conn-closer", close_in_thread, &pair.client);
	close_after_peer(&pair.server);
	pair_print(name, &pair);
}

static void close_range_call(const char *name)
{
	struct pair pair = {0};
	unsigned int fd;

	pair_open(&pair, "127.0.0.1");
	fd = pair.client.fd;
	end_closing(&pair.client);
	if (syscall(SYS_close_range, fd, fd, 0)) {
		truth_skip(name, "no close_range in this kernel");
		close_end(&pair.client);
	} else {
		end_closed(&pair.client, "app");
	}
	close_after_peer(&pair.server);
	pair_print(name, &pair);
}

static void dup2_over(const char *name)
{
	struct pair pair = {0};
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0)
		die("/dev/null");
	pair_open(&pair, "127.0.0.1");
	end_closing(&pair.client);
	if (dup2(null, pair.client.fd) < 0)
		die("dup2");
	end_closed(&pair.client, "app");
	close(pair.client.fd);
	close(null);
	close_after_peer(&pair.server);
	pair_print(name, &pair);
}

/* shutdown is no close: the thread that closes later is the closer. */
static void shutdown_close(const char *name)
{
	struct pair pair = {0};

	pair_open(&pair, "127.0.0.1");
	shutdown(pair.client.fd, SHUT_RDWR);
	wait_eof(&pair.server);
	in_thread("conn-closer", close_in_thread, &pair.client);
	close_after_peer(&pair.server);
	pair_print(name, &pair);
}

/* Both shut down: the kernel's state is CLOSE on both sides long before the application lets go. */
static void shutdown_both(const char *name)
{
	struct pair pair = {0};

	pair_open(&pair, "127.0.0.1");
	shutdown(pair.client.fd, SHUT_WR);
	wait_eof(&pair.server);
	shutdown(pair.server.fd, SHUT_WR);
	wait_eof(&pair.client);
	in_thread("conn-closer", close_in_thread, &pair.server);
	in_thread("conn-closer", close_in_thread, &pair.client);
	pair.server.peer_closed = true;
	pair_print(name, &pair);
}

/* The client says all it has to say, the server still answers and closes first. */
static void half_close(const char *name)
{
	struct pair pair = {0};

	pair_open(&pair, "127.0.0.1");
	shutdown(pair.client.fd, SHUT_WR);
	wait_eof(&pair.server);
	send_bytes(&pair.server, 50);
	close_end(&pair.server);
	pair.server.peer_closed = true;
	read_bytes(&pair.client, 50);
	wait_eof(&pair.client);
	close_end(&pair.client); /* its own FIN was first: not peer_closed */
	pair_print(name, &pair);
}

/* SO_LINGER 0: the closer sends RST, the other side is reset at once. */
static void reset_by(struct end *closer, struct end *victim)
{
	close_with_reset(closer);
	wait_killed(victim, "reset", closer->closed.from);
}

static void reset_by_client(const char *name)
{
	struct pair pair = {0};

	pair_open(&pair, "127.0.0.1");
	reset_by(&pair.client, &pair.server);
	pair_print(name, &pair);
}

static void reset_by_server(const char *name)
{
	struct pair pair = {0};

	pair_open(&pair, "127.0.0.1");
	reset_by(&pair.server, &pair.client);
	pair_print(name, &pair);
}

/* close() with unread data in the queue sends RST instead of FIN. */
static void unread_data(const char *name)
{
	struct pair pair = {0};
	char data;

	pair_open(&pair, "127.0.0.1");
	send_bytes(&pair.client, 50);
	if (recv(pair.server.fd, &data, 1, MSG_PEEK) != 1)
		die("recv");
	pair.server.rx += 50;
	close_end(&pair.server);
	wait_killed(&pair.client, "reset", pair.server.closed.from);
	pair_print(name, &pair);
}

/* The peer stops answering: TCP_USER_TIMEOUT after the last data ends the connection. */
static void timeout(const char *name)
{
	enum { TIMEOUT_MS = 300, TICK_MS = 10 };
	struct pair pair = {0};
	uint64_t from;

	pair_open(&pair, "127.0.0.1");
	set_user_timeout(pair.client.fd, TIMEOUT_MS);
	go_deaf(pair.server.fd);
	from = now_ns();
	send_bytes(&pair.client, 50);
	wait_killed(&pair.client, "timeout", from + (TIMEOUT_MS - TICK_MS) * 1000000ull);
	pair.client.bytes_unknown = true;
	go_hearing(pair.server.fd); /* else its FIN would be repeated for minutes */
	close_end(&pair.server);
	pair_print(name, &pair);
}

/* What `ss -K` does: SOCK_DESTROY by cookie. Returns 0 or the errno. */
static int sock_destroy(const struct end *end)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 what;
	} request = {
		.head = {
			.nlmsg_len = sizeof(request),
			.nlmsg_type = SOCK_DESTROY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		},
		.what = {
			.sdiag_family = AF_INET,
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_states = -1,
			.id = {
				.idiag_sport = htons(end->lport),
				.idiag_dport = htons(end->rport),
				.idiag_cookie = {end->cookie, end->cookie >> 32},
			},
		},
	};
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char rest[256];
	} answer = {0};
	int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (netlink < 0)
		return errno;
	request.what.id.idiag_src[0] = htonl(INADDR_LOOPBACK);
	request.what.id.idiag_dst[0] = htonl(INADDR_LOOPBACK);
	if (send(netlink, &request, sizeof(request), 0) < 0 ||
	    recv(netlink, &answer, sizeof(answer), 0) < 0)
		die("sock_diag");
	close(netlink);
	return -answer.error.error;
}

static void abort_from_outside(const char *name)
{
	struct pair pair = {0};
	uint64_t from;
	int error;

	pair_open(&pair, "127.0.0.1");
	from = now_ns();
	error = sock_destroy(&pair.client);
	if (error) {
		char reason[96];

		/* No module tcp_diag, no CONFIG_INET_DIAG_DESTROY. */
		snprintf(reason, sizeof(reason), "SOCK_DESTROY: %s", strerror(error));
		truth_skip(name, reason);
		close_end(&pair.client);
		close_after_peer(&pair.server);
	} else {
		wait_killed(&pair.client, "abort", from);
		wait_killed(&pair.server, "reset", from);
	}
	pair_print(name, &pair);
}

/* connect(AF_UNSPEC): the application gives the connection up and keeps the socket. */
static void disconnect(const char *name)
{
	struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
	struct pair pair = {0};

	pair_open(&pair, "127.0.0.1");
	end_closing(&pair.client);
	if (connect(pair.client.fd, &nowhere, sizeof(nowhere)))
		die("connect(AF_UNSPEC)");
	wait_killed(&pair.server, "reset", pair.client.closed.from);
	close(pair.client.fd);
	/* Whether it ended now or at the disconnect, and how, is a matter of taste. */
	pair.client.closed.to = now_ns();
	pair_print(name, &pair);
}

const struct scenario closing_scenarios[] = {
	{"peer-closed-first", peer_closed_first},
	{"closed-by-thread", closed_by_thread},
	{"close-range", close_range_call},
	{"dup2", dup2_over},
	{"shutdown-close", shutdown_close},
	{"shutdown-both", shutdown_both},
	{"half-close", half_close},
	{"reset-by-client", reset_by_client},
	{"reset-by-server", reset_by_server},
	{"unread-data", unread_data},
	{"timeout", timeout},
	{"abort", abort_from_outside},
	{"disconnect", disconnect},
	{0},
};
