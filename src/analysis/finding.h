/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * finding.h - what the analyses say: one verdict for each connection, findings that group them by site and verdict,
 * and the report of one moment. Formats read these; they never judge.
 */
#ifndef CONNLIFE_FINDING_H
#define CONNLIFE_FINDING_H

#include "../model/connection.h"

/* In the order in which they are tried: the first that fits is a connection's verdict. */
enum verdict {
	VERDICT_NONE,
	VERDICT_CLOSE_WAIT,
	VERDICT_UNREAD,
	VERDICT_OWNERLESS,
	VERDICT_BYPASSED,
	VERDICT_GROWING,
	VERDICT_REAPED,
	VERDICT_CHURN,
	VERDICT_IDLE,
	VERDICT_MAX,
};

enum severity { SEVERITY_INFO, SEVERITY_SUSPECT, SEVERITY_LEAK };
enum confidence { CONFIDENCE_UNVERIFIED, CONFIDENCE_LIKELY, CONFIDENCE_CERTAIN };

#define MAX_EVIDENCE 8

/* A number that a finding's sentence rests on; its name is a JSON field. */
struct evidence {
	const char *name; /* a literal */
	__u64 value;
};

struct finding {
	enum verdict verdict;
	enum severity severity;
	enum confidence confidence;
	char reason[320];
	struct site_key site;
	struct actor holder; /* whose fd it is, where that is not the site's process; pid 0 = the same */
	size_t count;
	long growth; /* since the report before, or since the first look; valid when has_growth */
	bool has_growth;
	__u64 oldest_ns; /* longest time without use, or since the fact that the verdict names */
	bool at_least; /* oldest_ns is a lower bound: opened before the start */
	const struct connection **connections; /* those of the count that are open, oldest first; owned by the report */
	size_t nconnections;
	struct evidence evidence[MAX_EVIDENCE];
	size_t nevidence;
};

/* What became of one open connection: for `leaks -v`. */
struct opinion {
	const struct connection *k;
	enum verdict verdict;
	enum severity severity;
	char why[128];
};

struct report {
	__u64 now_ns; /* the moment of the look it rests on */
	__u64 older_ns; /* T */
	struct finding *findings; /* the gravest first */
	size_t nfindings;
	struct opinion *opinions; /* every open connection, oldest first; only when asked for */
	size_t nopinions;
	size_t open, pre_existing; /* connections that passed the filter */
	__u64 connections_of[VERDICT_MAX]; /* how many of each */
	bool last; /* nothing follows but the summary */
};

/* Frees what report holds, not the connections. */
void report_free(struct report *r);

const char *verdict_word(enum verdict v);
const char *severity_word(enum severity s);
const char *confidence_word(enum confidence c);

#endif
