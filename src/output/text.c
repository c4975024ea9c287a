// SPDX-License-Identifier: GPL-2.0-only
/* Text for `trace`: tcplife's columns, a line per connection when it ends, then what is still open. Unknown is "-". */
#include <string.h>
#include "../lib/timefmt.h"
#include "output.h"
#include "text_internal.h"
#include "words.h"

#define KIB 1024
#define HOLDERS_SHOWN 4

enum { PID_WIDTH = 7, COMM_WIDTH = 15, ROLE_WIDTH = 6, PORT_WIDTH = 5, KB_WIDTH = 7, MS_WIDTH = 9, AGE_WIDTH = 8 };
enum { STATE_WIDTH = 11 };

/* Widths of an address column: any IPv4, most IPv6, any IPv6. */
static const unsigned int address_widths[] = { 15, 26, 39 };

/* One column: what `put` appended since `start`, and a space before the next one. */
static void column(struct buf *b, size_t start, size_t width, bool right)
{
	if (b->len == start)
		buf_char(b, '-');
	buf_column(b, start, width, right);
	buf_char(b, ' ');
}

static void word_column(struct buf *b, const char *word, size_t width, bool right)
{
	size_t start = b->len;

	if (word)
		buf_str(b, word);
	column(b, start, width, right);
}

/* 0 is unknown. */
static void number_column(struct buf *b, __u64 v, size_t width)
{
	size_t start = b->len;

	if (v)
		buf_u64(b, v);
	column(b, start, width, true);
}

static void comm_column(struct buf *b, const struct actor *who)
{
	size_t start = b->len;

	buf_comm(b, who->comm);
	column(b, start, COMM_WIDTH, false);
}

static void address_column(struct buf *b, unsigned int family, const __u8 addr[16], unsigned int width)
{
	size_t start = b->len;

	if (address_known(addr))
		buf_address(b, family, addr);
	column(b, start, width, false);
}

static void kb_column(struct buf *b, const struct sock_facts *f, __u64 bytes)
{
	size_t start = b->len;

	if (f->now_jiffies)
		buf_u64(b, bytes / KIB);
	column(b, start, KB_WIDTH, true);
}

/* PID to RPORT, which both lists have. */
static void begin_header(struct output *o, struct buf *b, bool time)
{
	unsigned int width = o->memo.address_width;

	buf_init(b);
	if (o->colour)
		buf_str(b, "\033[2m");
	if (time)
		word_column(b, "TIME", CLOCK_LEN, false);
	word_column(b, "PID", PID_WIDTH, true);
	word_column(b, "TID", PID_WIDTH, true);
	word_column(b, "COMM", COMM_WIDTH, false);
	word_column(b, "ROLE", ROLE_WIDTH, false);
	word_column(b, "LADDR", width, false);
	word_column(b, "LPORT", PORT_WIDTH, true);
	word_column(b, "RADDR", width, false);
	word_column(b, "RPORT", PORT_WIDTH, true);
}

static void finish_header(struct output *o, struct buf *b)
{
	if (o->colour)
		buf_str(b, "\033[0m");
	buf_line(b, o->file, o->flush);
	buf_free(b);
}

static void ended_header(struct output *o)
{
	struct buf b;

	begin_header(o, &b, true);
	word_column(&b, "TX_KB", KB_WIDTH, true);
	word_column(&b, "RX_KB", KB_WIDTH, true);
	word_column(&b, "MS", MS_WIDTH, true);
	buf_str(&b, "CLOSE");
	finish_header(o, &b);
}

static void open_header(struct output *o)
{
	struct buf b;

	begin_header(o, &b, false);
	word_column(&b, "AGE", AGE_WIDTH, true);
	word_column(&b, "STATE", STATE_WIDTH, false);
	buf_str(&b, "HOLDERS");
	finish_header(o, &b);
}

/* Characters that the longer one of its two addresses needs. */
static unsigned int address_need(const struct conn *c)
{
	size_t need = 0, end;
	struct buf b;

	if (c->family == 4)
		return address_widths[0];
	buf_init(&b);
	buf_address(&b, c->family, c->laddr);
	need = b.len;
	buf_address(&b, c->family, c->raddr);
	end = b.len;
	buf_free(&b);
	return (unsigned int)(end - need > need ? end - need : need);
}

