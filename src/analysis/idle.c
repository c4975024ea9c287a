// SPDX-License-Identifier: GPL-2.0-only
/* idle.c - open, unused for T or more, and nothing graver fits: normal in a pool. */
#include <stdio.h>
#include "judge.h"

static const char waits[] = "a reader waits on it", polled[] = "an event loop polls it";

static int judge_idle(struct judging *j)
{
	for (size_t i = 0; i < j->ncases; i++) {
		struct kase *c = &j->cases[i];
		const char *variant = NULL;

		if (c->verdict || c->idle_ns < j->older_ns)
			continue;
		if (c->reads == READS_SOMEBODY)
			variant = waits;
		else if (c->k->reader == READER_EPOLL)
			variant = polled;
		kase_judge(c, VERDICT_IDLE, SEVERITY_INFO, CONFIDENCE_CERTAIN, c->idle_ns, variant);
	}
	return 0;
}

static void explain(struct finding *f, struct kase *const *cases, size_t n, const struct judging *j)
{
	snprintf(f->reason, sizeof(f->reason), "unused for %s%s%s: %s", n > 1 ? "up to " : "",
		 f->at_least ? "at least " : "", duration_word(f->oldest_ns).text,
		 cases[0]->variant == waits  ? "a reader waits, as for a subscription, a long poll or the next request" :
		 cases[0]->variant == polled  ? "an event loop polls it; normal in a pool" :
						"normal in a pool");
	finding_evidence(f, "idle_ns", f->oldest_ns);
	finding_evidence(f, "open_at_site", cases[0]->site->now_open);
	(void)j;
}

const struct analysis idle_analysis = { VERDICT_IDLE, judge_idle, explain };
