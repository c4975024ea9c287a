// SPDX-License-Identifier: GPL-2.0-only
/*
 * growing.c - the number of a site's quiet connections rose in at least three intervals and never fell.
 *
 * A load that fades makes connections quiet too, one after the other: so the site must have opened about as many more
 * as became quiet. A pool that fills has its connections quiet T after it opened them, one after the other: so it must
 * have gone on for three times T. Pools that warm up and users who arrive are in use.
 */
#include <stdio.h>
#include "judge.h"

#define MIN_RISES 3
#define MIN_SPAN 3 /* times T */

/*
 * By how much the process's connections to that peer have become more, whatever thread opened them: turnover moves them
 * from the site of the pre-existing ones, whose opening thread is not known, to that of their successors.
 */
static long opened_more(const struct peer *peer)
{
	long more = 0;

	for (const struct site *site = peer->sites; site; site = site->next)
		more += (long)site->open.last - (long)site->open.first;
	return more;
}

static bool grows(const struct judging *j, const struct site *s)
{
	if (s->quiet.rises < MIN_RISES || s->quiet.fell ||
	    s->quiet.last_rise_ns - s->quiet.rising_since_ns < MIN_SPAN * j->older_ns)
		return false;
	return opened_more(s->peer) * 2 >= (long)(s->quiet.last - s->quiet.first);
}

static int judge_growing(struct judging *j)
{
	for (size_t i = 0; i < j->ncases; i++) {
		struct kase *c = &j->cases[i];

		if (c->verdict || !c->quiet || !grows(j, c->site))
			continue;
		kase_judge(c, VERDICT_GROWING, SEVERITY_SUSPECT, CONFIDENCE_LIKELY, c->idle_ns, NULL);
		c->doubt = loss_doubt(j, c->site->quiet.last - c->site->quiet.first);
	}
	return 0;
}

static void explain(struct finding *f, struct kase *const *cases, size_t n, const struct judging *j)
{
	const struct trend *t = &cases[0]->site->quiet;

	snprintf(f->reason, sizeof(f->reason),
		 "quiet connections rose from %u to %u, in %u of %u intervals, and never fell", t->first, t->last,
		 t->rises, t->looks - 1);
	finding_evidence(f, "quiet_first", t->first);
	finding_evidence(f, "quiet_last", t->last);
	finding_evidence(f, "intervals_risen", t->rises);
	(void)n;
	(void)j;
}

const struct analysis growing_analysis = { VERDICT_GROWING, judge_growing, explain };
