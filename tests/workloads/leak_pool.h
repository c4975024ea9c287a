/* SPDX-License-Identifier: GPL-2.0-only */
/* leak_pool.h - a connection pool as programs have it: borrow, use, give back; opened by whoever needs one more. */
#ifndef LEAK_POOL_H
#define LEAK_POOL_H

#include <pthread.h>
#include <stdbool.h>

enum { POOL_MAX = 64 };

struct pool {
	bool fifo; /* hands out the one that has rested longest; else the one used last */
	int max;
	pthread_mutex_t lock;
	pthread_cond_t freed;
	int open; /* idle and borrowed ones */
	int nidle, idle[POOL_MAX]; /* in the order they were given back */
};

void pool_init(struct pool *pool, int max, bool fifo);
/* Opens a connection in the calling thread when none is idle and there is room; else waits. */
int pool_get(struct pool *pool);
void pool_put(struct pool *pool, int fd);
/* Puts a new connection in, in the calling thread, after one exchange on it (the usual validation). A thread's body too. */
void pool_grow(void *pool);
/* Closes the idle connection that was opened first, if any is idle. */
void pool_retire(struct pool *pool);

/* `count` connections at once, each used once and given back: opens what is missing. Thread "worker". */
void pool_burst(struct pool *pool, int count);
/* `count` threads "worker" that borrow, use and give back from now on. */
void pool_work(struct pool *pool, int count);

#endif
