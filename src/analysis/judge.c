// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "judge.h"

/* The order of the contract's table. */
static const struct analysis *const analyses[] = {
	&close_wait_analysis, &unread_analysis, &ownerless_analysis, &bypassed_analysis,
	&growing_analysis,    &reaped_analysis, &churn_analysis,     &idle_analysis,
};

#define N_ANALYSES (sizeof(analyses) / sizeof(*analyses))

const char *verdict_word(enum verdict v)
{
	static const char *const words[] = { "none",	"close-wait", "unread", "ownerless", "bypassed",
					     "growing", "reaped",     "churn",	"idle" };

	return words[v];
}

const char *severity_word(enum severity s)
{
	static const char *const words[] = { "info", "suspect", "leak" };

	return words[s];
}

const char *confidence_word(enum confidence c)
{
	static const char *const words[] = { "unverified", "likely", "certain" };

	return words[c];
}

struct duration_word duration_word(__u64 ns)
{
	struct duration_word w;

	duration_text(w.text, ns);
	return w;
}

void finding_evidence(struct finding *f, const char *name, __u64 value)
{
	if (f->nevidence < MAX_EVIDENCE)
		f->evidence[f->nevidence++] = (struct evidence){ name, value };
}

struct finding *report_add(struct report *r, enum verdict v)
{
	struct finding *f;

	if (!(r->nfindings & (r->nfindings - 1))) { /* full at 0 and the powers of two */
		size_t cap = r->nfindings ? r->nfindings * 2 : 1;

		f = realloc(r->findings, cap * sizeof(*f));
		if (!f)
			return NULL;
		r->findings = f;
	}
	f = &r->findings[r->nfindings++];
	memset(f, 0, sizeof(*f));
	f->verdict = v;
	return f;
}

void report_free(struct report *r)
{
	for (size_t i = 0; i < r->nfindings; i++)
		free(r->findings[i].connections);
	free(r->findings);
	free(r->opinions);
	memset(r, 0, sizeof(*r));
}

/*
 * A thread blocked in recv or poll on just this socket reads. In an epoll set: a server's loop reads (its clients may
 * speak at any time); a client's is told by its last attempt: Go tries, finds nothing and parks, event loops do not
 * try again after data. Reading is asked only of sockets that could still receive.
 */
enum reads connection_reads(const struct connection *k)
{
	switch (k->reader) {
	case READER_RECV:
	case READER_POLL:
		return READS_SOMEBODY;
	case READER_EPOLL:
		if (k->c.role == ROLE_SERVER || k->c.flags & CONN_RECV_EAGAIN)
			return READS_SOMEBODY;
		return READS_UNKNOWN;
	case READER_NONE:
		return READS_NOBODY;
	case READER_UNKNOWN:
		break;
	}
	return READS_UNKNOWN;
}

static int make_case(struct kase *c, const struct connection *k, struct judging *j)
{
	struct site_key key;

	site_key_of(&k->c, &key);
	c->k = k;
	c->site = sites_get(j->sites, &key);
	if (!c->site)
		return -ENOMEM;
	c->site->seen_ns = j->now_ns;
	c->used_ns = connection_last_use(k).time_ns;
	c->idle_ns = judge_ago(j, c->used_ns);
	c->reads = connection_reads(k);
	c->quiet = c->idle_ns >= j->older_ns && c->reads != READS_SOMEBODY;
	c->site->now_open++;
	c->site->now_in_use += c->idle_ns < j->older_ns;
	c->site->now_quiet += c->quiet;
	c->site->now_close_wait += connection_is_close_wait(k);
	if (k->c.origin == ORIGIN_TRACED && k->c.opened_ns > c->site->peer->newest_seen_ns)
		c->site->peer->newest_seen_ns = k->c.opened_ns;
	return 0;
}

/* Is it one to judge: established, and wanted? */
static bool counts(const struct connection *k, const struct filter *filter)
{
	return k->c.flags & CONN_ESTABLISHED && (!filter || connection_matches(k, filter));
}

static int make_cases(struct judging *j, const struct table *table, const struct filter *filter)
{
	size_t n;
	struct connection **all = table_sorted(table, &n);
	int err = 0;

	j->cases = calloc(n ? n : 1, sizeof(*j->cases));
	if (!all || !j->cases)
		err = -ENOMEM;
	for (size_t i = 0; !err && i < n; i++) {
		if (counts(all[i], filter))
			err = make_case(&j->cases[j->ncases++], all[i], j);
	}
	free(all);
	return err;
}

/* Per site: how many are open, are quiet, wait for a close; look after look. */
static void add_trends(struct judging *j)
{
	struct site *site, *next;

	HASH_ITER(hh, j->sites->by_key, site, next) {
		trend_add(&site->open, site->now_open, j->now_ns);
		trend_add(&site->quiet, site->now_quiet, j->now_ns);
		trend_add(&site->close_wait, site->now_close_wait, j->now_ns);
	}
}

