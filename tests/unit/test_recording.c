// SPDX-License-Identifier: GPL-2.0-only
/* A recording comes back as it was written; a damaged one up to the damage, and never more. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>
#include "../../src/events/recording.h"
#include "made_up.h"

#define FILE_HEADER 16

static char path[] = "/tmp/connlife-test-recording-XXXXXX";

/* What the sink was given, as bytes. */
struct got {
	unsigned char bytes[8192];
	size_t len;
	__u64 events;
};

static void got_event(void *ctx, const struct ev_head *ev)
{
	struct got *got = ctx;

	assert_true(got->len + ev->size <= sizeof(got->bytes));
	memcpy(got->bytes + got->len, ev, ev->size);
	got->len += ev->size;
	got->events++;
}

/* Writes session, cgroup, close, something newer and, when `whole`, the end. Returns the sum of event bytes in want. */
static void write_sample(struct got *want, bool whole)
{
	struct ev_session session = made_session();
	struct ev_conn close = { .head = made_head(EV_CLOSE, sizeof(close), START_NS + 2 * SEC),
				 .conn = made_client() };
	struct ev_end end = { .head = made_head(EV_END, sizeof(end), START_NS + 3 * SEC) };
	struct ev_head newer[2] = { made_head(500, sizeof(newer), START_NS) };
	__u64 room[16] = {};
	const struct ev_head *all[] = { &session.head, &made_cgroup(room, 7, "/a")->head, &close.head, newer,
					&end.head };
	struct recording *r;

	memset(want, 0, sizeof(*want));
	assert_int_equal(recording_create(path, &r), 0);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) - !whole; i++) {
		recording_write(r, all[i]);
		got_event(want, all[i]);
	}
	assert_int_equal(recording_flush(r), 0);
	assert_int_equal(recording_close(r), 0);
}

static size_t load(unsigned char *to, size_t room)
{
	FILE *f = fopen(path, "rb");
	size_t n;

	assert_non_null(f);
	n = fread(to, 1, room, f);
	fclose(f);
	assert_true(n < room);
	return n;
}

static void store(const void *bytes, size_t n)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static struct recording_result replay(struct got *got)
{
	struct event_sink sink = { got_event, got };
	struct recording_result res;

	memset(got, 0, sizeof(*got));
	assert_int_equal(recording_read(path, &sink, &res), 0);
	assert_int_equal(res.records, got->events);
	assert_true(res.damaged == (res.why[0] != '\0'));
	return res;
}

static void round_trip(void **state)
{
	struct got want, got;
	struct recording_result res;

	(void)state;
	write_sample(&want, true);
	res = replay(&got);
	assert_false(res.damaged);
	assert_true(res.ended);
	assert_int_equal(res.records, 5);
	assert_int_equal(got.len, want.len);
	assert_memory_equal(got.bytes, want.bytes, want.len);
}

