// SPDX-License-Identifier: GPL-2.0-only
#include "timefmt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NSEC_PER_SEC 1000000000ULL

static char *put_digits(char *to, uint64_t v, int n)
{
	for (int i = n; i-- > 0; v /= 10)
		to[i] = (char)('0' + v % 10);
	return to + n;
}

struct date {
	uint64_t year;
	unsigned int month, day;
};

/* Days since 1970 to a Gregorian date. Years are counted from March so that the leap day is the last of its year. */
static struct date date_of(uint64_t days)
{
	uint64_t d = days + 719468; /* since 0000-03-01 */
	uint64_t era = d / 146097; /* of 400 years */
	uint64_t doe = d % 146097;
	uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned int mp = (unsigned int)((5 * doy + 2) / 153);
	unsigned int month = mp < 10 ? mp + 3 : mp - 9;

	return (struct date){
		.year = yoe + era * 400 + (month <= 2),
		.month = month,
		.day = (unsigned int)(doy - (153 * mp + 2) / 5 + 1),
	};
}

void rfc3339_text(char out[RFC3339_LEN + 1], uint64_t wall_ns)
{
	uint64_t sec = wall_ns / NSEC_PER_SEC; /* below 2^35: the year has four digits */
	uint64_t of_day = sec % 86400;
	struct date date = date_of(sec / 86400);
	char *to = out;

	to = put_digits(to, date.year, 4);
	*to++ = '-';
	to = put_digits(to, date.month, 2);
	*to++ = '-';
	to = put_digits(to, date.day, 2);
	*to++ = 'T';
	to = put_digits(to, of_day / 3600, 2);
	*to++ = ':';
	to = put_digits(to, of_day / 60 % 60, 2);
	*to++ = ':';
	to = put_digits(to, of_day % 60, 2);
	*to++ = '.';
	to = put_digits(to, wall_ns % NSEC_PER_SEC, 9);
	*to++ = 'Z';
	*to = '\0';
}

void clock_text(char out[CLOCK_LEN + 1], uint64_t wall_ns)
{
	time_t sec = (time_t)(wall_ns / NSEC_PER_SEC);
	struct tm tm;
	char *to = out;

	if (!localtime_r(&sec, &tm)) {
		strcpy(out, "-");
		return;
	}
	to = put_digits(to, (uint64_t)tm.tm_hour, 2);
	*to++ = ':';
	to = put_digits(to, (uint64_t)tm.tm_min, 2);
	*to++ = ':';
	to = put_digits(to, (uint64_t)tm.tm_sec, 2);
	*to = '\0';
}

void duration_text(char out[DURATION_LEN], uint64_t ns)
{
	uint64_t sec = ns / NSEC_PER_SEC;

	if (ns < 1000000)
		snprintf(out, DURATION_LEN, "%" PRIu64 "us", ns / 1000);
	else if (!sec)
		snprintf(out, DURATION_LEN, "%" PRIu64 "ms", ns / 1000000);
	else if (sec < 60)
		snprintf(out, DURATION_LEN, "%" PRIu64 ".%" PRIu64 "s", sec, ns / 100000000 % 10);
	else if (sec < 3600)
		snprintf(out, DURATION_LEN, "%" PRIu64 "m%02" PRIu64 "s", sec / 60, sec % 60);
	else if (sec < 86400)
		snprintf(out, DURATION_LEN, "%" PRIu64 "h%02" PRIu64 "m", sec / 3600, sec / 60 % 60);
	else
		snprintf(out, DURATION_LEN, "%" PRIu64 "d%02" PRIu64 "h", sec / 86400, sec / 3600 % 24);
}
