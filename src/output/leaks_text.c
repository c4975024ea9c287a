// SPDX-License-Identifier: GPL-2.0-only
/*
 * leaks_text.c - the report of `leaks` for people: readable at 100 columns by someone who has never seen one. The
 * gravest finding first; what is normal in one line each.
 */
#include <string.h>
#include "../analysis/finding.h"
#include "../lib/timefmt.h"
#include "output.h"
#include "site_words.h"
#include "words.h"

#define WIDTH 100
#define INDENT 6
#define LABEL 14 /* "local ports" and a gap */
#define LISTED 12 /* ports, fds: more are counted */
#define PASTED 10 /* ports in a command: what fits a line */

static void put_indent(struct buf *b, const char *label)
{
	size_t start;

	buf_fill(b, ' ', INDENT);
	start = b->len;
	buf_str(b, label);
	buf_column(b, start, LABEL, false);
}

/* Text in lines of WIDTH, broken at blanks. */
static void put_wrapped(struct output *o, const char *label, const char *text)
{
	size_t room = WIDTH - INDENT - (*label ? LABEL : 0), len = strlen(text);
	struct buf b;

	buf_init(&b);
	while (len) {
		size_t n = len;

		if (n > room)
			for (n = room; n && text[n] != ' '; n--)
				;
		if (!n)
			n = len < room ? len : room;
		if (*label)
			put_indent(&b, label);
		else
			buf_fill(&b, ' ', INDENT);
		buf_mem(&b, text, n);
		buf_line(&b, o->file, o->flush);
		text += n + (text[n] == ' ');
		len = strlen(text);
		if (*label)
			label = " ";
	}
	buf_free(&b);
}

static const char *paint(const struct output *o, enum severity s)
{
	static const char *const colours[] = { "\033[2m", "\033[33m", "\033[1;31m" };

	return o->colour ? colours[s] : "";
}

/* LEAK  close-wait x12 (+4), certain                        orders[4121] -> 10.0.3.7:5432 */
static void put_heading(struct output *o, const struct finding *f)
{
	static const char *const words[] = { "info", "SUSPECT", "LEAK" };
	size_t start, from;
	struct buf b;

	buf_init(&b);
	buf_str(&b, paint(o, f->severity));
	start = b.len;
	buf_str(&b, words[f->severity]);
	buf_column(&b, start, 8, false);
	if (o->colour)
		buf_str(&b, "\033[0m");
	from = b.len;
	buf_printf(&b, "%s x%zu", verdict_word(f->verdict), f->count);
	if (f->has_growth && f->growth)
		buf_printf(&b, " (%+ld)", f->growth);
	buf_printf(&b, ", %s", confidence_word(f->confidence));
	buf_column(&b, from, 38, false);
	buf_char(&b, ' ');
	buf_comm(&b, f->site.comm);
	if (f->site.pid)
		buf_printf(&b, "[%u]", f->site.pid);
	buf_str(&b, f->site.role == ROLE_SERVER ? "  serving " : "  -> ");
	buf_remote(&b, &f->site);
	buf_line(&b, o->file, o->flush);
	buf_free(&b);
}

/* "43394 43402 43418 and 9 more" */
static void put_numbers(struct output *o, const char *label, const struct finding *f,
			int (*number)(const struct connection *))
{
	size_t listed = 0, left = 0;
	struct buf b;

	buf_init(&b);
	for (size_t i = 0; i < f->nconnections; i++) {
		int n = number(f->connections[i]);

		if (n < 0)
			continue;
		if (listed == LISTED)
			left++;
		else
			buf_printf(&b, "%s%d", listed++ ? " " : "", n);
	}
	if (left)
		buf_printf(&b, " and %zu more", left);
	buf_char(&b, 0);
	if (listed && !b.err)
		put_wrapped(o, label, b.data);
	buf_free(&b);
}

static int local_port(const struct connection *k)
{
	return k->c.lport;
}

static int first_fd(const struct connection *k)
{
	return k->nholders ? k->holders[0].fd : -1;
}

/* Processes that hold the connections, when they are not just the site's own. */
static void put_holders(struct output *o, const struct finding *f)
{
	const struct connection *k = f->connections[0];
	struct buf b;

	buf_init(&b);
	for (size_t i = 0; i < k->nholders && i < LISTED; i++) {
		buf_printf(&b, "%s", i ? ", " : "");
		buf_comm(&b, k->holders[i].who.comm);
		buf_printf(&b, "[%u] fd %d%s", k->holders[i].who.pid, k->holders[i].fd,
			   k->holders[i].stopped ? " (stopped)" : "");
	}
	if (f->nconnections > 1)
		buf_str(&b, " (the first of them)");
	buf_char(&b, 0);
	if (!b.err && (k->nholders > 1 || (k->nholders && k->holders[0].who.pid != f->site.pid)))
		put_wrapped(o, "held by", b.data);
	else
		put_numbers(o, "fd", f, first_fd);
	buf_free(&b);
}

static void put_last_use(struct output *o, const struct finding *f, __u64 now_ns)
{
	struct last_use u = connection_last_use(f->connections[0]);
	struct buf b;
	char idle[DURATION_LEN];

	if (u.direction == DIR_NONE || now_ns < u.time_ns)
		return;
	buf_init(&b);
	duration_text(idle, now_ns - u.time_ns);
	buf_printf(&b, "%s %s ago", u.direction == DIR_SEND ? "sent" : "received", idle);
	if (u.who.pid) {
		buf_str(&b, " by thread ");
		buf_comm(&b, u.who.comm);
		buf_printf(&b, " (%u)", u.who.tid);
	}
	if (f->nconnections > 1)
		buf_str(&b, ", the oldest of them");
	buf_char(&b, 0);
	if (!b.err)
		put_wrapped(o, "last use", b.data);
	buf_free(&b);
}

