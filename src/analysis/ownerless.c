// SPDX-License-Identifier: GPL-2.0-only
/*
 * ownerless.c - the process that opened it has ended, another still has it open and does not use it: a descriptor
 * inherited by fork or passed over a unix socket. Not so when only a thread of the opener ended, and not when a holder
 * receives on it (a hot restart that passes its connections on).
 */
#include <stdio.h>
#include "judge.h"

static bool opener_has_ended(const struct connection *k)
{
	if (!k->nholders || !k->opener_checked || k->opener_alive)
		return false;
	for (size_t i = 0; k->c.origin == ORIGIN_TRACED && i < k->nholders; i++)
		if (k->holders[i].who.pid == k->c.opener.pid)
			return false; /* it runs on after an exec, which renews the credentials object */
	return true;
}

static bool a_holder_uses_it(const struct connection *k)
{
	for (size_t i = 0; i < k->nholders; i++)
		if (k->recv_ns && k->holders[i].who.pid == k->c.receiver.pid)
			return true;
	return false;
}

static int judge_ownerless(struct judging *j)
{
	for (size_t i = 0; i < j->ncases; i++) {
		struct kase *c = &j->cases[i];

		if (c->verdict || !c->quiet || !opener_has_ended(c->k) || a_holder_uses_it(c->k))
			continue;
		kase_judge(c, VERDICT_OWNERLESS, SEVERITY_SUSPECT, CONFIDENCE_LIKELY, c->idle_ns, NULL);
	}
	return 0;
}

static void explain(struct finding *f, struct kase *const *cases, size_t n, const struct judging *j)
{
	const struct connection *k = cases[0]->k;

	f->holder = k->holders[0].who;
	if (k->c.flags & CONN_OPENER_SEEN)
		snprintf(f->reason, sizeof(f->reason),
			 "process %u (%s), which opened %s, has ended; process %u (%s) still has %s open, unused for %s",
			 k->c.opener.pid, k->c.opener.comm, n == 1 ? "it" : "them", f->holder.pid, f->holder.comm,
			 n == 1 ? "it" : "them", duration_word(f->oldest_ns).text);
	else
		snprintf(f->reason, sizeof(f->reason),
			 "the process that opened %s has ended; process %u (%s) still has %s open, unused for %s",
			 n == 1 ? "it" : "them", f->holder.pid, f->holder.comm, n == 1 ? "it" : "them",
			 duration_word(f->oldest_ns).text);
	finding_evidence(f, "holder_pid", f->holder.pid);
	finding_evidence(f, "idle_ns", f->oldest_ns);
	(void)j;
}

const struct analysis ownerless_analysis = { VERDICT_OWNERLESS, judge_ownerless, explain };
