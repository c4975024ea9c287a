// SPDX-License-Identifier: GPL-2.0-only
/*
 * leaker.c - programs that leak TCP connections, each in one named way, and say what connlife must find.
 *
 *   leaker KIND [OPTION...]      options and output: leak_stage.c; in a network namespace of its own
 *
 * "expect" lists the findings, exactly; no other finding may be a leak or a suspect ("no_others"): the
 * servers, the pools' other connections and the other ends are as innocent as they look.
 * leaker_peer.c: the peer closed, or its data is not read; leaker_pool.c: passed over; leaker_process.c:
 * processes that ended.
 */
#include "leak_kinds.h"

static const struct kind kinds[] = {
	{"idle", idle, false},
	{"client-never-closed", client_never_closed, false},
	{"half-pool-keep", half_pool_keep, false},
	{"half-pool-churn", half_pool_churn, false},
	{"slow-leak", slow_leak, false},
	{"growing", growing, false},
	{"churn", churn, false},
	{"server-never-closed", server_never_closed, false},
	{"close-wait-client", close_wait_client, false},
	{"close-wait-server", close_wait_server, false},
	{"half-close-still-sends", half_close_still_sends, false},
	{"unread-partly", unread_partly, false},
	{"unread-not-at-all", unread_not_at_all, false},
	{"unread-server", unread_server, false},
	{"ownerless-fork", ownerless_fork, false},
	{"ownerless-scm", ownerless_scm, false},
	{"ownerless-scm-older", ownerless_scm_older, false},
	{"reaped", reaped, false},
	{0},
};

int main(int argc, char **argv)
{
	return stage_main(argc, argv, kinds, false);
}
