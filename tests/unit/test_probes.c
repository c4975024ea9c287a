// SPDX-License-Identifier: GPL-2.0-only
/* The choice of a flavour per fact, from what could be attached and what the user forces. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "collect/probes.h"

static enum flavour chosen(const struct features *f, enum fact fact, enum flavour forced)
{
	int i = probe_choose(f, fact, forced, false);

	assert_true(i >= 0);
	return probe_facts[fact].options[i].flavour;
}

static void refuse(struct features *f, enum flavour flavour)
{
	for (int fact = 0; fact < FACT_MAX; fact++)
		for (int i = 0; i < PROBE_OPTIONS; i++)
			if (probe_facts[fact].options[i].flavour == flavour)
				f->err[fact][i] = -EPERM;
}

static void test_order_of_preference(void **state)
{
	struct features f = { 0 };

	(void)state;
	assert_int_equal(chosen(&f, FACT_CONNECT, FLAVOUR_AUTO), FLAVOUR_FENTRY);
	refuse(&f, FLAVOUR_FENTRY);
	assert_int_equal(chosen(&f, FACT_CONNECT, FLAVOUR_AUTO), FLAVOUR_KPROBE);
	refuse(&f, FLAVOUR_KPROBE);
	assert_int_equal(chosen(&f, FACT_CONNECT, FLAVOUR_AUTO), FLAVOUR_TRACEPOINT);
	refuse(&f, FLAVOUR_TRACEPOINT);
	assert_int_equal(probe_choose(&f, FACT_CONNECT, FLAVOUR_AUTO, false), -1);
}

static void test_forced(void **state)
{
	struct features f = { 0 };

	(void)state;
	assert_int_equal(chosen(&f, FACT_ACCEPT, FLAVOUR_KPROBE), FLAVOUR_KPROBE);
	assert_int_equal(chosen(&f, FACT_ACCEPT, FLAVOUR_TRACEPOINT), FLAVOUR_TRACEPOINT);
	/* it does not come in fentry: the force leaves it alone */
	assert_int_equal(chosen(&f, FACT_STATE, FLAVOUR_FENTRY), FLAVOUR_TRACEPOINT);
	refuse(&f, FLAVOUR_KPROBE);
	assert_int_equal(probe_choose(&f, FACT_ACCEPT, FLAVOUR_KPROBE, false), -1);
}

static void test_kernel_difference(void **state)
{
	struct features f = { 0 };

	(void)state;
	f.err[FACT_ACCEPT][0] = -ENOENT; /* a kernel without security hooks */
	f.err[FACT_ACCEPT][1] = 1; /* for other kernels */
	assert_string_equal(probe_facts[FACT_ACCEPT].options[probe_choose(&f, FACT_ACCEPT, FLAVOUR_FENTRY, false)].program,
			    "cl_accept_fexit_4");
	f.err[FACT_ACCEPT][1] = 0;
	f.err[FACT_ACCEPT][2] = 1;
	assert_string_equal(probe_facts[FACT_ACCEPT].options[probe_choose(&f, FACT_ACCEPT, FLAVOUR_FENTRY, false)].program,
			    "cl_accept_fexit_2");
}

/* Who does not ask for threads gets a host whose system calls are as fast as before, where there is a choice. */
static void test_spared_syscalls(void **state)
{
	struct features f = { 0 };
	const struct probe_option *o;

	(void)state;
	o = &probe_facts[FACT_ACCEPT].options[probe_choose(&f, FACT_ACCEPT, FLAVOUR_AUTO, true)];
	assert_int_equal(o->flavour, FLAVOUR_FENTRY);
	o = &probe_facts[FACT_ACCEPT].options[probe_choose(&f, FACT_ACCEPT, FLAVOUR_TRACEPOINT, true)];
	assert_false(o->slows_syscalls);
	o = &probe_facts[FACT_ACCEPT].options[probe_choose(&f, FACT_ACCEPT, FLAVOUR_TRACEPOINT, false)];
	assert_true(o->slows_syscalls);
}

static void test_table_is_whole(void **state)
{
	(void)state;
	for (int fact = 0; fact < FACT_MAX; fact++) {
		assert_non_null(probe_facts[fact].name);
		assert_non_null(probe_facts[fact].says);
		assert_int_not_equal(probe_facts[fact].options[0].hook, HOOK_NONE);
		for (int i = 0; i < PROBE_OPTIONS && probe_facts[fact].options[i].hook != HOOK_NONE; i++)
			assert_non_null(probe_facts[fact].options[i].target);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_of_preference),
		cmocka_unit_test(test_forced),
		cmocka_unit_test(test_kernel_difference),
		cmocka_unit_test(test_spared_syscalls),
		cmocka_unit_test(test_table_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
