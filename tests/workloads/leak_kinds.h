/* SPDX-License-Identifier: GPL-2.0-only */
/* leak_kinds.h - the kinds: each builds its situation, waits until it is clearly older than T, and returns. */
#ifndef LEAK_KINDS_H
#define LEAK_KINDS_H

#include "leak_net.h"

/* Everything leaked is quiet for clearly longer than T after this, on a busy machine too. */
static inline void settle(void)
{
	nap_ms(2.0 * older_ms);
}

/*
 * Between a leak and the newer connection: leaks come now and then. What is opened right after a last use
 * proves nothing, it may be the same load that grows.
 */
static inline void nap_between(void)
{
	nap_ms(older_ms / 4.0);
}

/* leaker_pool.c */
void idle(void);
void client_never_closed(void);
void half_pool_keep(void);
void half_pool_churn(void);
void slow_leak(void);
void growing(void);
void churn(void);

/* leaker_peer.c */
void server_never_closed(void);
void close_wait_client(void);
void close_wait_server(void);
void half_close_still_sends(void);
void unread_partly(void);
void unread_not_at_all(void);
void unread_server(void);

/* leaker_process.c */
void ownerless_fork(void);
void ownerless_scm(void);
void ownerless_scm_older(void);
void reaped(void);

#endif
