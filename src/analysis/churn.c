// SPDX-License-Identifier: GPL-2.0-only
/* churn.c - a client opens and closes connections to one peer ten times a second or more: no pooling. */
#include <errno.h>
#include <stdio.h>
#include "judge.h"

#define PER_SECOND 10
#define SHORT_NS (1ULL << 30) /* about a second: the limit of an age class; longer lives are turnover */
#define SECOND 1000000000ULL

/* Short-lived closes of all remembered looks, and the time they span. */
static __u64 short_lived(const struct site *s, __u64 *span_ns)
{
	size_t n = s->nwindows < SITE_WINDOWS ? s->nwindows : SITE_WINDOWS;
	__u64 sum = 0, from = ~0ULL, to = 0;

	for (size_t i = 0; i < n; i++) {
		const struct site_window *w = &s->windows[i];

		from = w->from_ns < from ? w->from_ns : from;
		to = w->to_ns > to ? w->to_ns : to;
		for (unsigned int c = 0; c < AGE_CLASSES && age_class_limit_ns(c) <= SHORT_NS; c++)
			sum += w->closed[c];
	}
	*span_ns = n ? to - from : 0;
	return sum;
}

static int judge_churn(struct judging *j)
{
	struct site *s, *next;

	HASH_ITER(hh, j->sites->by_key, s, next) {
		__u64 span, closes = short_lived(s, &span);
		struct finding *f;
		double rate;

		/* anything that spans less than a second is one burst */
		if (s->key.role != ROLE_CLIENT || span < SECOND)
			continue;
		rate = closes * (double)SECOND / span;
		if (rate < PER_SECOND)
			continue;
		f = report_add(j->report, VERDICT_CHURN);
		if (!f)
			return -ENOMEM;
		f->severity = SEVERITY_INFO;
		f->confidence = CONFIDENCE_LIKELY;
		f->site = s->key;
		f->count = closes;
		snprintf(f->reason, sizeof(f->reason),
			 "%llu connections opened and closed again in %s, %.0f a second: no pooling",
			 (unsigned long long)closes, duration_word(span).text, rate);
		finding_evidence(f, "closed", closes);
		finding_evidence(f, "span_ns", span);
	}
	return 0;
}

const struct analysis churn_analysis = { VERDICT_CHURN, judge_churn, NULL };
