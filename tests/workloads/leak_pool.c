// SPDX-License-Identifier: GPL-2.0-only
/* leak_pool.c - a connection pool as programs have it. */
#define _GNU_SOURCE
#include "leak_pool.h"

#include <string.h>
#include <unistd.h>

#include "leak_net.h"

void pool_init(struct pool *pool, int max, bool fifo)
{
	*pool = (struct pool){.fifo = fifo, .max = max};
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->freed, NULL);
}

static int take_idle(struct pool *pool, int index)
{
	int fd = pool->idle[index];

	pool->nidle--;
	memmove(&pool->idle[index], &pool->idle[index + 1],
		(pool->nidle - index) * sizeof(pool->idle[0]));
	return fd;
}

int pool_get(struct pool *pool)
{
	int fd = -1;

	pthread_mutex_lock(&pool->lock);
	while (!pool->nidle && pool->open == pool->max)
		pthread_cond_wait(&pool->freed, &pool->lock);
	if (pool->nidle)
		fd = take_idle(pool, pool->fifo ? 0 : pool->nidle - 1);
	else
		pool->open++;
	pthread_mutex_unlock(&pool->lock);
	return fd < 0 ? client_open() : fd;
}

void pool_put(struct pool *pool, int fd)
{
	pthread_mutex_lock(&pool->lock);
	pool->idle[pool->nidle++] = fd;
	pthread_cond_signal(&pool->freed);
	pthread_mutex_unlock(&pool->lock);
}

void pool_grow(void *arg)
{
	struct pool *pool = arg;
	int fd = client_open();

	exchange(fd);
	pthread_mutex_lock(&pool->lock);
	pool->open++;
	pthread_mutex_unlock(&pool->lock);
	pool_put(pool, fd);
}

/* The one given back first is the one opened first, when the newest is always on top (LIFO). */
void pool_retire(struct pool *pool)
{
	int fd = -1;

	pthread_mutex_lock(&pool->lock);
	if (pool->nidle) {
		fd = take_idle(pool, 0);
		pool->open--;
	}
	pthread_mutex_unlock(&pool->lock);
	if (fd >= 0)
		close(fd);
}

struct burst {
	struct pool *pool;
	int count;
};

static void burst(void *arg)
{
	struct burst *job = arg;
	int fds[POOL_MAX];

	for (int i = 0; i < job->count; i++)
		fds[i] = pool_get(job->pool);
	for (int i = 0; i < job->count; i++) {
		exchange(fds[i]);
		pool_put(job->pool, fds[i]);
	}
}

void pool_burst(struct pool *pool, int count)
{
	struct burst job = {pool, count};

	thread_run("worker", burst, &job);
}

static void work(void *arg)
{
	struct pool *pool = arg;

	for (;;) {
		int fd = pool_get(pool);

		exchange(fd);
		pool_put(pool, fd);
		nap_pace();
	}
}

void pool_work(struct pool *pool, int count)
{
	for (int i = 0; i < count; i++)
		thread_start("worker", work, pool);
}
