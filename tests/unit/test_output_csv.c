// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "printed.h"

/* Fields of a line; commas inside quotes do not count. */
static int fields(const char *line)
{
	bool quoted = false;
	int n = 1;

	for (; *line && *line != '\n'; line++) {
		quoted ^= *line == '"';
		n += *line == ',' && !quoted;
	}
	return n;
}

static void every_row_is_whole(void **state)
{
	struct connection none = { .c = { .family = 4, .fd = -1, .how = HOW_APP } };
	struct holder holders[2];
	struct connection k;
	struct printed p;
	int want, rows = 0;

	(void)state;
	printed_begin(&p, &output_csv);
	output_csv.begin(&p.o);
	k = printed_closed(&p);
	output_csv.open(&p.o, &k);
	output_csv.close(&p.o, &k);
	k = printed_failed(&p);
	output_csv.failed(&p.o, &k);
	k.c.closer = k.c.opener;
	output_csv.failed(&p.o, &k);
	k = printed_open(&p, holders);
	output_csv.outstanding(&p.o, &k, START_NS + 60 * SEC);
	output_csv.open(&p.o, &none);
	output_csv.close(&p.o, &none);
	output_csv.failed(&p.o, &none);
	output_csv.outstanding(&p.o, &none, START_NS);
	fflush(p.o.file);
	want = fields(p.text);
	assert_int_equal(want, 41);
	for (const char *line = p.text; line && *line; line = strchr(line, '\n') + 1, rows++)
		assert_int_equal(fields(line), want);
	assert_int_equal(rows, 10);
	printed_end(&p);
}

#define CLIENT                                                                                               \
	"4660,4026531840,4,10.0.0.1,40000,10.0.3.7,5432,client,4121,4122,orders,7,/system.slice/orders.service," \
	"2026-01-02T03:04:06.678901234Z,traced,4100,900,250,0,"

static void rows(void **state)
{
	struct holder holders[2];
	struct connection k;
	struct printed p;

	(void)state;
	printed_begin(&p, &output_csv);
	k = printed_closed(&p);
	output_csv.open(&p.o, &k);
	printed_expect(&p, "open," CLIENT "1500000,,,,,,,,,,,,,,,,,,,,\n");
	output_csv.close(&p.o, &k);
	printed_expect(&p, "close," CLIENT
			   ",2500000000,,,app,2026-01-02T03:04:09.178901234Z,4121,4130,orders,,,,,,,,,,,,\n");
	k = printed_failed(&p);
	output_csv.failed(&p.o, &k);
	printed_expect(&p, "failed,4660,4026531840,4,,,10.0.3.7,5432,client,4121,4122,orders,,,"
			   "2026-01-02T03:04:06.678901234Z,traced,,,,,1000000,,ECONNREFUSED,,,,,,,,,,,,,,,,,,\n");
	k = printed_open(&p, holders);
	output_csv.outstanding(&p.o, &k, START_NS + 60 * SEC);
	printed_expect(&p, "outstanding,18446744073709551615,,6,2001:db8::1,443,2001:db8:1:2:3:4:5:abcd,50000,server,"
			   "900,900,\"a \"\"b\"\", \\xff\\x0a\",11,,2026-01-02T03:04:05.678901234Z,snapshot,4100,"
			   "900,,0,,,,2026-01-02T03:05:05.178901234Z,,,,,,60000000000,CLOSE_WAIT,"
			   "2026-01-02T03:05:04.678901234Z,"
			   "1000000000,recv,900,901,worker,recv,900,901,900:11\n");
	p.o.events = false;
	output_csv.open(&p.o, &k);
	printed_expect(&p, "");
	printed_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_row_is_whole), cmocka_unit_test(rows) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
