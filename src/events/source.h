/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * source.h - where events go: the one sink that the live collector and the replay of a recording both feed.
 */
#ifndef CONNLIFE_SOURCE_H
#define CONNLIFE_SOURCE_H

#include "../../bpf/events.h"

struct event_sink {
	/* ev has passed event_check(); it is valid during the call only. */
	void (*event)(void *ctx, const struct ev_head *ev);
	void *ctx;
};

static inline void sink_event(const struct event_sink *sink, const struct ev_head *ev)
{
	sink->event(sink->ctx, ev);
}

#endif