bool connection_is_close_wait(const struct connection *k)
{
	return k->sock.state == 8; /* TCP_CLOSE_WAIT, include/net/tcp_states.h */
}

/* Before a finding is shown its socket must have been found again by the look that the report rests on. */
static void doubt_what_was_not_found(struct judging *j)
{
	for (size_t i = 0; i < j->ncases; i++)
		if (!j->cases[i].k->found && !j->cases[i].doubt)
			j->cases[i].doubt = "its socket is in no process's table of open files";
}

/* Groups: same verdict, site, severity and sentence. */
static int by_group(const void *a, const void *b)
{
	const struct kase *x = *(struct kase *const *)a, *y = *(struct kase *const *)b;
	int d;

	if (x->verdict != y->verdict)
		return x->verdict < y->verdict ? -1 : 1;
	d = memcmp(&x->site->key, &y->site->key, sizeof(x->site->key));
	if (d)
		return d;
	if (x->severity != y->severity)
		return x->severity < y->severity ? 1 : -1;
	if (x->variant != y->variant)
		return strcmp(x->variant ? x->variant : "", y->variant ? y->variant : "");
	if (!x->doubt != !y->doubt)
		return x->doubt ? 1 : -1;
	return x < y ? -1 : x > y; /* they stand in the order of their opening */
}

static bool same_group(const struct kase *x, const struct kase *y)
{
	return x->verdict == y->verdict && x->site == y->site && x->severity == y->severity &&
	       x->variant == y->variant && !x->doubt == !y->doubt;
}

/* What loss could explain is not accused as if it were known: a step down, and the loss is named. */
static void apply_doubt(struct finding *f, const char *doubt)
{
	size_t n = strlen(f->reason);

	if (!doubt)
		return;
	f->confidence = CONFIDENCE_UNVERIFIED;
	if (f->severity > SEVERITY_INFO)
		f->severity--;
	snprintf(f->reason + n, sizeof(f->reason) - n, "; unverified: %s", doubt);
}

static const struct analysis *analysis_of(enum verdict v)
{
	for (size_t i = 0; i < N_ANALYSES; i++)
		if (analyses[i]->verdict == v)
			return analyses[i];
	return NULL;
}

static int make_finding(struct judging *j, struct kase *const *cases, size_t n)
{
	struct finding *f = report_add(j->report, cases[0]->verdict);
	const struct analysis *a = analysis_of(cases[0]->verdict);

	if (!f)
		return -ENOMEM;
	f->connections = malloc(n * sizeof(*f->connections));
	if (!f->connections)
		return -ENOMEM;
	f->severity = cases[0]->severity;
	f->confidence = cases[0]->confidence;
	f->site = cases[0]->site->key;
	f->count = f->nconnections = n;
	for (size_t i = 0; i < n; i++) {
		f->connections[i] = cases[i]->k;
		if (cases[i]->since_ns >= f->oldest_ns) {
			f->oldest_ns = cases[i]->since_ns;
			f->at_least = cases[i]->k->c.origin == ORIGIN_SNAPSHOT;
		}
	}
	a->explain(f, cases, n, j);
	apply_doubt(f, cases[0]->doubt);
	return 0;
}

static int group(struct judging *j)
{
	struct kase **judged = malloc((j->ncases ? j->ncases : 1) * sizeof(*judged));
	size_t n = 0, from, to;
	int err = 0;

	if (!judged)
		return -ENOMEM;
	for (size_t i = 0; i < j->ncases; i++)
		if (j->cases[i].verdict)
			judged[n++] = &j->cases[i];
	qsort(judged, n, sizeof(*judged), by_group);
	for (from = 0; !err && from < n; from = to) {
		for (to = from + 1; to < n && same_group(judged[from], judged[to]); to++)
			;
		err = make_finding(j, judged + from, to - from);
	}
	free(judged);
	return err;
}

/* How findings moved since the report before; then remembers this one. */
static void add_growth(struct judging *j)
{
	struct site *site, *next;

	for (size_t i = 0; i < j->report->nfindings; i++) {
		struct finding *f = &j->report->findings[i];

		HASH_FIND(hh, j->sites->by_key, &f->site, sizeof(f->site), site);
		f->has_growth = site && site->was_reported && f->nconnections;
		if (f->has_growth)
			f->growth = (long)f->count - (long)site->reported[f->verdict];
	}
	HASH_ITER(hh, j->sites->by_key, site, next) {
		memset(site->reported, 0, sizeof(site->reported));
		site->was_reported = true;
	}
	for (size_t i = 0; i < j->ncases; i++)
		j->cases[i].site->reported[j->cases[i].verdict]++;
}

