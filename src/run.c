// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "events/decode.h"
#include "events/recording.h"
#include "live.h"
#include "model/table.h"
#include "output/output.h"
#include "run.h"

#define OUTPUT_BUFFER (256 * 1024)

struct run {
	const struct options *opt;
	struct session session;
	struct table table;
	struct output out;
	struct recording *recording; /* -w; NULL = none */
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

static void on_look(struct run *r, const struct ev_look *ev)
{
	if (ev->why == LOOK_START)
		begin(r);
	else
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
	if (ev->kind == EV_CLOSE || ev->kind == EV_FAILED)
		ended(r, (const struct ev_conn *)ev);
	else if (ev->kind == EV_OPEN)
		opened(r, (const struct ev_conn *)ev);
	err = table_event(&r->table, &r->session, ev);
	if (err && !r->err)
		r->err = err;
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
		.ops = find_format(opt),
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
		r->outstanding = HASH_COUNT(r->table.by_id);
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
	table_free(&r.table);
	session_free(&r.session);
	return status;
}
