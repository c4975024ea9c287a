// SPDX-License-Identifier: GPL-2.0-only
/* The JSON writer, printable text, and times as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "../../src/lib/json.h"
#include "../../src/lib/timefmt.h"
#include "../../src/lib/utf8.h"

static void expect_line(struct json *j, const char *want)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	assert_non_null(f);
	json_line(j, f, false);
	fclose(f);
	assert_string_equal(text, want);
	free(text);
}

static void nesting(void **state)
{
	struct json j;

	(void)state;
	json_init(&j);
	json_object(&j, NULL);
	json_string(&j, "a", "b");
	json_object(&j, "o");
	json_object_end(&j);
	json_array(&j, "l");
	json_u64(&j, NULL, 1);
	json_object(&j, NULL);
	json_bool(&j, "t", true);
	json_bool(&j, "f", false);
	json_object_end(&j);
	json_array_end(&j);
	json_i64(&j, "i", INT64_MIN);
	json_u64(&j, "u", UINT64_MAX);
	json_u64(&j, "z", 0);
	json_named(&j, "x\"\n", "y");
	json_object_end(&j);
	expect_line(&j, "{\"a\":\"b\",\"o\":{},\"l\":[1,{\"t\":true,\"f\":false}],\"i\":-9223372036854775808,"
			"\"u\":18446744073709551615,\"z\":0,\"x\\\"\\u000a\":\"y\"}\n");
	json_object(&j, NULL);
	json_object_end(&j);
	expect_line(&j, "{}\n");
	json_free(&j);
}

static void expect_quoted(const char *bytes, const char *want)
{
	char line[256];
	struct json j;

	json_init(&j);
	json_string(&j, NULL, bytes);
	snprintf(line, sizeof(line), "\"%s\"\n", want);
	expect_line(&j, line);
	json_free(&j);
}

static void strings(void **state)
{
	(void)state;
	expect_quoted("", "");
	expect_quoted("a b/c", "a b/c");
	expect_quoted("\"\\", "\\\"\\\\");
	expect_quoted("\n\t\x01\x7f", "\\u000a\\u0009\\u0001\\u007f");
	expect_quoted("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
	expect_quoted("\xff", "\\u00ff");
	expect_quoted("\xc3", "\\u00c3"); /* cut off */
	expect_quoted("a\xc3z", "a\\u00c3z");
	expect_quoted("\xe2\x82", "\\u00e2\\u0082");
	expect_quoted("\xc0\x80", "\\u00c0\\u0080"); /* overlong */
	expect_quoted("\xe0\x80\xaf", "\\u00e0\\u0080\\u00af");
	expect_quoted("\xf0\x80\x80\xaf", "\\u00f0\\u0080\\u0080\\u00af");
	expect_quoted("\xed\xa0\x80", "\\u00ed\\u00a0\\u0080"); /* surrogate */
	expect_quoted("\xf4\x90\x80\x80", "\\u00f4\\u0090\\u0080\\u0080"); /* above U+10FFFF */
	expect_quoted("\xf5\x80\x80\x80", "\\u00f5\\u0080\\u0080\\u0080");
}

static void bytes_are_bounded(void **state)
{
	static const char raw[4] = { 'a', 'b', 'c', (char)0xe2 };
	struct json j;

	(void)state;
	json_init(&j);
	json_array(&j, NULL);
	json_bytes(&j, NULL, raw, sizeof(raw));
	json_bytes(&j, NULL, "ab\0cd", 5);
	json_bytes(&j, NULL, raw, 0);
	json_array_end(&j);
	expect_line(&j, "[\"abc\\u00e2\",\"ab\",\"\"]\n");
	json_free(&j);
}

static void long_lines(void **state)
{
	static char text[100001], want[100004];
	struct json j;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	snprintf(want, sizeof(want), "\"%s\"\n", text);
	json_init(&j);
	json_string(&j, NULL, text);
	expect_line(&j, want);
	json_free(&j);
}

static void printable(void **state)
{
	static const char raw[] = "a\n\x1b[m\xc2\x9b\xc3\xa4\xff\x7f";
	struct buf b;

	(void)state;
	buf_init(&b);
	utf8_printable(&b, raw, sizeof(raw) - 1);
	buf_char(&b, '\0');
	assert_string_equal(b.data, "a\\x0a\\x1b[m\\xc2\\x9b\xc3\xa4\\xff\\x7f");
	buf_free(&b);
}

static void columns(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b);
	buf_str(&b, "|");
	buf_str(&b, "\xc3\xa4");
	buf_column(&b, 1, 3, false);
	buf_str(&b, "|12");
	buf_column(&b, 6, 4, true);
	buf_str(&b, "|long");
	buf_column(&b, 11, 2, true);
	buf_printf(&b, "|%d", -5);
	buf_char(&b, '\0');
	assert_string_equal(b.data, "|\xc3\xa4  |  12|long|-5");
	buf_free(&b);
}

static void moments(void **state)
{
	char text[RFC3339_LEN + 1], want[64];

	(void)state;
	rfc3339_text(text, 0);
	assert_string_equal(text, "1970-01-01T00:00:00.000000000Z");
	rfc3339_text(text, 1767323045678901234ULL);
	assert_string_equal(text, "2026-01-02T03:04:05.678901234Z");
	rfc3339_text(text, UINT64_MAX);
	assert_string_equal(text, "2554-07-21T23:34:33.709551615Z");
	/* Every day of 400 years and more, against libc. */
	for (uint64_t day = 0; day < 213000; day += 1) {
		time_t sec = (time_t)(day * 86400 + day % 86400);
		struct tm tm;

		gmtime_r(&sec, &tm);
		strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S.000000007Z", &tm);
		rfc3339_text(text, (uint64_t)sec * 1000000000ULL + 7);
		assert_string_equal(text, want);
	}
	setenv("TZ", "UTC-2", 1);
	tzset();
	clock_text(text, 1767323045678901234ULL);
	assert_string_equal(text, "05:04:05");
}

static void durations(void **state)
{
	static const struct {
		uint64_t ns;
		const char *want;
	} cases[] = {
		{ 0, "0us" },
		{ 85999, "85us" },
		{ 250999999, "250ms" },
		{ 999999999, "999ms" },
		{ 1000000000, "1.0s" },
		{ 2190000000, "2.1s" },
		{ 59999999999, "59.9s" },
		{ 61000000000, "1m01s" },
		{ 3599999999999, "59m59s" },
		{ 15120000000000, "4h12m" },
		{ 86399999999999, "23h59m" },
		{ 273600000000000, "3d04h" },
		{ UINT64_MAX, "213503d23h" },
	};
	char text[DURATION_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		duration_text(text, cases[i].ns);
		assert_string_equal(text, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nesting),    cmocka_unit_test(strings),   cmocka_unit_test(bytes_are_bounded),
		cmocka_unit_test(long_lines), cmocka_unit_test(printable), cmocka_unit_test(columns),
		cmocka_unit_test(moments),    cmocka_unit_test(durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