/* Widens the address columns when these do not fit. true: they were widened. */
static bool widen(struct output *o, const struct conn *c)
{
	unsigned int need = address_need(c);
	bool widened = false;

	for (size_t i = 0; i < sizeof(address_widths) / sizeof(address_widths[0]); i++) {
		if (o->memo.address_width >= need)
			break;
		if (o->memo.address_width < address_widths[i]) {
			o->memo.address_width = address_widths[i];
			widened = true;
		}
	}
	return widened;
}

static void text_begin(struct output *o)
{
	o->memo.address_width = address_widths[0];
	ended_header(o);
}

static void tuple_columns(struct buf *b, const struct conn *c, unsigned int width)
{
	word_column(b, role_word(c->role), ROLE_WIDTH, false);
	address_column(b, c->family, c->laddr, width);
	number_column(b, c->lport, PORT_WIDTH);
	address_column(b, c->family, c->raddr, width);
	number_column(b, c->rport, PORT_WIDTH);
}

/* TIME to RPORT. */
static void first_columns(struct output *o, struct buf *b, const struct connection *k, __u64 time_ns)
{
	char clock[CLOCK_LEN + 1] = "-";

	if (widen(o, &k->c))
		ended_header(o);
	if (time_ns)
		clock_text(clock, session_wall_ns(o->session, time_ns));
	word_column(b, clock, CLOCK_LEN, false);
	number_column(b, k->c.opener.pid, PID_WIDTH);
	number_column(b, k->c.opener.tid, PID_WIDTH);
	comm_column(b, &k->c.opener);
	tuple_columns(b, &k->c, o->memo.address_width);
}

/* TX_KB to MS of an ended one. */
static void amount_columns(struct buf *b, const struct connection *k)
{
	size_t start;
	__u64 ns;

	kb_column(b, &k->sock, k->sock.tx_bytes);
	kb_column(b, &k->sock, k->sock.rx_bytes);
	start = b->len;
	if (conn_duration_ns(&k->c, &ns)) {
		if (k->c.origin == ORIGIN_SNAPSHOT)
			buf_str(b, ">=");
		buf_u64(b, ns / 1000000);
		buf_char(b, '.');
		buf_char(b, (char)('0' + ns / 100000 % 10));
		buf_char(b, (char)('0' + ns / 10000 % 10));
	}
	column(b, start, MS_WIDTH, true);
}

/* The closer is worth a word only when it is not the opener's process. */
static void put_closer(struct buf *b, const struct conn *c)
{
	if (!c->closer.pid || c->closer.pid == c->opener.pid)
		return;
	buf_str(b, " by ");
	buf_u64(b, c->closer.pid);
	if (!c->closer.comm[0])
		return;
	buf_char(b, '/');
	buf_comm(b, c->closer.comm);
}

static void text_open(struct output *o, const struct connection *k)
{
	struct buf b;

	if (!o->events)
		return;
	buf_init(&b);
	first_columns(o, &b, k, k->c.opened_ns ? k->c.opened_ns + k->c.connect_ns : 0);
	word_column(&b, NULL, KB_WIDTH, true);
	word_column(&b, NULL, KB_WIDTH, true);
	word_column(&b, NULL, MS_WIDTH, true);
	buf_str(&b, "open");
	buf_line(&b, o->file, o->flush);
	buf_free(&b);
}

static void text_close(struct output *o, const struct connection *k)
{
	const char *how = how_word(k->c.how);
	struct buf b;

	buf_init(&b);
	first_columns(o, &b, k, k->c.closed_ns);
	amount_columns(&b, k);
	buf_str(&b, how ? how : "-");
	put_closer(&b, &k->c);
	if (k->c.peer_closed_ns)
		buf_str(&b, ", peer first");
	buf_line(&b, o->file, o->flush);
	buf_free(&b);
}

