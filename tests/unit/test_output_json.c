// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "../../src/output/json_internal.h"
#include "printed.h"

/* json_finding.c has its own tests. */
void json_report(struct output *o, const struct report *r)
{
	(void)o;
	(void)r;
}

void json_findings_summary(struct json *j, const struct report *r)
{
	(void)r;
	json_object(j, "findings");
	json_object_end(j);
}

static void header(void **state)
{
	struct ev_flavour f = { .head = made_head(EV_FLAVOUR, sizeof(f), START_NS),
				.fact = "close", .flavour = "fentry" };
	struct filter *filter;
	struct printed p;

	(void)state;
	printed_begin(&p, &output_json);
	output_json.begin(&p.o);
	printed_expect(&p, "{\"type\":\"header\",\"schema\":\"1.0\",\"version\":\"0.1\",\"host\":\"db1\","
			   "\"kernel\":\"6.12.0\",\"boot_id\":\"c0ffee\",\"time\":\"2026-01-02T03:04:05.678901234Z\","
			   "\"flavours\":{},\"filters\":{},\"command\":\"connlife trace\"}\n");
	session_event(&p.session, &f.head);
	filter = &p.session.ev.filter;
	*filter = (struct filter){
		.port = { 80, 443 }, .lport = { 1 }, .rport = { 65535 }, .pids = { 12, 13 }, .npids = 2,
		.children = 1, .family = 4, .role = ROLE_SERVER, .has_comm = 1, .comm = "a\xff", .cgroup = 7,
		.net = { 10 }, .net_family = 4, .net_bits = 8, .state = 8,
	};
	strcpy(p.session.ev.cgroup_path, "/x");
	output_json.begin(&p.o);
	printed_expect(&p, "{\"type\":\"header\",\"schema\":\"1.0\",\"version\":\"0.1\",\"host\":\"db1\","
			   "\"kernel\":\"6.12.0\",\"boot_id\":\"c0ffee\",\"time\":\"2026-01-02T03:04:05.678901234Z\","
			   "\"flavours\":{\"close\":\"fentry\"},\"filters\":{\"pid\":[12,13],\"children\":true,"
			   "\"port\":[80,443],\"lport\":[1],\"rport\":[65535],\"family\":4,\"role\":\"server\","
			   "\"comm\":\"a\\u00ff\",\"cgroup\":\"/x\",\"cidr\":\"10.0.0.0/8\",\"state\":\"CLOSE_WAIT\"},"
			   "\"command\":\"connlife trace\"}\n");
	printed_end(&p);
}

#define CLIENT                                                                                                      \
	"\"id\":4660,\"netns\":4026531840,\"family\":4,\"laddr\":\"10.0.0.1\",\"lport\":40000,\"raddr\":\"10.0.3.7\"," \
	"\"rport\":5432,\"role\":\"client\",\"pid\":4121,\"tid\":4122,\"comm\":\"orders\",\"fd\":7,"                   \
	"\"cgroup\":\"/system.slice/orders.service\",\"opened\":\"2026-01-02T03:04:06.678901234Z\","                   \
	"\"origin\":\"traced\",\"tx_bytes\":4100,\"rx_bytes\":900,\"rtt_us\":250,\"retransmits\":0"

static void closed(void **state)
{
	struct connection k;
	struct printed p;

	(void)state;
	printed_begin(&p, &output_json);
	k = printed_closed(&p);
	output_json.close(&p.o, &k);
	printed_expect(&p, "{\"type\":\"close\"," CLIENT ",\"duration_ns\":2500000000,\"close\":{\"how\":\"app\","
			   "\"time\":\"2026-01-02T03:04:09.178901234Z\",\"pid\":4121,\"tid\":4130,"
			   "\"comm\":\"orders\"}}\n");
	k.c.how = HOW_RESET;
	k.c.closer = (struct actor){};
	k.c.peer_closed_ns = k.c.closed_ns;
	output_json.close(&p.o, &k);
	printed_expect(&p, "{\"type\":\"close\"," CLIENT ",\"duration_ns\":2500000000,"
			   "\"peer_closed\":\"2026-01-02T03:04:09.178901234Z\",\"close\":{\"how\":\"reset\","
			   "\"time\":\"2026-01-02T03:04:09.178901234Z\"}}\n");
	printed_end(&p);
}

static void opened(void **state)
{
	struct connection k;
	struct printed p;

	(void)state;
	printed_begin(&p, &output_json);
	k = printed_closed(&p);
	output_json.open(&p.o, &k);
	printed_expect(&p, "{\"type\":\"open\"," CLIENT ",\"connect_ns\":1500000}\n");
	p.o.events = false;
	output_json.open(&p.o, &k);
	printed_expect(&p, "");
	printed_end(&p);
}

