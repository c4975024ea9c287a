// SPDX-License-Identifier: GPL-2.0-only
/*
 * close_wait.c - the peer closed T ago or more, the application has not.
 *
 * Certain, save for a client whose pool does not validate: it keeps what its server closed until the next use. That
 * pool's count stands still and it opens nothing newer to that peer; a leak goes on.
 */
#include <stdio.h>
#include "judge.h"

#define HALF_CLOSE "the application still sends on it"
#define STOPPED "its process is stopped"
#define STEADY "their number is steady and nothing newer was opened to that peer"

/*
 * When the peer closed, at the latest. For a pre-existing connection the state is all that was met, but the FIN came
 * no later than the last segment heard from the peer.
 */
static __u64 peer_closed_ns(const struct connection *k)
{
	if (k->c.origin == ORIGIN_SNAPSHOT && k->heard_ns && k->heard_ns < k->c.peer_closed_ns)
		return k->heard_ns;
	return k->c.peer_closed_ns ? k->c.peer_closed_ns : k->heard_ns;
}

static bool all_stopped(const struct connection *k)
{
	for (size_t i = 0; i < k->nholders; i++)
		if (!k->holders[i].stopped)
			return false;
	return k->nholders;
}

static int judge_close_wait(struct judging *j)
{
	for (size_t i = 0; i < j->ncases; i++) {
		struct kase *c = &j->cases[i];
		const struct connection *k = c->k;
		__u64 closed = peer_closed_ns(k), ago = judge_ago(j, closed);

		if (!connection_is_close_wait(k) || !closed || ago < j->older_ns)
			continue;
		if (k->sent_ns && judge_ago(j, k->sent_ns) < j->older_ns)
			kase_judge(c, VERDICT_CLOSE_WAIT, SEVERITY_INFO, CONFIDENCE_CERTAIN, ago, HALF_CLOSE);
		else if (all_stopped(k))
			kase_judge(c, VERDICT_CLOSE_WAIT, SEVERITY_INFO, CONFIDENCE_CERTAIN, ago, STOPPED);
		else if (k->c.role != ROLE_SERVER && c->site->close_wait.rises < 2 && peer_newest_ns(c->site->peer) <= closed)
			kase_judge(c, VERDICT_CLOSE_WAIT, SEVERITY_SUSPECT, CONFIDENCE_LIKELY, ago, STEADY);
		else
			kase_judge(c, VERDICT_CLOSE_WAIT, SEVERITY_LEAK, CONFIDENCE_CERTAIN, ago, NULL);
	}
	return 0;
}

static void explain(struct finding *f, struct kase *const *cases, size_t n, const struct judging *j)
{
	size_t eof = 0;
	int at;

	for (size_t i = 0; i < n; i++)
		eof += !!(cases[i]->k->c.flags & CONN_RECV_EOF);
	at = snprintf(f->reason, sizeof(f->reason), "the peer closed %s%s ago, the application has not",
		      n > 1 ? "up to " : "", duration_word(f->oldest_ns).text);
	if (cases[0]->variant)
		snprintf(f->reason + at, sizeof(f->reason) - at, ": %s", cases[0]->variant);
	else if (eof)
		snprintf(f->reason + at, sizeof(f->reason) - at, ", though it read the end of %zu of %zu", eof, n);
	finding_evidence(f, "peer_closed_ns", f->oldest_ns);
	finding_evidence(f, "read_end_of_stream", eof);
	finding_evidence(f, "site_close_wait", cases[0]->site->now_close_wait);
	finding_evidence(f, "intervals_risen", cases[0]->site->close_wait.rises);
	(void)j;
}

const struct analysis close_wait_analysis = { VERDICT_CLOSE_WAIT, judge_close_wait, explain };