static void without_end(void **state)
{
	struct got want, got;
	struct recording_result res;
	struct stat st;

	(void)state;
	write_sample(&want, false);
	res = replay(&got);
	assert_true(res.damaged);
	assert_false(res.ended);
	assert_int_equal(res.records, 4);
	assert_non_null(strstr(res.why, "cut off"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(res.offset, st.st_size);
}

static void cut_anywhere(void **state)
{
	static unsigned char file[16384];
	struct got want, got;
	size_t size;

	(void)state;
	write_sample(&want, true);
	size = load(file, sizeof(file));
	for (size_t len = 0; len < size; len++) {
		struct recording_result res;

		assert_int_equal(truncate(path, (off_t)len), 0);
		res = replay(&got);
		assert_true(res.damaged);
		assert_false(res.ended);
		assert_true(res.offset <= len);
		if (len)
			assert_non_null(strstr(res.why, "cut off"));
		assert_memory_equal(got.bytes, want.bytes, got.len);
		store(file, size);
	}
}

/* Every flipped byte is noticed, or it changes nothing (the reserved field). */
static void flip_anywhere(void **state)
{
	static const unsigned char masks[] = { 0x01, 0x80, 0xff };
	static unsigned char file[16384];
	struct got want, got;
	size_t size;

	(void)state;
	write_sample(&want, true);
	size = load(file, sizeof(file));
	for (size_t at = 0; at < size; at++) {
		for (size_t m = 0; m < sizeof(masks); m++) {
			struct recording_result res;

			file[at] ^= masks[m];
			store(file, size);
			file[at] ^= masks[m];
			res = replay(&got);
			assert_memory_equal(got.bytes, want.bytes, got.len);
			if (res.damaged)
				continue;
			assert_in_range(at, 12, FILE_HEADER - 1);
			assert_int_equal(got.len, want.len);
		}
	}
}

static void expect_why(const void *bytes, size_t n, const char *why)
{
	struct recording_result res;
	struct got got;

	store(bytes, n);
	res = replay(&got);
	assert_true(res.damaged);
	assert_string_equal(res.why, why);
}

static void foreign_files(void **state)
{
	unsigned char head[FILE_HEADER] = "CONNLIFE";
	const __u16 swapped[2] = { 0x0100, 0xfffe }, newer[2] = { 9, 0xfeff }, nonsense[2] = { 1, 0 };

	(void)state;
	expect_why("", 0, "the file is empty");
	expect_why("\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\0\0", 18, "not a connlife recording");
	expect_why("CONNLIVE", 8, "not a connlife recording");
	expect_why("CONN", 4, "cut off in the middle of the file's header");
	memcpy(head + 8, swapped, 4);
	expect_why(head, sizeof(head), "written on a machine of the other byte order");
	memcpy(head + 8, newer, 4);
	expect_why(head, sizeof(head), "format version 9 is newer than this program reads (1)");
	memcpy(head + 8, nonsense, 4);
	expect_why(head, sizeof(head), "the file's header is damaged");
}

/* A file with one event whose checksum is right. */
static void expect_event_why(const struct ev_head *ev, __u32 len, const char *why)
{
	unsigned char file[4096] = "CONNLIFE";
	const __u16 head[2] = { RECORDING_VERSION, 0xfeff };
	const __u32 record[2] = { len, (__u32)crc32(0, (const void *)ev, ev->size) };

	memcpy(file + 8, head, 4);
	memcpy(file + FILE_HEADER, record, 8);
	memcpy(file + FILE_HEADER + 8, ev, ev->size);
	expect_why(file, FILE_HEADER + 8 + ev->size, why);
}

static void bad_events(void **state)
{
	struct ev_session session = made_session();
	struct ev_end end = { .head = made_head(EV_END, sizeof(end), START_NS) };

	(void)state;
	expect_event_why(&end.head, sizeof(end), "the first record does not describe a session");
	expect_event_why(&session.head, RECORDING_MAX_EVENT + 1, "impossible record length 1048577");
	expect_event_why(&session.head, 8, "impossible record length 8");
	expect_event_why(&session.head, RECORDING_MAX_EVENT, "cut off in the middle of a record");
	memset(session.host, 'x', sizeof(session.host));
	expect_event_why(&session.head, sizeof(session), "text of the session is not terminated");
}

static void data_after_the_end(void **state)
{
	struct recording_result res;
	struct got want, got;
	FILE *f;

	(void)state;
	write_sample(&want, true);
	f = fopen(path, "ab");
	assert_non_null(f);
	fputc('x', f);
	fclose(f);
	res = replay(&got);
	assert_true(res.damaged && res.ended);
	assert_string_equal(res.why, "more data after the last record");
	assert_int_equal(got.len, want.len);
}

/* Standard input as a pipe that says one byte at a time. */
static void from_a_pipe(void **state)
{
	static unsigned char file[16384];
	struct event_sink sink;
	struct recording_result res;
	struct got want, got = {};
	int fds[2], status;
	size_t size;
	pid_t pid;

	(void)state;
	write_sample(&want, true);
	size = load(file, sizeof(file));
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		for (size_t i = 0; i < size; i++)
			if (write(fds[1], file + i, 1) != 1)
				_exit(1);
		_exit(0);
	}
	close(fds[1]);
	assert_true(dup2(fds[0], 0) == 0);
	close(fds[0]);
	sink = (struct event_sink){ got_event, &got };
	assert_int_equal(recording_read("-", &sink, &res), 0);
	assert_false(res.damaged);
	assert_int_equal(got.len, want.len);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void errors(void **state)
{
	struct got got = {};
	struct event_sink sink = { got_event, &got };
	struct ev_session session = made_session();
	struct recording_result res;
	struct recording *r;

	(void)state;
	assert_int_equal(recording_read("/nonexistent/x", &sink, &res), -ENOENT);
	assert_int_equal(recording_read("/tmp", &sink, &res), -EISDIR);
	assert_int_equal(recording_create("/nonexistent/x", &r), -ENOENT);
	assert_int_equal(recording_close(NULL), 0);
	if (access("/dev/full", W_OK))
		return;
	assert_int_equal(recording_create("/dev/full", &r), 0);
	for (int i = 0; i < 2000; i++)
		recording_write(r, &session.head);
	assert_int_equal(recording_flush(r), -ENOSPC);
	assert_int_equal(recording_close(r), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),	 cmocka_unit_test(without_end),	  cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(flip_anywhere), cmocka_unit_test(foreign_files), cmocka_unit_test(bad_events),
		cmocka_unit_test(data_after_the_end), cmocka_unit_test(from_a_pipe), cmocka_unit_test(errors),
	};
	int fd = mkstemp(path), failed;

	if (fd < 0)
		return 1;
	close(fd);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
