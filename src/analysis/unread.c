// SPDX-License-Identifier: GPL-2.0-only
/*
 * unread.c - data has waited in the receive queue for T or more and nobody read between two looks.
 *
 * At a client an answer that nobody wants any more (rows left unread, a body not drained) is a leak. What the client
 * did not ask for (a notice, a parameter change) is not: it came after the client had read all there was and had been
 * silent. At a server it is a request that waits: hung or overloaded.
 */
#include <stdio.h>
#include "judge.h"

#define SECOND 1000000000ULL
#define ANSWER_BYTES 8192 /* more than any notice: the rest of an answer that still came in after the last read */

#define REQUEST "a request waits: the server is hung or overloaded"
#define UNSOLICITED "the client had been silent before it came: nobody asked for it"
#define STOPPED "its process is stopped"
#define PARTLY "the answer was read in part"
#define NOT_AT_ALL "the answer to its own request was not read at all"

/* Since when have bytes been waiting, at the latest? 0 = not known for two looks. */
static __u64 waiting_since(const struct connection *k)
{
	__u64 since = k->unread_since_ns;

	if (!k->sock.unread || !k->looked_before || !k->prev_unread || k->prev_copied_seq != k->sock.copied_seq)
		return 0;
	if (k->arrived_ns && k->arrived_ns < since)
		since = k->arrived_ns; /* nothing came later: all of it has waited since then */
	return k->recv_ns > since ? k->recv_ns : since;
}

const char *unread_answer(const struct connection *k)
{
	if (k->c.flags & CONN_RECV_LEFT)
		return PARTLY; /* the last read left data behind */
	if (!k->sock.tx_bytes || !k->sent_ns || k->arrived_ns < k->sent_ns)
		return NULL;
	if (k->recv_ns) {
		if (k->sent_ns > k->recv_ns)
			return NOT_AT_ALL; /* asked again after the last read */
		if (k->arrived_ns - k->recv_ns <= SECOND && k->sock.unread >= ANSWER_BYTES)
			return PARTLY;
		return NULL;
	}
	/* no receive was traced: none happened, or all before the start */
	if (k->sock.rx_bytes == k->sock.unread)
		return NOT_AT_ALL;
	return k->arrived_ns - k->sent_ns <= SECOND / 5 ? PARTLY : NULL;
}

static bool any_stopped(const struct connection *k)
{
	for (size_t i = 0; i < k->nholders; i++)
		if (k->holders[i].stopped)
			return true;
	return false;
}

static int judge_unread(struct judging *j)
{
	for (size_t i = 0; i < j->ncases; i++) {
		struct kase *c = &j->cases[i];
		const struct connection *k = c->k;
		__u64 since = waiting_since(k), waited = judge_ago(j, since);
		const char *which;

		/* a thread in recv with data before it waits for more (MSG_WAITALL, SO_RCVLOWAT) */
		if (c->verdict || !since || waited < j->older_ns || k->reader == READER_RECV)
			continue;
		which = k->c.role == ROLE_SERVER ? REQUEST : unread_answer(k);
		if (any_stopped(k))
			kase_judge(c, VERDICT_UNREAD, SEVERITY_INFO, CONFIDENCE_LIKELY, waited, STOPPED);
		else if (!which)
			kase_judge(c, VERDICT_UNREAD, SEVERITY_INFO, CONFIDENCE_LIKELY, waited, UNSOLICITED);
		else
			kase_judge(c, VERDICT_UNREAD, k->c.role == ROLE_SERVER ? SEVERITY_SUSPECT : SEVERITY_LEAK,
				   CONFIDENCE_LIKELY, waited, which);
	}
	return 0;
}

static void explain(struct finding *f, struct kase *const *cases, size_t n, const struct judging *j)
{
	__u64 bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += cases[i]->k->sock.unread;
	snprintf(f->reason, sizeof(f->reason), "%llu bytes have waited unread for %s%s: %s", (unsigned long long)bytes,
		 n > 1 ? "up to " : "", duration_word(f->oldest_ns).text, cases[0]->variant);
	finding_evidence(f, "unread_bytes", bytes);
	finding_evidence(f, "unread_ns", f->oldest_ns);
	(void)j;
}

const struct analysis unread_analysis = { VERDICT_UNREAD, judge_unread, explain };
