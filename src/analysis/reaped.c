// SPDX-License-Identifier: GPL-2.0-only
/*
 * reaped.c - the process ended and the kernel closed its connections. Those it had not used for T were leaked, whatever
 * was to come; those in use until the end are how process-per-connection servers and command-line tools work. One whose
 * peer closed just before had been in use too: its end is what ended the process.
 *
 * What `-- PROGRAM` has open when it ends is judged here with T = 0, by the same order of verdicts: close-wait, unread,
 * reaped. A test suite wants to know.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "judge.h"

struct judgement {
	enum verdict verdict;
	enum severity severity;
	enum confidence confidence;
};

static bool was_quiet(const struct ended *e, const struct judging *j)
{
	__u64 used = connection_last_use(&e->k).time_ns, closed = e->k.c.closed_ns, fin = e->k.c.peer_closed_ns;

	if (e->reads == READS_SOMEBODY || closed < used || session_ran_ns(j->session, used, closed) < j->older_ns)
		return false;
	return !fin || session_ran_ns(j->session, fin, closed) >= j->older_ns;
}

/* The peer had closed, the program had not. A client that opened nothing newer may have meant to end anyway. */
static struct judgement left_in_close_wait(const struct ended *e, const struct judging *j)
{
	struct site_key key;
	struct site *site;

	site_key_of(&e->k.c, &key);
	HASH_FIND(hh, j->sites->by_key, &key, sizeof(key), site);
	if (e->k.c.role == ROLE_SERVER || (site && peer_newest_ns(site->peer) > e->k.c.peer_closed_ns))
		return (struct judgement){ VERDICT_CLOSE_WAIT, SEVERITY_LEAK, CONFIDENCE_CERTAIN };
	return (struct judgement){ VERDICT_CLOSE_WAIT, SEVERITY_SUSPECT, CONFIDENCE_LIKELY };
}

static struct judgement judge_one(const struct ended *e, const struct judging *j)
{
	bool server = e->k.c.role == ROLE_SERVER;

	if (!j->program)
		return (struct judgement){ VERDICT_REAPED, was_quiet(e, j) ? SEVERITY_SUSPECT : SEVERITY_INFO,
					   CONFIDENCE_CERTAIN };
	if (e->k.c.peer_closed_ns)
		return left_in_close_wait(e, j);
	if (e->k.sock.unread && (server || unread_answer(&e->k)))
		return (struct judgement){ VERDICT_UNREAD, server ? SEVERITY_SUSPECT : SEVERITY_LEAK, CONFIDENCE_LIKELY };
	return (struct judgement){ VERDICT_REAPED, SEVERITY_SUSPECT, CONFIDENCE_CERTAIN };
}

static struct finding *finding_of(struct judging *j, const struct site_key *site, struct judgement what, size_t first)
{
	struct finding *f;

	for (size_t i = first; i < j->report->nfindings; i++) {
		f = &j->report->findings[i];
		if (f->verdict == what.verdict && f->severity == what.severity && !memcmp(&f->site, site, sizeof(*site)))
			return f;
	}
	f = report_add(j->report, what.verdict);
	if (f) {
		f->severity = what.severity;
		f->confidence = what.confidence;
		f->site = *site;
	}
	return f;
}

static void explain_one(struct finding *f, size_t quiet)
{
	if (f->severity == SEVERITY_INFO)
		snprintf(f->reason, sizeof(f->reason), "closed by the end of %s, in use until then",
			 f->site.pid ? "its process" : "their processes");
	else if (f->verdict == VERDICT_CLOSE_WAIT)
		snprintf(f->reason, sizeof(f->reason), "the peer had closed, the program had not when it ended");
	else if (f->verdict == VERDICT_UNREAD)
		snprintf(f->reason, sizeof(f->reason), "data waited unread when the program ended");
	else if (quiet)
		snprintf(f->reason, sizeof(f->reason), "%zu of %zu had been unused for up to %s when the process ended",
			 quiet, f->count, duration_word(f->oldest_ns).text);
	else
		snprintf(f->reason, sizeof(f->reason), "still open when the program ended");
}

static int judge_reaped(struct judging *j)
{
	size_t first = j->report->nfindings;

	for (const struct ended *e = j->ended; e; e = e->next) {
		__u64 used = connection_last_use(&e->k).time_ns, idle = e->k.c.closed_ns - used;
		struct judgement what = judge_one(e, j);
		struct site_key site;
		struct finding *f;

		site_key_of(&e->k.c, &site);
		if (what.severity == SEVERITY_INFO)
			site.pid = 0; /* one line for all the processes of such a server */
		f = finding_of(j, &site, what, first);
		if (!f)
			return -ENOMEM;
		f->count++;
		if (e->k.c.closed_ns > used && idle > f->oldest_ns)
			f->oldest_ns = idle;
		f->evidence[0] = (struct evidence){ "quiet", f->evidence[0].value + was_quiet(e, j) };
		f->nevidence = 1;
	}
	for (size_t i = first; i < j->report->nfindings; i++) {
		struct finding *f = &j->report->findings[i];

		explain_one(f, f->evidence[0].value);
		finding_evidence(f, "idle_ns", f->oldest_ns);
	}
	return 0;
}

const struct analysis reaped_analysis = { VERDICT_REAPED, judge_reaped, NULL };
