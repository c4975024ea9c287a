/* SPDX-License-Identifier: GPL-2.0-only */
/* conn.h - the scenarios, one table per file; a table ends with an entry without a name. */
#ifndef CONN_H
#define CONN_H

struct scenario {
	const char *name;
	void (*run)(const char *name); /* prints the truth of each of its ends */
};

extern const struct scenario opening_scenarios[]; /* conn_opening.c */
extern const struct scenario closing_scenarios[]; /* conn_closing.c */
extern const struct scenario process_scenarios[]; /* conn_process.c */
extern const struct scenario uring_scenarios[]; /* conn_uring.c */

extern int many_count; /* connections of scenario `many` */

/* Runs body(arg) in a thread of this name until it returns. */
void in_thread(const char *name, void (*body)(void *), void *arg);

#endif
