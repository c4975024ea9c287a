// SPDX-License-Identifier: GPL-2.0-only
/*
 * healthy.c - programs that leak nothing, however quiet their connections are: connlife must not accuse them.
 *
 *   healthy KIND [OPTION...]     options and output: leak_stage.c; in a network namespace of its own
 *
 * "no_leak" and "no_suspect" say what must not be found. Each kind is how real programs behave, in the way
 * that looks most like a leak: readers are really blocked in recv or poll, old connections really rest
 * while newer ones come. healthy_pool.c: pools; healthy_wait.c: who waits and who reads;
 * healthy_process.c: processes that start, end, stop and hand over.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "leak_controls.h"

static const struct kind kinds[] = {
	{"lifo-pool", lifo_pool, false},
	{"fifo-pool", fifo_pool, false},
	{"max-lifetime", max_lifetime, false},
	{"two-pools", two_pools, false},
	{"warming-up", warming_up, false},
	{"opener-threads-ended", opener_threads_ended, false},
	{"listen", listen_beside_pool, false},
	{"long-poll", long_poll, false},
	{"slow-query", slow_query, false},
	{"keepalive-clients", keepalive_clients, false},
	{"stale-keepalive", stale_keepalive, true},
	{"server-push", server_push, false},
	{"unsolicited", unsolicited, false},
	{"slow-consumer", slow_consumer, false},
	{"sigstop", sigstop, false},
	{"process-per-connection", process_per_connection, false},
	{"short-clients", short_clients, false},
	{"hot-restart", hot_restart, false},
	{"ssh-like", ssh_like, false},
	{"listener-only", listener_only, false},
	{"all-closed", all_closed, false},
	{0},
};

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && !strcmp(argv[1], "--short-client"))
		return short_client_main(atoi(argv[2]));
	if (argc == 4 && !strcmp(argv[1], "--hot-new"))
		return hot_new_main(atoi(argv[2]), atoi(argv[3]));
	return stage_main(argc, argv, kinds, true);
}
