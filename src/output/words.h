/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * words.h - the words in which every format says the same facts. Pure; NULL = there is no word for it (unknown).
 */
#ifndef CONNLIFE_WORDS_H
#define CONNLIFE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include "../lib/buf.h"
#include "../model/connection.h"

#define ERRNO_WORD_LEN 24

const char *how_word(unsigned int how);
const char *role_word(unsigned int role);
const char *origin_word(unsigned int origin);
const char *state_word(unsigned int state); /* ESTABLISHED, CLOSE_WAIT, ... */
const char *reader_word(unsigned int reader);
const char *direction_word(enum direction d);

/* ECONNREFUSED, ...; "errno 999" in `scratch` for one that has no name here. */
const char *errno_word(unsigned int err, char scratch[ERRNO_WORD_LEN]);

/* false: all zero, so it was not known yet. */
bool address_known(const __u8 addr[16]);
void buf_address(struct buf *b, unsigned int family, const __u8 addr[16]);

/* comm as text that is safe on a terminal and in one line. */
void buf_comm(struct buf *b, const char comm[COMM_LEN]);

/* How long it took to end: false when unknown. Of a snapshot it is a lower bound. */
bool conn_duration_ns(const struct conn *c, __u64 *ns);

#endif
