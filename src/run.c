// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "analysis/judge.h"
#include "events/recording.h"
#include "live.h"
#include "model/table.h"
#include "model/timeline.h"
#include "output/output.h"
#include "run.h"

#define OUTPUT_BUFFER (256 * 1024)
#define MAX_ENDED 65536 /* connections of ended processes that are kept until the next report */

struct run {
	const struct options *opt;
	struct session session;
	struct table table;
	struct output out;
	struct recording *recording; /* -w; NULL = none */
	struct timelines timelines; /* trace --verbose */
	struct sites sites; /* leaks */
	struct ended *ended; /* leaks: closed by the end of their process since the report before */
	size_t nended;
	struct report report; /* leaks: the newest */
	enum severity gravest; /* of all reports */
	bool any_finding;
	__u64 pre_existing; /* connections that the first look met */
	size_t outstanding; /* at the newest report */
	bool begun;
	int err; /* first error of our own, negative errno */
};

static const struct output_ops *find_format(const struct options *opt)
{
	static const struct output_ops *const formats[] = { &output_text, &output_json, &output_csv };

	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (!strcmp(formats[i]->name, opt->format))
			return formats[i];
	return &output_text;
}

static const struct output_ops *format_ops(const struct options *opt)
{
	static const struct output_ops none = { .name = "none" };

	if (opt->command == CMD_RECORD)
		return &none;
	if (opt->command == CMD_LEAKS && !strcmp(opt->format, "text"))
		return &output_leaks_text;
	return find_format(opt);
}

static bool wanted(const struct run *r, const struct connection *k)
{
	/* the kernel side has applied the filter of a live run, save the state, which changes */
	if (!r->opt->read)
		return !r->opt->filter.state || connection_matches(k, &r->opt->filter);
	return connection_matches(k, &r->opt->filter);
}

/* A connection as its last event tells it; holders and fd from the table, while it still has them. */
static void ended(struct run *r, const struct ev_conn *ev)
{
	struct connection *known = table_find(&r->table, ev->conn.id), fresh = { 0 }, *k = known ? known : &fresh;
	const struct output_ops *ops = r->out.ops;

	connection_set(k, &r->session, &ev->conn, &ev->sock, ev->head.time_ns);
	if (!wanted(r, k))
		return;
	if (r->opt->command == CMD_LEAKS)
		return;
	if (ev->head.kind == EV_CLOSE && ops->close)
		ops->close(&r->out, k);
	if (ev->head.kind == EV_FAILED && ops->failed)
		ops->failed(&r->out, k);
}

static void opened(struct run *r, const struct ev_conn *ev)
{
	struct connection k = { 0 };

	connection_set(&k, &r->session, &ev->conn, &ev->sock, ev->head.time_ns);
	if (wanted(r, &k) && r->out.ops->open && r->out.events)
		r->out.ops->open(&r->out, &k);
}

static void begin(struct run *r)
{
	size_t n;
	struct connection **all;

	if (r->begun)
		return;
	r->begun = true;
	r->out.session = &r->session;
	if (r->out.ops->begin)
		r->out.ops->begin(&r->out);
	fflush(r->out.file); /* whoever waits for the start sees it */
	all = table_sorted(&r->table, &n);
	for (size_t i = 0; i < n; i++)
		r->pre_existing += wanted(r, all[i]) && all[i]->c.origin == ORIGIN_SNAPSHOT;
	free(all);
}

static void report_outstanding(struct run *r)
{
	struct connection **all;
	size_t n;

	r->outstanding = 0;
	all = table_sorted(&r->table, &n);
	for (size_t i = 0; i < n; i++) {
		if (!wanted(r, all[i]))
			continue;
		r->outstanding++;
		if (r->out.ops->outstanding)
			r->out.ops->outstanding(&r->out, all[i], r->table.look_ns);
	}
	free(all);
}

