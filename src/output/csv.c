// SPDX-License-Identifier: GPL-2.0-only
/* CSV (RFC 4180, but lines end in LF): JSON's names, flattened. Unknown is empty. One row is one line always. */
#include <string.h>
#include "../lib/timefmt.h"
#include "../lib/utf8.h"
#include "output.h"
#include "words.h"

/* In the order in which row() puts them. */
static const char columns[] =
	"type,id,netns,family,laddr,lport,raddr,rport,role,pid,tid,comm,fd,cgroup,opened,origin,tx_bytes,rx_bytes,"
	"rtt_us,retransmits,connect_ns,duration_ns,errno,peer_closed,close_how,close_time,close_pid,close_tid,"
	"close_comm,age_ns,state,last_use_time,last_use_idle_ns,last_use_direction,last_use_pid,last_use_tid,"
	"last_use_comm,reader_how,reader_pid,reader_tid,holders";

static void put_number(struct buf *b, __u64 v)
{
	buf_char(b, ',');
	buf_u64(b, v);
}

/* 0 is unknown. */
static void put_known(struct buf *b, __u64 v)
{
	buf_char(b, ',');
	if (v)
		buf_u64(b, v);
}

static void put_empty(struct buf *b, size_t n)
{
	buf_fill(b, ',', n);
}

/* Control characters and what is not UTF-8 are \xNN, so only commas and quotes are left to quote for. */
static void put_text(struct buf *b, const char *s, size_t n)
{
	bool quote;

	buf_char(b, ',');
	if (!s)
		return;
	n = strnlen(s, n);
	quote = memchr(s, ',', n) || memchr(s, '"', n);
	if (!quote) {
		utf8_printable(b, s, n);
		return;
	}
	buf_char(b, '"');
	for (size_t i = 0, from = 0; i <= n; i++) {
		if (i < n && s[i] != '"')
			continue;
		utf8_printable(b, s + from, i - from);
		if (i < n)
			buf_str(b, "\"\"");
		from = i + 1;
	}
	buf_char(b, '"');
}

static void put_word(struct buf *b, const char *word)
{
	put_text(b, word, word ? strlen(word) : 0);
}

static void put_address(struct buf *b, unsigned int family, const __u8 addr[16])
{
	buf_char(b, ',');
	if (address_known(addr))
		buf_address(b, family, addr);
}

static void put_time(struct buf *b, const struct session *s, __u64 mono_ns)
{
	char text[RFC3339_LEN + 1];

	buf_char(b, ',');
	if (!mono_ns)
		return;
	rfc3339_text(text, session_wall_ns(s, mono_ns));
	buf_mem(b, text, RFC3339_LEN);
}

/* pid, tid, comm */
static void put_actor(struct buf *b, const struct actor *a)
{
	if (!a->pid) {
		put_empty(b, 3);
		return;
	}
	put_number(b, a->pid);
	put_known(b, a->tid);
	put_text(b, a->comm, COMM_LEN);
}

/* tx_bytes to retransmits */
static void put_sock(struct buf *b, const struct sock_facts *f)
{
	if (!f->now_jiffies) {
		put_empty(b, 4);
		return;
	}
	put_number(b, f->tx_bytes);
	put_number(b, f->rx_bytes);
	put_known(b, f->rtt_us);
	put_number(b, f->retransmits);
}

/* type to retransmits */
static void put_connection(struct buf *b, const char *type, const struct session *s, const struct connection *k)
{
	const struct conn *c = &k->c;
	int fd = connection_fd(k);

	buf_str(b, type);
	put_known(b, c->id);
	put_known(b, c->netns);
	put_number(b, c->family);
	put_address(b, c->family, c->laddr);
	put_known(b, c->lport);
	put_address(b, c->family, c->raddr);
	put_known(b, c->rport);
	put_word(b, role_word(c->role));
	put_actor(b, &c->opener);
	buf_char(b, ',');
	if (fd >= 0)
		buf_u64(b, (__u64)fd);
	put_word(b, c->cgroup ? session_cgroup(s, c->cgroup) : NULL);
	put_time(b, s, c->opened_ns);
	put_word(b, origin_word(c->origin));
	put_sock(b, &k->sock);
}