static void failed(void **state)
{
	struct connection k;
	struct printed p;

	(void)state;
	printed_begin(&p, &output_json);
	k = printed_failed(&p);
	output_json.failed(&p.o, &k);
	printed_expect(&p, "{\"type\":\"failed\",\"id\":4660,\"netns\":4026531840,\"family\":4,\"raddr\":\"10.0.3.7\","
			   "\"rport\":5432,\"role\":\"client\",\"pid\":4121,\"tid\":4122,\"comm\":\"orders\","
			   "\"opened\":\"2026-01-02T03:04:06.678901234Z\",\"origin\":\"traced\","
			   "\"errno\":\"ECONNREFUSED\",\"connect_ns\":1000000}\n");
	k.sock.err = 0;
	k.c.how = HOW_APP;
	k.c.closer = made_actor(1, 0, "");
	output_json.failed(&p.o, &k);
	printed_expect(&p, "{\"type\":\"failed\",\"id\":4660,\"netns\":4026531840,\"family\":4,\"raddr\":\"10.0.3.7\","
			   "\"rport\":5432,\"role\":\"client\",\"pid\":4121,\"tid\":4122,\"comm\":\"orders\","
			   "\"opened\":\"2026-01-02T03:04:06.678901234Z\",\"origin\":\"traced\",\"connect_ns\":1000000,"
			   "\"close\":{\"how\":\"app\",\"time\":\"2026-01-02T03:04:06.679901234Z\",\"pid\":1}}\n");
	printed_end(&p);
}

static void outstanding(void **state)
{
	struct holder holders[2];
	struct connection k;
	struct printed p;

	(void)state;
	printed_begin(&p, &output_json);
	k = printed_open(&p, holders);
	output_json.outstanding(&p.o, &k, START_NS + 60 * SEC);
	printed_expect(&p, "{\"type\":\"outstanding\",\"id\":18446744073709551615,\"family\":6,"
			   "\"laddr\":\"2001:db8::1\","
			   "\"lport\":443,\"raddr\":\"2001:db8:1:2:3:4:5:abcd\",\"rport\":50000,\"role\":\"server\","
			   "\"pid\":900,\"tid\":900,\"comm\":\"a \\\"b\\\", \\u00ff\\u000a\",\"fd\":11,"
			   "\"opened\":\"2026-01-02T03:04:05.678901234Z\",\"origin\":\"snapshot\",\"tx_bytes\":4100,"
			   "\"rx_bytes\":900,\"retransmits\":0,\"age_ns\":60000000000,\"state\":\"CLOSE_WAIT\","
			   "\"peer_closed\":\"2026-01-02T03:05:05.178901234Z\","
			   "\"last_use\":{\"time\":\"2026-01-02T03:05:04.678901234Z\",\"idle_ns\":1000000000,"
			   "\"direction\":\"recv\",\"pid\":900,\"tid\":901,\"comm\":\"worker\"},"
			   "\"reader\":{\"how\":\"recv\",\"pid\":900,\"tid\":901},"
			   "\"holders\":[{\"pid\":900,\"fd\":11,\"comm\":\"nginx\"}]}\n");
	printed_end(&p);
}

static void unknown_facts(void **state)
{
	struct connection k = { .c = { .family = 4, .fd = -1 } };
	struct printed p;

	(void)state;
	printed_begin(&p, &output_json);
	output_json.outstanding(&p.o, &k, START_NS);
	printed_expect(&p, "{\"type\":\"outstanding\",\"family\":4}\n");
	output_json.failed(&p.o, &k);
	printed_expect(&p, "{\"type\":\"failed\",\"family\":4}\n");
	printed_end(&p);
}

static void summary(void **state)
{
	struct summary s = { .duration_ns = 10 * SEC, .opened = 812, .closed = 790, .failed = 3, .outstanding = 41,
			     .pre_existing = 12 };
	struct printed p;

	(void)state;
	printed_begin(&p, &output_json);
	p.session.counters.value[CNT_LOST_RING] = 5;
	output_json.summary(&p.o, &s);
	printed_expect(&p, "{\"type\":\"summary\",\"duration_ns\":10000000000,\"opened\":812,\"closed\":790,"
			   "\"failed\":3,\"outstanding\":41,\"pre_existing\":12,"
			   "\"lost\":{\"ring\":5,\"map\":0,\"missed\":0,\"site\":0,\"look\":0}}\n");
	s.report = (const struct report *)&s; /* only passed on */
	output_json.summary(&p.o, &s);
	printed_expect(&p, "{\"type\":\"summary\",\"duration_ns\":10000000000,\"opened\":812,\"closed\":790,"
			   "\"failed\":3,\"outstanding\":41,\"pre_existing\":12,"
			   "\"lost\":{\"ring\":5,\"map\":0,\"missed\":0,\"site\":0,\"look\":0},\"findings\":{}}\n");
	printed_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header), cmocka_unit_test(closed),	 cmocka_unit_test(opened),
		cmocka_unit_test(failed), cmocka_unit_test(outstanding), cmocka_unit_test(unknown_facts),
		cmocka_unit_test(summary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
