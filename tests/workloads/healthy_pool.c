// SPDX-License-Identifier: GPL-2.0-only
/* healthy_pool.c - pools in which every connection is where it belongs. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <unistd.h>

#include "leak_controls.h"
#include "leak_pool.h"

static struct pool pool, other_pool;

static void complete(void)
{
	stage_built();
	stage_rest();
}

/* ---- lifo-pool: ten were needed once, two are now: eight rest at the bottom and nothing newer is opened ---- */

static void lifo_client(void *unused)
{
	(void)unused;
	pool_init(&pool, 10, false);
	pool_burst(&pool, 10);
	pool_work(&pool, 2);
	complete();
}

void lifo_pool(void)
{
	server_start("server", serve_events);
	client_process("orders", lifo_client);
}

static void fifo_client(void *unused)
{
	(void)unused;
	pool_init(&pool, 10, true);
	pool_burst(&pool, 10);
	pool_work(&pool, 2);
	complete();
}

void fifo_pool(void)
{
	server_start("server", serve_events);
	client_process("orders", fifo_client);
}

/*
 * ---- max-lifetime: eight at least, each replaced after 4 T. The worker takes the one on top, which is the
 * latest replacement; so the others rest for up to 3.5 T while newer ones are opened and used.
 */

enum { MIN_IDLE = 8 };

static void replace(void *unused)
{
	(void)unused;
	for (;;) {
		nap_ms(older_ms / 2.0 * (1 - rand() % 100 / 4000.0)); /* pools jitter a little */
		pool_retire(&pool);
		pool_grow(&pool);
	}
}

static void max_lifetime_client(void *unused)
{
	(void)unused;
	pool_init(&pool, MIN_IDLE + 1, false);
	/*
	 * Opened as load came, not all at once: so their lifetimes end one by one as well. The load uses what there
	 * is: a pool that opens a connection beside unused ones is not healthy, and says so (bypassed).
	 */
	for (int i = 0; i < MIN_IDLE; i++) {
		thread_run("pool-keeper", pool_grow, &pool);
		pool_burst(&pool, i + 1);
		nap_ms(older_ms / 2.0);
	}
	pool_work(&pool, 1);
	thread_start("pool-keeper", replace, NULL);
	complete();
}

void max_lifetime(void)
{
	server_start("server", serve_events);
	client_process("orders", max_lifetime_client);
	settle();
}

/*
 * ---- two-pools: one peer, one process. Each pool's threads have its name, as HikariCP's do: without stacks
 * nothing else tells the two sites apart. The older one has four at rest when the other opens its own.
 */

static void fill_five(void *arg)
{
	int fds[5];

	for (int i = 0; i < 5; i++)
		fds[i] = pool_get(arg);
	for (int i = 0; i < 5; i++) { /* once it is full: on a slow machine the first would else seem passed over */
		exchange(fds[i]);
		pool_put(arg, fds[i]);
	}
}

static void two_pools_client(void *unused)
{
	(void)unused;
	pool_init(&pool, 5, false);
	pool_init(&other_pool, 5, false);
	thread_run("orders-pool", fill_five, &pool);
	pool_work(&pool, 1);
	nap_ms(older_ms / 2.0);
	thread_run("reports-pool", fill_five, &other_pool);
	pool_work(&other_pool, 1);
	complete();
}

void two_pools(void)
{
	server_start("server", serve_events);
	client_process("orders", two_pools_client);
}

/* ---- warming-up: one more every T/4 up to 40, all in use in turn ---- */

static void warm_up(void *unused)
{
	(void)unused;
	for (int i = 0; i < 40; i++) {
		pool_grow(&pool);
		nap_ms(older_ms / 4.0);
	}
}

static void warming_client(void *unused)
{
	(void)unused;
	pool_init(&pool, 40, true);
	pool_burst(&pool, 4);
	pool.max = 44; /* only the thread below opens more */
	pool_work(&pool, 4);
	thread_start("worker", warm_up, NULL);
	complete();
}

void warming_up(void)
{
	server_start("server", serve_events);
	client_process("orders", warming_client);
}

/* ---- opener-threads-ended: HikariCP and puddle open each connection on a thread or goroutine of its own ---- */

static void adder_client(void *unused)
{
	(void)unused;
	pool_init(&pool, 8, false);
	for (int i = 0; i < 8; i++)
		thread_run("conn-adder", pool_grow, &pool);
	pool_burst(&pool, 8); /* a slow machine takes longer than T/10 to fill it: that is another matter (warming-up) */
	pool_work(&pool, 2);
	complete();
}

void opener_threads_ended(void)
{
	server_start("server", serve_events);
	client_process("orders", adder_client);
}
