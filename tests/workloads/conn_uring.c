// SPDX-License-Identifier: GPL-2.0-only
/* conn_uring.c - accept and close without their system calls: io_uring, by hand. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "conn.h"
#include "conn_net.h"

/* One request at a time: entry 0 of each ring is all that is ever in use. */
struct uring {
	int fd;
	struct io_uring_params params;
	char *sq, *cq;
	struct io_uring_sqe *sqes;
};

static void *map_ring(const struct uring *ring, size_t size, off_t offset)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd,
			offset);

	if (at == MAP_FAILED)
		die("io_uring mmap");
	return at;
}

static size_t sq_size(const struct io_uring_params *p)
{
	return p->sq_off.array + p->sq_entries * sizeof(unsigned int);
}

static size_t cq_size(const struct io_uring_params *p)
{
	return p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
}

static bool uring_open(struct uring *ring)
{
	memset(ring, 0, sizeof(*ring));
	ring->fd = syscall(SYS_io_uring_setup, 1, &ring->params);
	if (ring->fd < 0)
		return false;
	ring->sq = map_ring(ring, sq_size(&ring->params), IORING_OFF_SQ_RING);
	ring->cq = map_ring(ring, cq_size(&ring->params), IORING_OFF_CQ_RING);
	ring->sqes = map_ring(ring, ring->params.sq_entries * sizeof(*ring->sqes), IORING_OFF_SQES);
	return true;
}

static void uring_close(struct uring *ring)
{
	munmap(ring->sq, sq_size(&ring->params));
	munmap(ring->cq, cq_size(&ring->params));
	munmap(ring->sqes, ring->params.sq_entries * sizeof(*ring->sqes));
	close(ring->fd);
}

/* Submits one request and waits for its result. */
static int uring_call(struct uring *ring, int opcode, int fd)
{
	unsigned int *sq_tail = (void *)(ring->sq + ring->params.sq_off.tail);
	unsigned int *sq_array = (void *)(ring->sq + ring->params.sq_off.array);
	unsigned int *cq_head = (void *)(ring->cq + ring->params.cq_off.head);
	struct io_uring_cqe *cqes = (void *)(ring->cq + ring->params.cq_off.cqes);
	unsigned int cq_mask = ring->params.cq_entries - 1;
	int result;

	ring->sqes[0] = (struct io_uring_sqe){.opcode = opcode, .fd = fd};
	sq_array[0] = 0;
	__atomic_store_n(sq_tail, *sq_tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		die("io_uring_enter");
	result = cqes[*cq_head & cq_mask].res;
	__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
	return result;
}

static bool usable(const char *name, struct uring *ring)
{
	if (uring_open(ring))
		return true;
	fprintf(stderr, "conn: io_uring_setup: %s\n", strerror(errno));
	truth_skip(name, "io_uring_setup is refused");
	return false;
}

static void uring_accept(const char *name)
{
	struct listener listener;
	struct pair pair = {0};
	struct uring ring;
	uint64_t from;
	int fd;

	if (!usable(name, &ring))
		return;
	listener_open(&listener, "127.0.0.1", 8);
	client_connect(&pair.client, &listener);
	from = now_ns();
	fd = uring_call(&ring, IORING_OP_ACCEPT, listener.fd);
	if (fd < 0) {
		errno = -fd;
		die("IORING_OP_ACCEPT");
	}
	end_opened(&pair.server, fd, "server", from);
	pair.server.io_uring = true;
	listener_close(&listener);
	pair_talk(&pair);
	close_end(&pair.client);
	close_after_peer(&pair.server);
	pair_print(name, &pair);
	uring_close(&ring);
}

static void uring_close_call(const char *name)
{
	struct pair pair = {0};
	struct uring ring;

	if (!usable(name, &ring))
		return;
	pair_open(&pair, "127.0.0.1");
	end_closing(&pair.client);
	errno = -uring_call(&ring, IORING_OP_CLOSE, pair.client.fd);
	if (errno)
		die("IORING_OP_CLOSE");
	end_closed(&pair.client, "app");
	pair.client.io_uring = true;
	close_after_peer(&pair.server);
	pair_print(name, &pair);
	uring_close(&ring);
}

const struct scenario uring_scenarios[] = {
	{"io-uring-accept", uring_accept},
	{"io-uring-close", uring_close_call},
	{0},
};