static void text_failed(struct output *o, const struct connection *k)
{
	const char *how = how_word(k->c.how);
	char scratch[ERRNO_WORD_LEN];
	struct buf b;

	buf_init(&b);
	first_columns(o, &b, k, k->c.closed_ns);
	amount_columns(&b, k);
	if (k->sock.err) {
		buf_str(&b, errno_word(k->sock.err, scratch));
	} else { /* given up before there was an answer */
		buf_str(&b, "failed");
		if (how) {
			buf_char(&b, ' ');
			buf_str(&b, how);
		}
	}
	put_closer(&b, &k->c);
	buf_line(&b, o->file, o->flush);
	buf_free(&b);
}

/* pid/comm:fd of each, as many as a line can take. */
static void put_holders(struct buf *b, const struct connection *k)
{
	for (size_t i = 0; i < k->nholders && i < HOLDERS_SHOWN; i++) {
		const struct holder *h = &k->holders[i];

		if (i)
			buf_char(b, ' ');
		if (!h->who.pid) {
			buf_str(b, "in-flight"); /* in no process's fd table */
			continue;
		}
		buf_u64(b, h->who.pid);
		buf_char(b, '/');
		buf_comm(b, h->who.comm);
		if (h->fd >= 0) {
			buf_char(b, ':');
			buf_u64(b, (__u64)h->fd);
		}
		if (h->stopped)
			buf_str(b, "(stopped)");
	}
	if (k->nholders > HOLDERS_SHOWN)
		buf_printf(b, " and %u more", k->nholders - HOLDERS_SHOWN);
	else if (!k->nholders)
		buf_char(b, '-');
}

static void text_outstanding(struct output *o, const struct connection *k, __u64 now_ns)
{
	bool widened = widen(o, &k->c);
	char age[DURATION_LEN];
	struct buf b;
	size_t start;

	if (o->memo.heading_ns != now_ns)
		fputs("still open:\n", o->file);
	if (o->memo.heading_ns != now_ns || widened)
		open_header(o);
	o->memo.heading_ns = now_ns;

	buf_init(&b);
	number_column(&b, k->c.opener.pid, PID_WIDTH);
	number_column(&b, k->c.opener.tid, PID_WIDTH);
	comm_column(&b, &k->c.opener);
	tuple_columns(&b, &k->c, o->memo.address_width);
	start = b.len;
	if (k->c.opened_ns) {
		duration_text(age, connection_age_ns(k, now_ns));
		if (k->c.origin == ORIGIN_SNAPSHOT)
			buf_str(&b, ">=");
		buf_str(&b, age);
	}
	column(&b, start, AGE_WIDTH, true);
	word_column(&b, state_word(k->sock.state), STATE_WIDTH, false);
	put_holders(&b, k);
	buf_line(&b, o->file, o->flush);
	buf_free(&b);
}

static void put_losses(struct buf *b, const struct session *s)
{
	const char *before = "lost: ";

	if (!session_lost(s)) {
		buf_str(b, "nothing lost");
		return;
	}
	for (int c = CNT_LOST; c < CNT_MAX; c++) {
		if (!s->counters.value[c])
			continue;
		buf_str(b, before);
		buf_u64(b, s->counters.value[c]);
		buf_char(b, ' ');
		buf_str(b, loss_name((enum counter)c));
		before = ", ";
	}
}

static void text_summary(struct output *o, const struct summary *s)
{
	char duration[DURATION_LEN];
	struct buf b;

	if (s->timelines)
		text_threads(o, s->timelines);
	duration_text(duration, s->duration_ns);
	buf_init(&b);
	buf_str(&b, duration);
	buf_str(&b, ": ");
	if (s->pre_existing) { /* all of them, not only those that are still open */
		buf_u64(&b, s->pre_existing);
		buf_str(&b, " from before the start, ");
	}
	buf_u64(&b, s->opened);
	buf_str(&b, " opened, ");
	buf_u64(&b, s->closed);
	buf_str(&b, " closed, ");
	buf_u64(&b, s->failed);
	buf_str(&b, " failed, ");
	buf_u64(&b, s->outstanding);
	buf_str(&b, " still open");
	buf_str(&b, "; ");
	put_losses(&b, o->session);
	buf_line(&b, o->file, o->flush);
	buf_free(&b);
}

const struct output_ops output_text = {
	.name = "text",
	.begin = text_begin,
	.open = text_open,
	.close = text_close,
	.failed = text_failed,
	.outstanding = text_outstanding,
	.summary = text_summary,
};
