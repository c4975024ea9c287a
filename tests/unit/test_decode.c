// SPDX-License-Identifier: GPL-2.0-only
/* event_check(): every kind, whole, cut anywhere, and wrong in each thing that a reader relies on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "../../src/events/decode.h"
#include "made_up.h"

union record {
	struct ev_head head;
	struct ev_session session;
	struct ev_flavour flavour;
	struct ev_conn conn;
	struct ev_seen seen;
	struct ev_look look;
	struct ev_counters counters;
	struct ev_cgroup cgroup;
	struct ev_site site;
	struct ev_end end;
	struct ev_standstill standstill;
	__u64 room[160];
};

static void make(union record *r, __u16 kind)
{
	static const size_t sizes[EV_KIND_MAX] = {
		[EV_FLAVOUR] = sizeof(struct ev_flavour), [EV_OPEN] = sizeof(struct ev_conn),
		[EV_CLOSE] = sizeof(struct ev_conn),	  [EV_FAILED] = sizeof(struct ev_conn),
		[EV_SEEN] = sizeof(struct ev_seen),	  [EV_LOOK] = sizeof(struct ev_look),
		[EV_COUNTERS] = sizeof(struct ev_counters), [EV_SITE] = sizeof(struct ev_site),
		[EV_END] = sizeof(struct ev_end),	  [EV_STANDSTILL] = sizeof(struct ev_standstill),
	};

	memset(r, 0, sizeof(*r));
	if (kind == EV_SESSION) {
		r->session = made_session();
		return;
	}
	if (kind == EV_CGROUP) {
		made_cgroup(r, 77, "/system.slice/orders.service");
		return;
	}
	r->head = made_head(kind, sizes[kind], START_NS);
	if (kind == EV_OPEN || kind == EV_CLOSE || kind == EV_FAILED)
		r->conn.conn = made_client();
	if (kind == EV_SEEN)
		r->seen.conn = made_server();
	if (kind == EV_LOOK)
		r->look.why = LOOK_FINAL;
	if (kind == EV_SITE)
		r->site.key.family = 4;
}

/* In memory of exactly that size, so that the sanitizer sees a read beyond. */
static const char *check(const void *bytes, size_t len)
{
	void *copy = malloc(len ? len : 1);
	const char *wrong;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	wrong = event_check(copy, len);
	free(copy);
	return wrong;
}

static void whole_and_cut(void **state)
{
	(void)state;
	for (__u16 kind = EV_SESSION; kind < EV_KIND_MAX; kind++) {
		union record r;
		size_t size;

		make(&r, kind);
		size = r.head.size;
		assert_null(check(&r, size));
		for (size_t len = 0; len < size; len++) {
			r.head.size = (__u32)size;
			assert_non_null(check(&r, len));
			r.head.size = (__u32)len; /* a shorter one that says so is no better */
			if (kind != EV_CGROUP || len % 8)
				assert_non_null(check(&r, len));
			else
				check(&r, len);
		}
	}
}

static void longer_structs(void **state)
{
	(void)state;
	for (__u16 kind = EV_SESSION; kind < EV_KIND_MAX; kind++) {
		union record r;

		make(&r, kind);
		r.head.size += 8;
		assert_null(check(&r, r.head.size));
		r.head.size += 4;
		assert_string_equal(check(&r, r.head.size), "size is not a multiple of 8");
	}
}

static void kinds_and_sizes(void **state)
{
	struct ev_head small[2] = { { .size = 16, .kind = 999 } };

	(void)state;
	assert_null(check(small, 16)); /* of a newer writer */
	small[0].size = 24;
	assert_non_null(check(small, 16));
	small[0].size = 0xffffffff;
	assert_non_null(check(small, 16));
	small[0].size = 16;
	small[0].kind = 0;
	assert_non_null(check(small, 16));
	assert_non_null(check(small, 0));
}

#define WRONG(kind, assignment)                                \
	do {                                                   \
		union record r;                                \
                                                               \
		make(&r, kind);                                \
		assert_null(check(&r, r.head.size));           \
		assignment;                                    \
		assert_non_null(check(&r, r.head.size));       \
	} while (0)

#define FILL(field) memset(field, 'x', sizeof(field))

static void enums(void **state)
{
	(void)state;
	WRONG(EV_CLOSE, r.conn.conn.family = 5);
	WRONG(EV_CLOSE, r.conn.conn.family = 0);
	WRONG(EV_CLOSE, r.conn.conn.role = 3);
	WRONG(EV_CLOSE, r.conn.conn.origin = 0);
	WRONG(EV_CLOSE, r.conn.conn.origin = 3);
	WRONG(EV_CLOSE, r.conn.conn.how = HOW_ABORT + 1);
	WRONG(EV_SEEN, r.seen.reader = READER_EPOLL + 1);
	WRONG(EV_SEEN, r.seen.conn.role = 255);
	WRONG(EV_LOOK, r.look.why = 0);
	WRONG(EV_LOOK, r.look.why = 5);
	WRONG(EV_SITE, r.site.key.family = 0);
	WRONG(EV_SITE, r.site.key.role = 3);
	WRONG(EV_SESSION, r.session.filter.family = 1);
	WRONG(EV_SESSION, r.session.filter.role = 3);
	WRONG(EV_SESSION, r.session.filter.npids = MAX_PIDS + 1);
	WRONG(EV_SESSION, r.session.filter.net_family = 7);
	WRONG(EV_SESSION, r.session.filter.net_bits = 33);
	WRONG(EV_SESSION, (r.session.filter.net_family = 6, r.session.filter.net_bits = 129));
}

static void strings(void **state)
{
	(void)state;
	WRONG(EV_SESSION, FILL(r.session.host));
	WRONG(EV_SESSION, FILL(r.session.kernel));
	WRONG(EV_SESSION, FILL(r.session.boot_id));
	WRONG(EV_SESSION, FILL(r.session.tool));
	WRONG(EV_SESSION, FILL(r.session.command));
	WRONG(EV_SESSION, FILL(r.session.cgroup_path));
	WRONG(EV_SESSION, FILL(r.session.filter.comm));
	WRONG(EV_FLAVOUR, FILL(r.flavour.fact));
	WRONG(EV_FLAVOUR, FILL(r.flavour.flavour));
	WRONG(EV_CLOSE, FILL(r.conn.conn.opener.comm));
	WRONG(EV_OPEN, FILL(r.conn.conn.closer.comm));
	WRONG(EV_FAILED, FILL(r.conn.conn.receiver.comm));
	WRONG(EV_SEEN, FILL(r.seen.holder.comm));
	WRONG(EV_SITE, FILL(r.site.key.comm));
	WRONG(EV_CGROUP, memset(r.cgroup.path, 'x', r.head.size - sizeof(struct ev_cgroup)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_and_cut), cmocka_unit_test(longer_structs), cmocka_unit_test(kinds_and_sizes),
		cmocka_unit_test(enums),	 cmocka_unit_test(strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
