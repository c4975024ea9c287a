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
#include "judge.h"

#define MIN_COUNT 3
#define ABOUT_NS 2000000000ULL /* a replacement comes this close to the close */

/* A window's closes that no replacement was matched with yet. */
struct unmatched {
	struct site_window w;
};

/*
 * The longest lifetime among the closes about `then` that are still unmatched, and takes it. Classes are powers of
 * two: the upper bound counts, in favour of innocence. 0 = none.
 */
static __u64 take_replaced(struct unmatched *all, size_t n, __u64 then)
{
	struct site_window *best = NULL;
	int class = -1;

	for (size_t i = 0; i < n; i++) {
		struct site_window *w = &all[i].w;

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

static int compare_times(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

/* What was last used at or before this time was passed over by a connection opened then. */
static __u64 bypass_time(__u64 opened, struct unmatched *all, size_t windows, const struct judging *j)
{
	__u64 replaced = take_replaced(all, windows, opened), grace = j->older_ns / 10;
	__u64 margin = replaced > grace ? replaced : grace;

	return margin < opened ? opened - margin : 0;
}

/*
 * For every newer connection of the site the latest last use that it bypasses: a quiet connection last used at or
 * before that time was passed over by it. Sorted. cases: the site's, oldest opening first.
 */
static size_t bypass_times(__u64 *times, struct kase *const *cases, size_t n, struct judging *j)
{
	struct site *site = cases[0]->site;
	size_t windows = site->nwindows < SITE_WINDOWS ? site->nwindows : SITE_WINDOWS, found = 0;
	struct unmatched unmatched[SITE_WINDOWS];

	for (size_t i = 0; i < windows; i++)
		unmatched[i].w = site->windows[i];
	for (size_t i = 0; i < n; i++) {
		const struct connection *k = cases[i]->k;

		if (k->c.origin == ORIGIN_TRACED && cases[i]->used_ns > k->c.opened_ns + k->c.connect_ns &&
		    k->sock.tx_bytes)
			times[found++] = bypass_time(k->c.opened_ns, unmatched, windows, j);
	}
	/* opened and closed again meanwhile */
	if (site->newest_used_ns)
		times[found++] = bypass_time(site->newest_used_ns, unmatched, windows, j);
	qsort(times, found, sizeof(*times), compare_times);
	return found;
}

/* How many of the sorted times are at or after t. */
static size_t at_or_after(const __u64 *times, size_t n, __u64 t)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (times[mid] < t)
			low = mid + 1;
		else
			high = mid;
	}
	return n - low;
}

static void judge_site(struct kase *const *cases, size_t n, __u64 *times, struct judging *j)
{
	size_t newer = bypass_times(times, cases, n, j), passed = 0;
	const char *doubt = loss_doubt(j, newer);

	for (size_t i = 0; newer && i < n; i++)
		passed += !cases[i]->verdict && cases[i]->quiet && at_or_after(times, newer, cases[i]->used_ns);
	for (size_t i = 0; passed && i < n; i++) {
		struct kase *c = cases[i];

		if (c->verdict || !c->quiet || !at_or_after(times, newer, c->used_ns))
			continue;
		kase_judge(c, VERDICT_BYPASSED, passed < MIN_COUNT ? SEVERITY_INFO : SEVERITY_SUSPECT,
			   CONFIDENCE_LIKELY, c->idle_ns, NULL);
		c->doubt = doubt;
	}
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
	__u64 *times = malloc((j->ncases + 1) * sizeof(*times));
	size_t n = 0, from, to;

	if (!cases || !times) {
		free(cases);
		free(times);
		return -ENOMEM;
	}
	for (size_t i = 0; i < j->ncases; i++)
		if (j->cases[i].k->c.role == ROLE_CLIENT) /* a server does not choose which connection is used */
			cases[n++] = &j->cases[i];
	qsort(cases, n, sizeof(*cases), by_site);
	for (from = 0; from < n; from = to) {
		for (to = from + 1; to < n && cases[to]->site == cases[from]->site; to++)
			;
		judge_site(cases + from, to - from, times, j);
	}
	free(cases);
	free(times);
	return 0;
}

static void explain(struct finding *f, struct kase *const *cases, size_t n, const struct judging *j)
{
	size_t in_use = 0;

	for (size_t i = 0; i < j->ncases; i++)
		in_use += j->cases[i].site == cases[0]->site && j->cases[i].idle_ns < j->older_ns;
	snprintf(f->reason, sizeof(f->reason),
		 "unused for %s%s while newer connections to the same peer were opened and used (%zu in use now)",
		 n > 1 ? "up to " : "", duration_word(f->oldest_ns).text, in_use);
	finding_evidence(f, "idle_ns", f->oldest_ns);
	finding_evidence(f, "in_use", in_use);
	finding_evidence(f, "open_at_site", cases[0]->site->now_open);
}

const struct analysis bypassed_analysis = { VERDICT_BYPASSED, judge_bypassed, explain };
