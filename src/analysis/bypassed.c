// SPDX-License-Identifier: GPL-2.0-only
/*
 * bypassed.c - quiet connections that were passed over: since their last use the site has opened newer ones to the
 * same peer, and used them. A pool that had them to give would have given them: they were borrowed and never returned.
 *
 * A newer connection proves nothing when
 *  - it came within T/10 of the last use: a pool that fills, or grows while its borrowers think;
 *  - it only took the place of one that closed about then and was older than these are quiet (max lifetime).
 * Fewer than three are shown as info.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "judge.h"

#define MIN_COUNT 3
#define ABOUT_NS 1000000000ULL /* a replacement comes this close to the close; looks tell when that was to a window */

/*
 * What the newer connections of a site prove: what was last used at or before `latest` was passed over by one of them.
 * latest_early: the same by those opened so soon after the start that the close of what they replaced may not have been
 * seen; they prove nothing against pre-existing ones.
 */
struct bypass {
	__u64 latest, latest_early;
	size_t newer;
	/*
	 * What the process closed to that peer, and no replacement was matched with yet. By whichever thread: which one
	 * opened a pre-existing connection is not known.
	 */
	struct site_window *unmatched;
	size_t nwindows;
};

static int find_closes(struct bypass *b, const struct peer *peer)
{
	b->nwindows = 0;
	for (const struct site *site = peer->sites; site; site = site->next) {
		size_t n = site->nwindows < SITE_WINDOWS ? site->nwindows : SITE_WINDOWS;
		struct site_window *w;

		if (!n)
			continue;
		w = realloc(b->unmatched, (b->nwindows + n) * sizeof(*w));
		if (!w)
			return -ENOMEM;
		b->unmatched = w;
		memcpy(w + b->nwindows, site->windows, n * sizeof(*w));
		b->nwindows += n;
	}
	return 0;
}

/*
 * The longest lifetime among the closes about `then` that are still unmatched, and takes it. Classes are powers of
 * two: the upper bound counts, in favour of innocence. 0 = none.
 */
static __u64 take_replaced(struct bypass *b, __u64 then)
{
	struct site_window *best = NULL;
	int class = -1;

	for (size_t i = 0; i < b->nwindows; i++) {
		struct site_window *w = &b->unmatched[i];

		if (then + ABOUT_NS < w->from_ns || then > w->to_ns + ABOUT_NS)
			continue;
		for (int c = AGE_CLASSES - 1; c > class; c--)
			if (w->closed[c]) {
				class = c;
				best = w;
			}
	}
	if (!best)
		return 0;
	best->closed[class]--;
	return age_class_limit_ns(class);
}

static void add_newer(struct bypass *b, __u64 opened, const struct judging *j)
{
	__u64 replaced = take_replaced(b, opened), grace = j->older_ns / 10;
	__u64 margin = replaced > grace ? replaced : grace, time = margin < opened ? opened - margin : 0;
	__u64 *latest = opened < j->session->ev.head.time_ns + ABOUT_NS ? &b->latest_early : &b->latest;

	b->newer++;
	if (time > *latest)
		*latest = time;
}

/* cases: the site's, oldest opening first. */
static int find_newer(struct bypass *b, struct kase *const *cases, size_t n, const struct judging *j)
{
	const struct site *site = cases[0]->site;

	b->latest = b->latest_early = b->newer = 0;
	if (find_closes(b, site->peer))
		return -ENOMEM;
	/* the newest first: when there are more openings than closes about a time, those left over shall be the oldest,
	 * which bypass the least */
	for (size_t i = n; i-- > 0;) {
		const struct connection *k = cases[i]->k;

		if (k->c.origin == ORIGIN_TRACED && cases[i]->used_ns > k->c.opened_ns + k->c.connect_ns &&
		    k->sock.tx_bytes)
			add_newer(b, k->c.opened_ns, j);
	}
	if (site->newest_used_ns) /* opened and closed again meanwhile */
		add_newer(b, site->newest_used_ns, j);
	return 0;
}

static bool passed_over(const struct kase *c, const struct bypass *b)
{
	if (c->verdict || !c->quiet)
		return false;
	return c->used_ns <= b->latest || (c->k->c.origin == ORIGIN_TRACED && c->used_ns <= b->latest_early);
}

static int judge_site(struct kase *const *cases, size_t n, struct bypass *b, struct judging *j)
{
	size_t quiet = 0, passed = 0;
	const char *doubt;

	for (size_t i = 0; i < n; i++)
		quiet += !cases[i]->verdict && cases[i]->quiet;
	if (!quiet)
		return 0;
	if (find_newer(b, cases, n, j))
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		passed += passed_over(cases[i], b);
	doubt = loss_doubt(j, b->newer);
	for (size_t i = 0; passed && i < n; i++) {
		if (!passed_over(cases[i], b))
			continue;
		kase_judge(cases[i], VERDICT_BYPASSED, passed < MIN_COUNT ? SEVERITY_INFO : SEVERITY_SUSPECT,
			   CONFIDENCE_LIKELY, cases[i]->idle_ns, NULL);
		cases[i]->doubt = doubt;
	}
	return 0;
}

static int by_site(const void *a, const void *b)
{
	const struct kase *x = *(struct kase *const *)a, *y = *(struct kase *const *)b;

	if (x->site != y->site)
		return x->site < y->site ? -1 : 1;
	return x < y ? -1 : x > y;
}

static int judge_bypassed(struct judging *j)
{
	struct kase **cases = malloc((j->ncases + 1) * sizeof(*cases));
	struct bypass b = { 0 };
	size_t n = 0, from, to;
	int err = 0;

	if (!cases)
		return -ENOMEM;
	for (size_t i = 0; i < j->ncases; i++)
		if (j->cases[i].k->c.role == ROLE_CLIENT) /* a server does not choose which connection is used */
			cases[n++] = &j->cases[i];
	qsort(cases, n, sizeof(*cases), by_site);
	for (from = 0; !err && from < n; from = to) {
		for (to = from + 1; to < n && cases[to]->site == cases[from]->site; to++)
			;
		err = judge_site(cases + from, to - from, &b, j);
	}
	free(b.unmatched);
	free(cases);
	return err;
}

static void explain(struct finding *f, struct kase *const *cases, size_t n, const struct judging *j)
{
	const struct site *site = cases[0]->site;

	snprintf(f->reason, sizeof(f->reason),
		 "unused for %s%s while newer connections to the same peer were opened and used (%u in use now)",
		 n > 1 ? "up to " : "", duration_word(f->oldest_ns).text, site->now_in_use);
	finding_evidence(f, "idle_ns", f->oldest_ns);
	finding_evidence(f, "in_use", site->now_in_use);
	finding_evidence(f, "open_at_site", site->now_open);
	(void)j;
}

const struct analysis bypassed_analysis = { VERDICT_BYPASSED, judge_bypassed, explain };