static void forget_ended(struct run *r)
{
	while (r->ended) {
		struct ended *next = r->ended->next;

		free(r->ended);
		r->ended = next;
	}
	r->nended = 0;
}

/* Before the table drops it: a process ended and took this connection with it. */
static void remember_ended(struct run *r, const struct ev_conn *ev)
{
	struct connection *known = table_find(&r->table, ev->conn.id);
	struct ended *e;

	if (ev->conn.how != HOW_EXIT || r->nended >= MAX_ENDED)
		return;
	e = calloc(1, sizeof(*e));
	if (!e) {
		r->err = -ENOMEM;
		return;
	}
	connection_set(&e->k, &r->session, &ev->conn, &ev->sock, ev->head.time_ns);
	e->reads = known ? connection_reads(known) : READS_UNKNOWN;
	if (!wanted(r, &e->k)) {
		free(e);
		return;
	}
	e->next = r->ended;
	r->ended = e;
	r->nended++;
}

static struct judge_options judge_options(const struct run *r, const struct ev_look *ev)
{
	__u64 older_ns = r->opt->read && !r->opt->older_given ? r->session.ev.older_ns : r->opt->older_ns;

	return (struct judge_options){
		/* what PROGRAM leaves open when it ends has no use to come */
		.older_ns = r->session.ev.program && ev->why == LOOK_FINAL ? 0 : older_ns,
		.filter = r->opt->read || r->opt->filter.state ? &r->opt->filter : NULL,
		.opinions = r->opt->verbose,
		.last = ev->why == LOOK_FINAL,
	};
}

static void report_leaks(struct run *r, const struct judge_options *opt)
{
	int err;

	report_free(&r->report);
	err = judge(&r->report, &r->table, &r->session, &r->sites, r->ended, opt);
	if (err)
		r->err = err;
	for (size_t i = 0; i < r->report.nfindings; i++) {
		r->any_finding = true;
		if (r->report.findings[i].severity > r->gravest)
			r->gravest = r->report.findings[i].severity;
	}
	r->outstanding = r->report.open;
	if (r->out.ops->report)
		r->out.ops->report(&r->out, &r->report);
	forget_ended(r);
}

static void on_look(struct run *r, const struct ev_look *ev)
{
	struct judge_options opt = judge_options(r, ev);
	bool leaks = r->opt->command == CMD_LEAKS;

	if (ev->why == LOOK_START)
		begin(r);
	if (leaks && (ev->why == LOOK_START || ev->why == LOOK_SAMPLE))
		judge_sample(&r->table, &r->session, &r->sites, &opt);
	else if (leaks)
		report_leaks(r, &opt);
	else if (ev->why == LOOK_INTERVAL || ev->why == LOOK_FINAL)
		report_outstanding(r);
}

static void summarise(struct run *r)
{
	const __u64 *count = r->session.counters.value;
	struct summary s = {
		.duration_ns = r->session.last_ns - r->session.ev.head.time_ns,
		.opened = count[CNT_OPENED],
		.closed = count[CNT_CLOSED],
		.failed = count[CNT_FAILED],
		.outstanding = r->outstanding,
		.pre_existing = r->pre_existing,
		.timelines = r->opt->verbose ? &r->timelines : NULL,
		.report = r->opt->command == CMD_LEAKS ? &r->report : NULL,
	};

	begin(r);
	if (r->out.ops->summary)
		r->out.ops->summary(&r->out, &s);
}

