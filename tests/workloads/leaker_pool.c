// SPDX-License-Identifier: GPL-2.0-only
/*
 * leaker_pool.c - connections that their own program passes over: it opens and uses newer ones instead.
 *
 * Seen from its start, connlife can tell that. Started when all is over, the same connections are `idle`
 * (late_verdict). Where newer ones are still being opened either is right: the thread that opened the old
 * ones is not known any more, and another site's connections prove nothing.
 */
#define _GNU_SOURCE
#include <unistd.h>

#include "leak_kinds.h"
#include "leak_pool.h"

static struct expect *expected;

static struct expect *expect_bypassed(bool newer_ones_go_on)
{
	expected = expect_new("bypassed", "suspect", "likely", "client");
	expected->reader = "none";
	expected->late_verdict = newer_ones_go_on ? "bypassed|idle" : "idle";
	expected->late_severity = newer_ones_go_on ? "suspect|info" : "info";
	return expected;
}

/* Used once, then forgotten. */
static void leak(int fd)
{
	exchange(fd);
	expect_add(expected, fd);
}

static void client_process(void (*body)(void *))
{
	expect_holder(expected, stage_process("orders", body, NULL));
	stage_wait_built(1);
	settle();
}

/* ---- idle: no traffic, so nothing tells a leak from a pool at rest ---- */

static void leak_five(void *unused)
{
	int fds[5];

	(void)unused;
	for (int i = 0; i < 5; i++)
		fds[i] = client_open();
	for (int i = 0; i < 5; i++) /* none is opened after another's use: none is passed over */
		leak(fds[i]);
}

static void idle_client(void *unused)
{
	(void)unused;
	thread_run("worker", leak_five, NULL);
	stage_built();
	stage_rest();
}

void idle(void)
{
	server_start("server", serve_events);
	expected = expect_new("idle", "info", NULL, "client");
	expected->reader = "none";
	client_process(idle_client);
}

/* ---- client-never-closed: after each error the client opens a new one and forgets the old ---- */

static void reconnecting_client(void *unused)
{
	int fd;

	(void)unused;
	for (int i = 0; i < 4; i++) {
		fd = client_open();
		for (int use = 0; use < 3; use++)
			exchange(fd);
		expect_add(expected, fd); /* "an error": the next round does not close it */
		nap_between();
	}
	fd = client_open();
	exchange(fd);
	stage_built();
	use_on(fd);
}

void client_never_closed(void)
{
	server_start("server", serve_events);
	expect_bypassed(false);
	client_process(reconnecting_client);
}

/* ---- half-pool-keep ---- */

static struct pool pool;

static void borrow_five(void *unused)
{
	(void)unused;
	for (int i = 0; i < 5; i++) {
		int fd = pool_get(&pool);

		exchange(fd);
		expect_add(expected, fd); /* returned on the good path only */
	}
}

static void pool_client(void *unused)
{
	(void)unused;
	pool_init(&pool, 15, true);
	pool_burst(&pool, 10);
	thread_run("worker", borrow_five, NULL);
	nap_between();
	/* The load needs ten: the pool opens five newer ones. */
	pool_burst(&pool, 10);
	pool_work(&pool, 3);
	stage_built();
	stage_rest();
}

void half_pool_keep(void)
{
	server_start("server", serve_events);
	expect_bypassed(false);
	client_process(pool_client);
}

/* ---- half-pool-churn: the rest of the pool lives T/2 each ---- */

static void short_lived(void *unused)
{
	(void)unused;
	for (;;) {
		int fd = client_open();

		for (int i = 0; i < 25; i++) {
			exchange(fd);
			nap_ms(older_ms / 50.0);
		}
		close(fd);
	}
}

static void churning_pool_client(void *unused)
{
	(void)unused;
	thread_run("worker", leak_five, NULL);
	for (int i = 0; i < 3; i++)
		thread_start("worker", short_lived, NULL);
	stage_built();
	stage_rest();
}

void half_pool_churn(void)
{
	server_start("server", serve_events);
	expect_bypassed(true);
	client_process(churning_pool_client);
}

/* ---- slow-leak: one in a hundred; after five of them none, so that their number is exact ---- */

static void one_in_a_hundred(void *unused)
{
	(void)unused;
	for (int i = 1;; i++) {
		int fd = client_open();

		exchange(fd);
		if (i % 100 || i > 500)
			close(fd);
		else
			expect_add(expected, fd);
		if (i == 500)
			stage_built();
		nap_ms(5);
	}
}

static void slow_leak_client(void *unused)
{
	(void)unused;
	thread_start("worker", one_in_a_hundred, NULL);
	stage_rest();
}

void slow_leak(void)
{
	server_start("server", serve_events);
	expect_bypassed(true);
	client_process(slow_leak_client);
}

/* ---- growing: one more each half T and none is ever used, or they would be passed over ---- */

static void open_more(void *unused)
{
	(void)unused;
	stage_built();
	for (;;) {
		client_open();
		nap_ms(older_ms / 2.0);
	}
}

static void growing_client(void *unused)
{
	(void)unused;
	expected->pid = getpid();
	expect_holder(expected, getpid());
	thread_start("watcher", open_more, NULL);
	stage_rest();
}

void growing(void)
{
	/* A blocked reader at the other end of each: the server's side is not quiet. */
	server_start("server", serve_threads);
	expected = expect_new("growing", "suspect", "likely", "client");
	expected->at_least = true;
	expected->count = 3;
	stage_process("orders", growing_client, NULL);
	stage_wait_built(1);
	settle();
}

/* ---- churn: a connection for each request ---- */

static void request_by_request(void *unused)
{
	(void)unused;
	stage_built();
	for (;;) {
		int fd = client_open();

		exchange(fd);
		close(fd);
		nap_ms(10);
	}
}

static void churn_client(void *unused)
{
	(void)unused;
	expected->pid = getpid();
	thread_start("worker", request_by_request, NULL);
	stage_rest();
}

void churn(void)
{
	server_start("server", serve_events);
	expected = expect_new("churn", "info", "likely", "client");
	expected->at_least = expected->gone = true;
	expected->count = 10;
	stage_process("orders", churn_client, NULL);
	stage_wait_built(1);
	settle();
}