static void put_reader(struct output *o, const struct finding *f)
{
	static const char *const words[] = { NULL, "nobody waits for data", "blocked in recv", "blocked in poll",
					     "an event loop (epoll)" };
	const struct connection *k = f->connections[0];
	struct buf b;

	if (!words[k->reader])
		return;
	buf_init(&b);
	buf_str(&b, words[k->reader]);
	if (k->reader_tid)
		buf_printf(&b, ", thread %u", k->reader_tid);
	buf_char(&b, 0);
	if (!b.err)
		put_wrapped(o, "reader", b.data);
	buf_free(&b);
}

static void put_owner(struct output *o, const struct finding *f)
{
	const char *path = session_cgroup(o->session, f->connections[0]->c.cgroup);
	struct buf b;

	buf_init(&b);
	if (path && buf_owner(&b, path)) {
		buf_char(&b, 0);
		if (!b.err)
			put_wrapped(o, "unit", b.data);
	}
	buf_free(&b);
}

static void put_finding(struct output *o, const struct finding *f, __u64 now_ns)
{
	put_heading(o, f);
	put_wrapped(o, "", f->reason);
	if (f->severity == SEVERITY_INFO || !f->nconnections)
		return;
	put_owner(o, f);
	put_last_use(o, f, now_ns);
	put_reader(o, f);
	put_holders(o, f);
	put_numbers(o, "local ports", f, local_port);
}

static void put_title(struct output *o, const struct report *r)
{
	const __u64 *count = o->session->counters.value;
	char still[DURATION_LEN];
	bool any = false;
	struct buf b;

	buf_init(&b);
	buf_printf(&b, "%zu finding%s, %zu connection%s open", r->nfindings, r->nfindings == 1 ? "" : "s", r->open,
		   r->open == 1 ? "" : "s");
	if (r->pre_existing)
		buf_printf(&b, " (%zu from before the start)", r->pre_existing);
	for (enum counter c = CNT_LOST; c < CNT_MAX; c++)
		if (count[c]) {
			buf_printf(&b, "%s %llu %s", any ? "," : "; LOST:", (unsigned long long)count[c], loss_name(c));
			any = true;
		}
	if (!any)
		buf_str(&b, ", nothing lost");
	buf_line(&b, o->file, o->flush);
	if (session_standstill_ns(o->session)) {
		duration_text(still, session_standstill_ns(o->session));
		buf_printf(&b, "this host stood still for %s: not counted as time unused", still);
		buf_line(&b, o->file, o->flush);
	}
	buf_line(&b, o->file, o->flush);
	buf_free(&b);
}

/* The ports of what is accused, ready to paste. */
static void put_commands(struct output *o, const struct report *r, size_t shown)
{
	struct buf ports;
	size_t n = 0;

	buf_init(&ports);
	for (size_t i = 0; i < shown; i++) {
		const struct finding *f = &r->findings[i];

		for (size_t k = 0; f->severity > SEVERITY_INFO && k < f->nconnections && n < PASTED; k++)
			buf_printf(&ports, "%s%u", n++ ? "," : "", f->connections[k]->c.lport);
	}
	buf_char(&ports, 0);
	if (n && !ports.err) {
		fprintf(o->file, "look closer:  ss -tnpe | grep -E ':(");
		for (const char *p = ports.data; *p; p++)
			fputc(*p == ',' ? '|' : *p, o->file);
		fprintf(o->file, ") '\n              lsof -nP -iTCP:%s\n", ports.data);
		fprintf(o->file, "              SELECT pid, state, query FROM pg_stat_activity\n"
				 "                WHERE client_port IN (%s);\n", ports.data);
	}
	buf_free(&ports);
}

static void put_opinion(struct output *o, const struct opinion *p)
{
	static const char *const words[] = { "info", "suspect", "LEAK" };
	const struct conn *c = &p->k->c;
	size_t start;
	struct buf b;

	buf_init(&b);
	buf_str(&b, "  ");
	start = b.len;
	buf_comm(&b, c->opener.comm);
	buf_printf(&b, "[%u] ", c->opener.pid);
	buf_column(&b, start, 22, false);
	start = b.len;
	buf_printf(&b, "%u %s ", c->lport, c->role == ROLE_SERVER ? "<-" : "->");
	buf_address(&b, c->family, c->raddr);
	buf_printf(&b, ":%u ", c->rport);
	buf_column(&b, start, 30, false);
	buf_printf(&b, "%s%s%s: %s", p->verdict ? words[p->severity] : "none", p->verdict ? " " : "",
		   p->verdict ? verdict_word(p->verdict) : "", p->why);
	buf_line(&b, o->file, o->flush);
	buf_free(&b);
}

static void leaks_report(struct output *o, const struct report *r)
{
	size_t shown = o->top && o->top < r->nfindings ? o->top : r->nfindings;

	put_title(o, r);
	for (size_t i = 0; i < shown; i++) {
		put_finding(o, &r->findings[i], r->now_ns);
		fputc('\n', o->file);
	}
	if (shown < r->nfindings)
		fprintf(o->file, "and %zu more findings (--top)\n\n", r->nfindings - shown);
	if (r->nopinions)
		fputs("every connection, and why:\n", o->file);
	for (size_t i = 0; i < r->nopinions; i++)
		put_opinion(o, &r->opinions[i]);
	put_commands(o, r, shown);
	if (!r->last)
		fputs("--\n", o->file);
	fflush(o->file);
}

const struct output_ops output_leaks_text = { .name = "text", .report = leaks_report };
