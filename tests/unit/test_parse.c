// SPDX-License-Identifier: GPL-2.0-only
/* Words of a command line: the whole word or nothing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "lib/parse.h"

static void test_duration(void **state)
{
	static const char *const wrong[] = { "", "5", "ms", "-1s", " 1s", "1 s", "1sec", "1.5s", "1s2", "99999999999999999999s",
					     "9999999999999h" };
	__u64 ns;

	(void)state;
	assert_int_equal(parse_duration("500ms", &ns), 0);
	assert_int_equal(ns, 500000000);
	assert_int_equal(parse_duration("2h", &ns), 0);
	assert_int_equal(ns, 7200000000000);
	assert_int_equal(parse_duration("0", &ns), 0);
	assert_int_equal(ns, 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_int_equal(parse_duration(wrong[i], &ns), -EINVAL);
}

static void test_list(void **state)
{
	__u64 v[3];
	size_t n = 0;

	(void)state;
	assert_int_equal(parse_list("80,443", 1, 65535, v, 3, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(v[1], 443);
	n = 0;
	assert_int_equal(parse_list("80,", 1, 65535, v, 3, &n), -EINVAL);
	n = 0;
	assert_int_equal(parse_list("0", 1, 65535, v, 3, &n), -EINVAL);
	n = 0;
	assert_int_equal(parse_list("65536", 1, 65535, v, 3, &n), -EINVAL);
	n = 0;
	assert_int_equal(parse_list("1,2,3,4", 1, 65535, v, 3, &n), -E2BIG);
	n = 0;
	assert_int_equal(parse_list("1 2", 1, 65535, v, 3, &n), -EINVAL);
}

static void test_cidr(void **state)
{
	__u8 addr[16], family, bits;

	(void)state;
	assert_int_equal(parse_cidr("10.0.0.0/8", addr, &family, &bits), 0);
	assert_int_equal(family, 4);
	assert_int_equal(bits, 8);
	assert_int_equal(addr[0], 10);
	assert_int_equal(parse_cidr("::1", addr, &family, &bits), 0);
	assert_int_equal(family, 6);
	assert_int_equal(bits, 128);
	assert_int_equal(parse_cidr("10.0.0.0/33", addr, &family, &bits), -EINVAL);
	assert_int_equal(parse_cidr("10.0.0/8", addr, &family, &bits), -EINVAL);
	assert_int_equal(parse_cidr("host/8", addr, &family, &bits), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_cidr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
