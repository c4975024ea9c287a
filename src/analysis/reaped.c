// SPDX-License-Identifier: GPL-2.0-only
/*
 * reaped.c - the process ended and the kernel closed its connections. Those it had not used for T were leaked, whatever
 * was to come; those in use until the end are how process-per-connection servers and command-line tools work.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "judge.h"

static bool was_quiet(const struct ended *e, const struct judging *j)
{
	__u64 used = connection_last_use(&e->k).time_ns;

	return e->reads != READS_SOMEBODY && e->k.c.closed_ns > used && e->k.c.closed_ns - used >= j->older_ns;
}

static struct finding *finding_of(struct judging *j, const struct site_key *site, enum severity severity, size_t first)
{
	struct finding *f;

	for (size_t i = first; i < j->report->nfindings; i++) {
		f = &j->report->findings[i];
		if (f->severity == severity && !memcmp(&f->site, site, sizeof(*site)))
			return f;
	}
	f = report_add(j->report, VERDICT_REAPED);
	if (f) {
		f->severity = severity;
		f->confidence = CONFIDENCE_CERTAIN;
		f->site = *site;
	}
	return f;
}

static void explain_one(struct finding *f, const struct judging *j, size_t quiet)
{
	if (f->severity == SEVERITY_INFO)
		snprintf(f->reason, sizeof(f->reason), "closed by the end of %s, in use until then",
			 f->site.pid ? "its process" : "their processes");
	else if (quiet)
		snprintf(f->reason, sizeof(f->reason), "%zu of %zu had been unused for up to %s when the process ended",
			 quiet, f->count, duration_word(f->oldest_ns).text);
	else
		snprintf(f->reason, sizeof(f->reason), "still open when the program ended");
	(void)j;
}

static int judge_reaped(struct judging *j)
{
	size_t first = j->report->nfindings;

	for (const struct ended *e = j->ended; e; e = e->next) {
		bool quiet = was_quiet(e, j);
		enum severity severity = quiet || j->program ? SEVERITY_SUSPECT : SEVERITY_INFO;
		__u64 used = connection_last_use(&e->k).time_ns, idle = e->k.c.closed_ns - used;
		struct site_key site;
		struct finding *f;

		site_key_of(&e->k.c, &site);
		if (severity == SEVERITY_INFO)
			site.pid = 0; /* one line for all the processes of such a server */
		f = finding_of(j, &site, severity, first);
		if (!f)
			return -ENOMEM;
		f->count++;
		if (e->k.c.closed_ns > used && idle > f->oldest_ns)
			f->oldest_ns = idle;
		f->evidence[0] = (struct evidence){ "quiet", f->evidence[0].value + quiet };
		f->nevidence = 1;
	}
	for (size_t i = first; i < j->report->nfindings; i++) {
		struct finding *f = &j->report->findings[i];

		explain_one(f, j, f->evidence[0].value);
		finding_evidence(f, "idle_ns", f->oldest_ns);
	}
	return 0;
}

const struct analysis reaped_analysis = { VERDICT_REAPED, judge_reaped, NULL };