/* close_how to close_comm */
static void put_close(struct buf *b, const struct session *s, const struct conn *c)
{
	put_word(b, how_word(c->how));
	put_time(b, s, c->closed_ns);
	put_actor(b, &c->closer);
}

/* last_use_time to last_use_comm */
static void put_last_use(struct buf *b, const struct session *s, const struct connection *k, __u64 now_ns)
{
	struct last_use use = connection_last_use(k);

	/* All that is known of such a one is when it was first seen. */
	if (!use.time_ns || (use.direction == DIR_NONE && k->c.origin == ORIGIN_SNAPSHOT)) {
		put_empty(b, 6);
		return;
	}
	put_time(b, s, use.time_ns);
	put_number(b, now_ns > use.time_ns ? now_ns - use.time_ns : 0);
	put_word(b, direction_word(use.direction));
	put_actor(b, &use.who);
}

/* pid:fd of each process */
static void put_holders(struct buf *b, const struct connection *k)
{
	char before = ',';

	for (size_t i = 0; i < k->nholders; i++) {
		if (!k->holders[i].who.pid)
			continue;
		buf_char(b, before);
		before = ' ';
		buf_u64(b, k->holders[i].who.pid);
		if (k->holders[i].fd >= 0) {
			buf_char(b, ':');
			buf_u64(b, (__u64)k->holders[i].fd);
		}
	}
	if (before == ',')
		put_empty(b, 1);
}

static void csv_begin(struct output *o)
{
	fputs(columns, o->file);
	fputc('\n', o->file);
	if (o->flush)
		fflush(o->file);
}

static void csv_open(struct output *o, const struct connection *k)
{
	struct buf b;

	if (!o->events)
		return;
	buf_init(&b);
	put_connection(&b, "open", o->session, k);
	put_known(&b, k->c.role == ROLE_CLIENT ? k->c.connect_ns : 0);
	put_empty(&b, 20); /* duration_ns to holders */
	buf_line(&b, o->file, o->flush);
	buf_free(&b);
}

/* Both ends of a row that ended: as a connection, or as an attempt. */
static void put_ended(struct output *o, const struct connection *k, bool failed)
{
	char scratch[ERRNO_WORD_LEN];
	__u64 duration;
	struct buf b;

	buf_init(&b);
	put_connection(&b, failed ? "failed" : "close", o->session, k);
	if (!failed)
		put_empty(&b, 1);
	if (conn_duration_ns(&k->c, &duration))
		put_number(&b, duration);
	else
		put_empty(&b, 1);
	if (failed)
		put_empty(&b, 1);
	put_word(&b, failed && k->sock.err ? errno_word(k->sock.err, scratch) : NULL);
	put_time(&b, o->session, failed ? 0 : k->c.peer_closed_ns);
	if (!failed || k->c.closer.pid)
		put_close(&b, o->session, &k->c);
	else
		put_empty(&b, 5);
	put_empty(&b, 12); /* age_ns to holders */
	buf_line(&b, o->file, o->flush);
	buf_free(&b);
}

static void csv_close(struct output *o, const struct connection *k)
{
	put_ended(o, k, false);
}

static void csv_failed(struct output *o, const struct connection *k)
{
	put_ended(o, k, true);
}

static void csv_outstanding(struct output *o, const struct connection *k, __u64 now_ns)
{
	struct buf b;

	buf_init(&b);
	put_connection(&b, "outstanding", o->session, k);
	put_empty(&b, 3); /* connect_ns, duration_ns, errno */
	put_time(&b, o->session, k->c.peer_closed_ns);
	put_empty(&b, 5); /* close_how to close_comm */
	if (k->c.opened_ns)
		put_number(&b, connection_age_ns(k, now_ns));
	else
		put_empty(&b, 1);
	put_word(&b, state_word(k->sock.state));
	put_last_use(&b, o->session, k, now_ns);
	put_word(&b, reader_word(k->reader));
	put_known(&b, k->reader_pid);
	put_known(&b, k->reader_tid);
	put_holders(&b, k);
	buf_line(&b, o->file, o->flush);
	buf_free(&b);
}

const struct output_ops output_csv = {
	.name = "csv",
	.begin = csv_begin,
	.open = csv_open,
	.close = csv_close,
	.failed = csv_failed,
	.outstanding = csv_outstanding,
};