static void on_event(void *ctx, const struct ev_head *ev)
{
	struct run *r = ctx;
	int err;

	if (r->recording)
		recording_write(r->recording, ev);
	session_event(&r->session, ev);
	if (ev->kind == EV_CLOSE && r->opt->command == CMD_LEAKS)
		remember_ended(r, (const struct ev_conn *)ev);
	if (ev->kind == EV_SITE && (err = sites_event(&r->sites, (const struct ev_site *)ev)))
		r->err = err;
	if (ev->kind == EV_CLOSE || ev->kind == EV_FAILED)
		ended(r, (const struct ev_conn *)ev);
	else if (ev->kind == EV_OPEN)
		opened(r, (const struct ev_conn *)ev);
	err = table_event(&r->table, &r->session, ev);
	if (!err && r->opt->verbose)
		err = timelines_event(&r->timelines, ev);
	if (err && !r->err)
		r->err = err;
	if (ev->kind == EV_LOOK && r->recording)
		recording_flush(r->recording); /* its error is told at the end: recording_close() */
	if (ev->kind == EV_LOOK)
		on_look(r, (const struct ev_look *)ev);
	else if (ev->kind == EV_END)
		summarise(r);
}

static bool is_regular(FILE *f)
{
	struct stat st;

	return !fstat(fileno(f), &st) && S_ISREG(st.st_mode);
}

static enum exit_status open_output(struct run *r)
{
	const struct options *opt = r->opt;
	FILE *f = opt->output ? fopen(opt->output, "we") : stdout;

	if (!f) {
		complain("--output %s: %s", opt->output, strerror(errno));
		return EXIT_USAGE;
	}
	setvbuf(f, NULL, _IOFBF, OUTPUT_BUFFER);
	r->out = (struct output){
		.ops = format_ops(opt),
		.file = f,
		.session = &r->session,
		.colour = isatty(fileno(f)) && !getenv("NO_COLOR"),
		.flush = !is_regular(f),
		.events = opt->events,
		.verbose = opt->verbose,
		.top = opt->top,
	};
	return EXIT_DONE;
}

static enum exit_status replay(struct run *r, const struct event_sink *sink)
{
	struct recording_result res;
	int err = recording_read(r->opt->read, sink, &res);

	if (err) {
		complain("--read %s: %s", r->opt->read, strerror(-err));
		return EXIT_USAGE;
	}
	if (!res.damaged && r->session.ended)
		return EXIT_DONE;
	complain("--read %s: damaged at byte %llu: %s (what came before is shown)", r->opt->read,
		 (unsigned long long)res.offset, res.why);
	if (r->session.ev.head.size) { /* something could be read */
		r->outstanding = r->table.count;
		summarise(r);
	}
	return EXIT_DAMAGED;
}

static enum exit_status close_files(struct run *r, enum exit_status status)
{
	int err = r->recording ? recording_close(r->recording) : 0;

	if (err) {
		complain("--write %s: %s", r->opt->write, strerror(-err));
		status = status == EXIT_DONE ? EXIT_USAGE : status;
	}
	if (fflush(r->out.file) || ferror(r->out.file)) {
		complain("cannot write the output: %s", strerror(errno));
		status = status == EXIT_DONE ? EXIT_USAGE : status;
	}
	if (r->out.file != stdout)
		fclose(r->out.file);
	if (r->err && status == EXIT_DONE) {
		complain("out of memory: what is shown is not complete");
		status = EXIT_CANNOT_TRACE;
	}
	return status;
}

enum exit_status run(const struct options *opt)
{
	struct run r = { .opt = opt };
	struct event_sink sink = { on_event, &r };
	enum exit_status status = open_output(&r);
	int err;

	if (status != EXIT_DONE)
		return status;
	if (opt->write && (err = recording_create(opt->write, &r.recording))) {
		complain("--write %s: %s", opt->write, strerror(-err));
		return EXIT_USAGE;
	}
	status = opt->read ? replay(&r, &sink) : live_run(opt, &sink);
	status = close_files(&r, status);
	if (status == EXIT_DONE && opt->exit_code && r.any_finding &&
	    r.gravest >= (opt->exit_code == EXIT_CODE_SUSPECT ? SEVERITY_SUSPECT : SEVERITY_LEAK))
		status = EXIT_LEAK;
	report_free(&r.report);
	forget_ended(&r);
	sites_free(&r.sites);
	timelines_free(&r.timelines);
	table_free(&r.table);
	session_free(&r.session);
	return status;
}