static int by_gravity(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;

	if (x->severity != y->severity)
		return x->severity < y->severity ? 1 : -1;
	if (x->verdict != y->verdict)
		return x->verdict < y->verdict ? -1 : 1;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return memcmp(&x->site, &y->site, sizeof(x->site));
}

/* Why a connection that has no verdict is innocent. */
static void why_not(struct opinion *o, const struct kase *c, const struct judging *j)
{
	struct duration_word idle = duration_word(c->idle_ns);

	if (c->verdict && c->variant)
		snprintf(o->why, sizeof(o->why), "%s", c->variant);
	else if (c->verdict)
		snprintf(o->why, sizeof(o->why), "unused for %s, %s", idle.text,
			 c->reads == READS_NOBODY ? "nobody waits for data" : "whether anybody waits is not known");
	else if (c->reads == READS_SOMEBODY)
		snprintf(o->why, sizeof(o->why), "used %s ago, and a reader waits", idle.text);
	else
		snprintf(o->why, sizeof(o->why), "in use: %s ago, less than %s", idle.text, duration_word(j->older_ns).text);
}

static int write_opinions(struct judging *j)
{
	struct report *r = j->report;

	r->opinions = calloc(j->ncases ? j->ncases : 1, sizeof(*r->opinions));
	if (!r->opinions)
		return -ENOMEM;
	for (r->nopinions = 0; r->nopinions < j->ncases; r->nopinions++) {
		const struct kase *c = &j->cases[r->nopinions];
		struct opinion *o = &r->opinions[r->nopinions];

		*o = (struct opinion){ .k = c->k, .verdict = c->verdict, .severity = c->severity };
		why_not(o, c, j);
	}
	return 0;
}

static void begin(struct judging *j, struct report *out, const struct table *table, const struct session *s,
		  struct sites *sites, const struct judge_options *opt)
{
	struct site *site, *next;

	*j = (struct judging){
		.session = s,
		.sites = sites,
		.now_ns = table->look_ns,
		.older_ns = opt->older_ns,
		.program = s->ev.program,
		.report = out,
	};
	*out = (struct report){ .now_ns = j->now_ns, .older_ns = j->older_ns, .last = opt->last };
	sites_look(sites, j->now_ns);
	HASH_ITER(hh, sites->by_key, site, next)
		site->now_open = site->now_in_use = site->now_quiet = site->now_close_wait = 0; /* make_case() counts */
}

int judge(struct report *out, const struct table *table, const struct session *s, struct sites *sites,
	  const struct ended *ended, const struct judge_options *opt)
{
	struct judging j;
	int err;

	begin(&j, out, table, s, sites, opt);
	j.ended = ended;
	err = make_cases(&j, table, opt->filter);
	if (!err)
		add_trends(&j);
	for (size_t i = 0; !err && i < N_ANALYSES; i++)
		err = analyses[i]->judge(&j);
	doubt_what_was_not_found(&j);
	out->open = j.ncases;
	for (size_t i = 0; i < j.ncases; i++)
		out->pre_existing += j.cases[i].k->c.origin == ORIGIN_SNAPSHOT;
	if (!err)
		err = group(&j);
	if (!err)
		add_growth(&j);
	if (!err && opt->opinions)
		err = write_opinions(&j);
	if (out->nfindings)
		qsort(out->findings, out->nfindings, sizeof(*out->findings), by_gravity);
	for (size_t i = 0; i < out->nfindings; i++)
		out->connections_of[out->findings[i].verdict] += out->findings[i].count;
	free(j.cases);
	return err;
}

int judge_sample(const struct table *table, const struct session *s, struct sites *sites,
		 const struct judge_options *opt)
{
	struct report none;
	struct judging j;
	int err = 0;

	begin(&j, &none, table, s, sites, opt);
	/* one case at a time: an array of all is as much memory as a report takes, several times a run */
	for (const struct connection *k = table_next(table, NULL); !err && k; k = table_next(table, k)) {
		struct kase c = { 0 };

		if (counts(k, opt->filter))
			err = make_case(&c, k, &j);
	}
	if (!err)
		add_trends(&j);
	return err;
}

const char *loss_doubt(struct judging *j, size_t rests_on)
{
	const __u64 *n = j->session->counters.value;
	/* skipped program runs (CNT_LOST_MISSED) lose no connection and no end: bpf/lifecycle.bpf.h */
	__u64 lost = n[CNT_LOST_RING] + n[CNT_LOST_MAP] + n[CNT_LOST_SITE];

	if (!lost || lost < rests_on)
		return NULL;
	snprintf(j->loss, sizeof(j->loss), "%llu openings or closings were lost", (unsigned long long)lost);
	return j->loss;
}
