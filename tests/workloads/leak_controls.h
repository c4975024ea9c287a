/* SPDX-License-Identifier: GPL-2.0-only */
/* leak_controls.h - the kinds of `healthy`: each builds its situation and returns when it could be judged. */
#ifndef LEAK_CONTROLS_H
#define LEAK_CONTROLS_H

#include "leak_net.h"

/* What is quiet is clearly older than T after this. */
static inline void settle(void)
{
	nap_ms(2.0 * older_ms);
}

/* Starts the one client process of most kinds; it says when it is complete. */
static inline void client_process(const char *name, void (*body)(void *))
{
	stage_process(name, body, NULL);
	stage_wait_built(1);
	settle();
}

/* healthy_pool.c */
void lifo_pool(void);
void fifo_pool(void);
void max_lifetime(void);
void two_pools(void);
void warming_up(void);
void opener_threads_ended(void);

/* healthy_wait.c */
void listen_beside_pool(void);
void long_poll(void);
void slow_query(void);
void keepalive_clients(void);
void stale_keepalive(void);
void server_push(void);
void unsolicited(void);
void slow_consumer(void);

/* healthy_process.c */
void sigstop(void);
void process_per_connection(void);
void short_clients(void);
void hot_restart(void);
void ssh_like(void);
void listener_only(void);
void all_closed(void);

/* What main() does when started by the above: one short-lived client, and the new server. */
int short_client_main(int port);
int hot_new_main(int channel, int lifeline);

#endif
