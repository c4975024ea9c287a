// SPDX-License-Identifier: GPL-2.0-only
/* text_threads.c - `trace -v`: what each thread opened and closed, with a lane of its last deeds. */
#include "../lib/buf.h"
#include "../model/timeline.h"
#include "output.h"
#include "text_internal.h"
#include "words.h"

/* One sign a deed, oldest first: + opened, - closed, ! failed to connect; dots for every second of silence, up to 3. */
static void put_lane(struct buf *b, const struct thread *th)
{
	static const char signs[] = { [DEED_OPEN] = '+', [DEED_CLOSE] = '-', [DEED_FAIL] = '!' };

	for (unsigned int i = 0; i < th->ndeeds; i++) {
		__u64 gap = i ? (th->deeds[i].time_ns - th->deeds[i - 1].time_ns) / 1000000000ULL : 0;

		buf_fill(b, '.', gap > 3 ? 3 : gap);
		buf_char(b, signs[th->deeds[i].kind]);
	}
}

void text_threads(struct output *o, const struct timelines *t)
{
	struct thread *th, *next;
	struct buf b;
	size_t start;

	if (!t->threads)
		return;
	buf_init(&b);
	buf_str(&b, "by thread (of what has ended):");
	buf_line(&b, o->file, o->flush);
	buf_str(&b, "    PID     TID COMM              OPENED   CLOSED  ELSEWHERE  FAILED  LAST DEEDS (+ opened - closed ! failed)");
	buf_line(&b, o->file, o->flush);
	HASH_ITER(hh, t->threads, th, next) {
		buf_printf(&b, "%7u %7u ", th->key.pid, th->key.tid);
		start = b.len;
		buf_comm(&b, th->comm);
		buf_column(&b, start, 15, false);
		buf_printf(&b, " %8llu %8llu %10llu %7llu  ", (unsigned long long)th->opened,
			   (unsigned long long)th->closed, (unsigned long long)th->closed_elsewhere,
			   (unsigned long long)th->failed);
		put_lane(&b, th);
		buf_line(&b, o->file, o->flush);
	}
	if (t->forgotten) {
		buf_printf(&b, "and %llu threads that were silent for longest", (unsigned long long)t->forgotten);
		buf_line(&b, o->file, o->flush);
	}
	buf_free(&b);
}
