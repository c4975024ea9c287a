/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * judge.h - the frame of every analysis. A case is one open connection and what all analyses ask about it; an analysis
 * looks at the cases that have no verdict yet and gives its own. Pure: no clock, no /proc, no map, no output.
 */
#ifndef CONNLIFE_JUDGE_H
#define CONNLIFE_JUDGE_H

#include "../lib/timefmt.h"
#include "../model/session.h"
#include "../model/table.h"
#include "finding.h"
#include "site.h"

enum reads { READS_UNKNOWN, READS_NOBODY, READS_SOMEBODY };

/* One for every open connection while it is judged: bit fields, to make it 64 bytes and not 80. */
struct kase {
	const struct connection *k;
	struct site *site;
	__u64 used_ns; /* last use, or the opening */
	__u64 idle_ns; /* since then */
	__u64 since_ns; /* how long the fact that the verdict names has lasted */
	const char *variant; /* which of the verdict's sentences; a literal */
	const char *doubt; /* which loss could explain it; NULL = none. A literal */
	enum reads reads : 8; /* does a thread or goroutine wait for data on it? */
	enum verdict verdict : 8;
	enum severity severity : 8;
	enum confidence confidence : 8;
	bool quiet; /* not used for T and no reader waits */
};

/* A connection that ended with its process. */
struct ended {
	struct connection k; /* without holders */
	enum reads reads; /* at the newest look before */
	struct ended *next;
};

struct judging {
	const struct session *session;
	struct sites *sites;
	struct kase *cases; /* oldest opening first */
	size_t ncases;
	__u64 now_ns, older_ns;
	const struct ended *ended; /* since the report before */
	bool program; /* it was `-- PROGRAM` */
	struct report *report;
	char loss[96]; /* of loss_doubt() */
};

struct analysis {
	enum verdict verdict;
	/* Gives cases their verdict, or adds findings of its own to the report. 0 or -ENOMEM. */
	int (*judge)(struct judging *j);
	/* Writes the reason and the evidence of a finding whose cases are cases[0..n). NULL: the analysis adds its own. */
	void (*explain)(struct finding *f, struct kase *const *cases, size_t n, const struct judging *j);
};

extern const struct analysis close_wait_analysis, unread_analysis, ownerless_analysis, bypassed_analysis,
	growing_analysis, reaped_analysis, churn_analysis, idle_analysis;

/*
 * Judges everything open in table. filter: which connections count (as in --read); NULL = all. opinions: fill
 * report->opinions. 0 or -ENOMEM; free the report in both cases.
 */
struct judge_options {
	__u64 older_ns;
	const struct filter *filter;
	bool opinions;
	bool last;
};

int judge(struct report *out, const struct table *table, const struct session *s, struct sites *sites,
	  const struct ended *ended, const struct judge_options *opt);

/* A look that is not reported: only the trends of the sites take it in. */
int judge_sample(const struct table *table, const struct session *s, struct sites *sites,
		 const struct judge_options *opt);

/* Who reads, from the socket's wait queue and the last receive attempt. */
enum reads connection_reads(const struct connection *k);

/* Is what a client has not read (the rest of) an answer to what it sent? Which, as a literal; NULL = no. unread.c */
const char *unread_answer(const struct connection *k);

bool connection_is_close_wait(const struct connection *k);

/*
 * Losses (events, openings, skipped program runs, closes not counted) that could explain a finding which rests on
 * `rests_on` of them: a sentence, or NULL when there are fewer. Owned by j.
 */
const char *loss_doubt(struct judging *j, size_t rests_on);

/* How long ago, in time in which the host ran. */
static inline __u64 judge_ago(const struct judging *j, __u64 then_ns)
{
	return session_ran_ns(j->session, then_ns, j->now_ns);
}

/* Gives one case its verdict. */
static inline void kase_judge(struct kase *c, enum verdict v, enum severity s, enum confidence conf, __u64 since_ns,
			      const char *variant)
{
	c->verdict = v;
	c->severity = s;
	c->confidence = conf;
	c->since_ns = since_ns;
	c->variant = variant;
}

/* A new finding of the report, zeroed but for its verdict; NULL without memory. */
struct finding *report_add(struct report *r, enum verdict v);

void finding_evidence(struct finding *f, const char *name, __u64 value);

/* For sentences: "%zu connection%s" */
#define PLURAL(n) (n), (n) == 1 ? "" : "s"

/* "1m01s": a value, so that several can stand in one sentence. */
struct duration_word {
	char text[DURATION_LEN];
};
struct duration_word duration_word(__u64 ns);

#endif
