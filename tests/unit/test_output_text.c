// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "printed.h"

#define HEADER \
	"TIME         PID     TID COMM            ROLE   LADDR           LPORT RADDR           RPORT   TX_KB   RX_KB        MS CLOSE\n"
#define OPEN_HEADER_WIDE \
	"    PID     TID COMM            ROLE   LADDR                      LPORT RADDR                      RPORT      AGE STATE       HOLDERS\n"

static void closed(void **state)
{
	struct connection k;
	struct printed p;

	(void)state;
	printed_begin(&p, &output_text);
	output_text.begin(&p.o);
	printed_expect(&p, HEADER);
	k = printed_closed(&p);
	output_text.close(&p.o, &k);
	k.c.closer = made_actor(1, 1, "killer\x1b");
	k.c.peer_closed_ns = k.c.closed_ns;
	k.c.origin = ORIGIN_SNAPSHOT;
	output_text.close(&p.o, &k);
	k = (struct connection){ .c = { .family = 4, .how = HOW_TIMEOUT } };
	output_text.close(&p.o, &k);
	printed_expect(&p,
		"03:04:09    4121    4122 orders          client 10.0.0.1        40000 10.0.3.7         5432       4       0   2500.00 app\n"
		"03:04:09    4121    4122 orders          client 10.0.0.1        40000 10.0.3.7         5432       4       0 >=2500.00 app by 1/killer\\x1b, peer first\n"
		"-              -       - -               -      -                   - -                   -       -       -         - timeout\n");
	printed_end(&p);
}

static void opened_and_failed(void **state)
{
	struct connection k;
	struct printed p;

	(void)state;
	printed_begin(&p, &output_text);
	output_text.begin(&p.o);
	k = printed_closed(&p);
	output_text.open(&p.o, &k);
	k = printed_failed(&p);
	output_text.failed(&p.o, &k);
	k.sock.err = 250;
	output_text.failed(&p.o, &k);
	k.sock.err = 0;
	k.c.how = HOW_APP;
	output_text.failed(&p.o, &k);
	printed_expect(&p, HEADER
		"03:04:06    4121    4122 orders          client 10.0.0.1        40000 10.0.3.7         5432       -       -         - open\n"
		"03:04:06    4121    4122 orders          client -                   - 10.0.3.7         5432       -       -      1.00 ECONNREFUSED\n"
		"03:04:06    4121    4122 orders          client -                   - 10.0.3.7         5432       -       -      1.00 errno 250\n"
		"03:04:06    4121    4122 orders          client -                   - 10.0.3.7         5432       -       -      1.00 failed app\n");
	p.o.events = false;
	output_text.open(&p.o, &k);
	printed_expect(&p, "");
	printed_end(&p);
}

/* The first IPv6 address widens the columns; what follows stays wide. */
static void widths(void **state)
{
	struct connection k;
	struct printed p;

	(void)state;
	printed_begin(&p, &output_text);
	output_text.begin(&p.o);
	k = printed_closed(&p);
	k.c.family = 6;
	memset(k.c.raddr, 0xab, 16);
	output_text.close(&p.o, &k);
	k = printed_closed(&p);
	output_text.close(&p.o, &k);
	printed_expect(&p, HEADER
		"TIME         PID     TID COMM            ROLE   LADDR                                   LPORT RADDR                                   RPORT   TX_KB   RX_KB        MS CLOSE\n"
		"03:04:09    4121    4122 orders          client a00:1::                                 40000 abab:abab:abab:abab:abab:abab:abab:abab  5432       4       0   2500.00 app\n"
		"03:04:09    4121    4122 orders          client 10.0.0.1                                40000 10.0.3.7                                 5432       4       0   2500.00 app\n");
	printed_end(&p);
}

static void still_open(void **state)
{
	struct holder holders[2], many[6] = {};
	struct connection k, own;
	struct printed p;

	(void)state;
	printed_begin(&p, &output_text);
	output_text.begin(&p.o);
	printed_expect(&p, HEADER);
	k = printed_open(&p, holders);
	own = printed_closed(&p);
	own.c.closed_ns = 0;
	output_text.outstanding(&p.o, &k, START_NS + 60 * SEC);
	output_text.outstanding(&p.o, &own, START_NS + 60 * SEC);
	for (int i = 0; i < 6; i++)
		many[i] = (struct holder){ .who = made_actor((__u32)i + 1, 0, "x"), .fd = i, .stopped = i == 1 };
	own.holders = many;
	own.nholders = 6;
	output_text.outstanding(&p.o, &own, START_NS + 120 * SEC);
	printed_expect(&p, "still open:\n" OPEN_HEADER_WIDE
		"    900     900 a \"b\", \\xff\\x0a server 2001:db8::1                  443 2001:db8:1:2:3:4:5:abcd    50000  >=1m00s CLOSE_WAIT  900/nginx:11 in-flight\n"
		"   4121    4122 orders          client 10.0.0.1                   40000 10.0.3.7                    5432    59.0s ESTABLISHED -\n"
		"still open:\n" OPEN_HEADER_WIDE
		"   4121    4122 orders          client 10.0.0.1                   40000 10.0.3.7                    5432    1m59s ESTABLISHED 1/x:0 2/x:1(stopped) 3/x:2 4/x:3 and 2 more\n");
	printed_end(&p);
}

static void summary(void **state)
{
	struct summary s = { .duration_ns = 10 * SEC, .opened = 812, .closed = 790, .failed = 3, .outstanding = 41 };
	struct printed p;

	(void)state;
	printed_begin(&p, &output_text);
	output_text.summary(&p.o, &s);
	printed_expect(&p, "10.0s: 812 opened, 790 closed, 3 failed, 41 still open; nothing lost\n");
	s.pre_existing = 12;
	p.session.counters.value[CNT_LOST_RING] = 5;
	p.session.counters.value[CNT_LOST_LOOK] = 1;
	output_text.summary(&p.o, &s);
	printed_expect(&p, "10.0s: 12 from before the start, 812 opened, 790 closed, 3 failed, 41 still open; "
			   "lost: 5 ring, 1 look\n");
	printed_end(&p);
}

static void colour(void **state)
{
	struct printed p;

	(void)state;
	printed_begin(&p, &output_text);
	p.o.colour = true;
	p.o.flush = true;
	output_text.begin(&p.o);
	fflush(p.o.file);
	assert_memory_equal(p.text, "\033[2mTIME", 8);
	assert_string_equal(p.text + p.len - 10, "CLOSE\033[0m\n");
	printed_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed),     cmocka_unit_test(opened_and_failed), cmocka_unit_test(widths),
		cmocka_unit_test(still_open), cmocka_unit_test(summary),	   cmocka_unit_test(colour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
