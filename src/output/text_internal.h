/* SPDX-License-Identifier: GPL-2.0-only */
/* text_internal.h - what the text format's files share. */
#ifndef CONNLIFE_TEXT_INTERNAL_H
#define CONNLIFE_TEXT_INTERNAL_H

struct output;
struct timelines;

/* text_threads.c */
void text_threads(struct output *o, const struct timelines *t);

#endif
