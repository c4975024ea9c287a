// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "collect/features.h"
#include "collect/ksyms.h"
#include "collect/tracefs.h"
#include "doctor.h"
#include "model/session.h"

static void print_fact(const struct features *f, enum fact fact, enum flavour forced)
{
	const struct probe_fact *p = &probe_facts[fact];
	int chosen = probe_choose(f, fact, forced, false);

	printf("%-13s %-11s %s\n", p->name, chosen < 0 ? "NONE" : flavour_name(p->options[chosen].flavour), p->says);
	for (int i = 0; i < PROBE_OPTIONS && p->options[i].hook != HOOK_NONE; i++) {
		const struct probe_option *o = &p->options[i];

		if (f->err[fact][i] == 1)
			continue;
		printf("    %c %-10s %-28s %s\n", i == chosen ? '*' : ' ', flavour_name(o->flavour), o->target,
		       feature_refusal(o->hook, f->err[fact][i]));
	}
	for (const char *at = p->limits; at && *at;) {
		size_t n = strcspn(at, ";");

		printf("      limits: %.*s\n", (int)n, at);
		at += n + strspn(at + n, "; ");
	}
}

static void print_readers(void)
{
	struct ksym fn = { .name = "ep_poll_callback" };
	int err = ksyms_find(&fn, 1);

	printf("readers       %-11s who waits on a socket, from its wait queue\n",
	       fn.addr ? "iterator" : "NONE");
	if (!fn.addr)
		printf("      /proc/kallsyms %s\n",
		       err ? strerror(-err) : "hides addresses (kernel.kptr_restrict=2): readers are unknown");
}

static void print_limits(const struct options *opt, const struct features *f)
{
	printf("\nids           %s\n", f->has_cookie ? "socket cookies, as `ss -e` prints them (sk:, hexadecimal)" :
						      "made up where no cookie exists yet: this kernel (before 5.12) "
						      "cannot make one here");
	printf("capacity      %u connections (--max-connections); memory is %s\n", opt->max_connections,
	       f->prealloc ? "taken at the start on this kernel" : "taken as connections come, 256 bytes each");
	printf("ring buffer   %u bytes\n", opt->ring_bytes);
	printf("\nloss counters (in every summary; 0 = nothing lost)\n");
	for (enum counter c = CNT_LOST; c < CNT_MAX; c++)
		printf("    %-14s %s\n", loss_name(c), loss_meaning(c));
}

enum exit_status doctor(const struct options *opt)
{
	int tracefs, err;
	bool usable = true;
	struct features f;
	struct utsname un;

	if (geteuid()) {
		complain("doctor tries the kernel and needs root: run it with sudo");
		return EXIT_CANNOT_TRACE;
	}
	tracefs = tracefs_open();
	err = features_try(&f, tracefs);
	if (tracefs >= 0)
		close(tracefs);
	if (err) {
		complain(err == -ENOENT ? "this kernel has no BTF (/sys/kernel/btf/vmlinux): CONFIG_DEBUG_INFO_BTF is needed" :
					  "bpf(2) is not permitted here");
		return EXIT_CANNOT_TRACE;
	}
	uname(&un);
	printf("Linux %s %s; flavour %s\n\nfact          flavour     tells\n", un.release, un.machine,
	       flavour_name(opt->flavour));
	for (int fact = 0; fact < FACT_MAX; fact++) {
		print_fact(&f, fact, opt->flavour);
		usable &= !probe_facts[fact].required || probe_choose(&f, fact, opt->flavour, false) >= 0;
	}
	print_readers();
	print_limits(opt, &f);
	printf("\n%s\n", usable ? "connlife can trace here." : "connlife cannot trace here: a fact it needs has no flavour.");
	return usable ? EXIT_DONE : EXIT_CANNOT_TRACE;
}
