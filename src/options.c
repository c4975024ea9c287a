// SPDX-License-Identifier: GPL-2.0-only
#include <argp.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "lib/parse.h"
#include "options.h"
#include "version.h"

#define DEFAULT_MAX_CONNECTIONS 262144
#define DEFAULT_RING_BYTES (8u << 20)
#define DEFAULT_OLDER_NS 60000000000ULL
#define PROGRAM_OLDER_NS 1000000000ULL
#define DEFAULT_DURATION_NS 10000000000ULL /* of a `leaks` without --interval */

const char *argp_program_version = "connlife " CONNLIFE_VERSION;

enum { KEY_CHILDREN = 256, KEY_ROLE, KEY_COMM, KEY_CGROUP, KEY_CIDR, KEY_STATE, KEY_OLDER, KEY_EVENTS, KEY_EXIT_CODE,
       KEY_FLAVOUR, KEY_MAX, KEY_RING, KEY_NO_LAST_USE, KEY_SENDERS };

static const struct argp_option table[] = {
	{ NULL, 0, NULL, 0, "Which connections:", 1 },
	{ "pid", 'p', "PID[,PID]", 0, "only these processes", 1 },
	{ "children", KEY_CHILDREN, NULL, 0, "and their descendants", 1 },
	{ "port", 'P', "N[,N]", 0, "port at either end", 1 },
	{ "lport", 'L', "N[,N]", 0, "local port", 1 },
	{ "rport", 'D', "N[,N]", 0, "remote port", 1 },
	{ NULL, '4', NULL, 0, "only IPv4 (v4-mapped counts as IPv4)", 1 },
	{ NULL, '6', NULL, 0, "only IPv6", 1 },
	{ "role", KEY_ROLE, "client|server", 0, "who opened", 1 },
	{ "comm", KEY_COMM, "NAME", 0, "opened by a thread of this name", 1 },
	{ "cgroup", KEY_CGROUP, "PATH", 0, "opened in this cgroup (v2) or below", 1 },
	{ "cidr", KEY_CIDR, "NET", 0, "either address in this network", 1 },
	{ "state", KEY_STATE, "STATE", 0, "of those still open, only in this TCP state", 1 },
	{ NULL, 0, NULL, 0, "How long:", 2 },
	{ "duration", 'd', "DUR", 0, "end after DUR: 500ms 10s 5m 2h (leaks: 10s unless --interval)", 2 },
	{ "interval", 'i', "DUR", 0, "report every DUR until stopped", 2 },
	{ "older", KEY_OLDER, "DUR", 0, "leaks: judge what is older than this (60s; after -- PROGRAM 1s)", 2 },
	{ NULL, 0, NULL, 0, "Output:", 3 },
	{ "format", 'o', "FORMAT", 0, "text, json or csv (leaks: text or json)", 3 },
	{ "output", 'O', "FILE", 0, "write it to FILE", 3 },
	{ "top", 'n', "N", 0, "leaks: at most N findings", 3 },
	{ "events", KEY_EVENTS, NULL, 0, "trace: also a line when a connection opens", 3 },
	{ "verbose", 'v', NULL, 0, "leaks: every connection, its verdict and why; trace: what each thread did", 3 },
	{ "exit-code", KEY_EXIT_CODE, "suspect", OPTION_ARG_OPTIONAL, "leaks: exit 1 on a leak (or a suspect)", 3 },
	{ NULL, 0, NULL, 0, "Recordings:", 4 },
	{ "write", 'w', "FILE", 0, "also record", 4 },
	{ "read", 'r', "FILE", 0, "read a recording instead of the live host (needs no root)", 4 },
	{ NULL, 0, NULL, 0, "How it traces:", 5 },
	{ "senders", KEY_SENDERS, NULL, 0, "leaks, record: also who sent last (a hook at every send)", 5 },
	{ "flavour", KEY_FLAVOUR, "F", 0, "auto, fentry, kprobe or tracepoint", 5 },
	{ "max-connections", KEY_MAX, "N", 0, "capacity (262144)", 5 },
	{ NULL, 'h', NULL, OPTION_HIDDEN, NULL, 5 },
	{ "ring-bytes", KEY_RING, "N", OPTION_HIDDEN, NULL, 5 },
	{ "no-last-use", KEY_NO_LAST_USE, NULL, OPTION_HIDDEN, NULL, 5 },
	{ 0 },
};

static const char usage_args[] = "[trace|leaks|record|doctor]\n[trace|leaks|record] -- PROGRAM [ARGS]";
static const char usage_doc[] =
	"Lifetimes and leaks of the TCP connections of a live Linux host.\v"
	"  trace   one line per connection when it ends, then what is still open (the default)\n"
	"  leaks   what was opened and never closed: one reasoned verdict each\n"
	"  record  only write a recording (-w FILE)\n"
	"  doctor  what this kernel offers, and why not better\n\n"
	"Exit status: 0 done, 1 leak found (--exit-code), 2 usage, 3 cannot trace, 4 recording damaged.";

void complain(const char *format, ...)
{
	va_list args;

	fputs("connlife: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

#define usage_error(...)                  \
	do {                              \
		complain(__VA_ARGS__);    \
		exit(EXIT_USAGE);         \
	} while (0)

static void take_ports(__u16 *list, const char *word, const char *option)
{
	__u64 ports[MAX_PORTS];
	size_t n = 0;
	int err = parse_list(word, 1, 65535, ports, MAX_PORTS, &n);

	if (err)
		usage_error("%s %s: %s", option, word,
			    err == -E2BIG ? "at most 16 ports" : "not a list of ports (1 to 65535)");
	for (size_t i = 0; i < n; i++)
		list[i] = ports[i];
}

static void take_pids(struct filter *f, const char *word)
{
	__u64 pids[MAX_PIDS];
	size_t n = 0;
	int err = parse_list(word, 1, 4194304, pids, MAX_PIDS, &n);

	if (err)
		usage_error("--pid %s: %s", word, err == -E2BIG ? "at most 64 processes" : "not a list of process ids");
	for (size_t i = 0; i < n; i++)
		f->pids[i] = pids[i];
	f->npids = n;
}

/* Index of word in a NULL-terminated list; -1 if it is not there. */
static int one_of(const char *word, const char *const *list)
{
	for (int i = 0; list[i]; i++)
		if (!strcasecmp(word, list[i]))
			return i;
	return -1;
}

static __u8 take_state(const char *word)
{
	/* as the kernel numbers them, from 1 (include/net/tcp_states.h); names as in ss(8) too */
	static const char *const names[] = { "established", "syn-sent", "syn-recv", "fin-wait-1", "fin-wait-2",
					     "time-wait", "closed", "close-wait", "last-ack", NULL };
	char text[32];
	int i;

	snprintf(text, sizeof(text), "%s", word);
	for (char *p = text; *p; p++)
		if (*p == '_')
			*p = '-';
	i = one_of(text, names);
	if (i < 0)
		usage_error("--state %s: not a TCP state (established, syn-sent, close-wait, ...)", word);
	return i + 1;
}

static __u64 take_duration(const char *word, const char *option)
{
	__u64 ns;

	if (parse_duration(word, &ns))
		usage_error("%s %s: not a duration (500ms, 10s, 5m, 2h)", option, word);
	return ns;
}

static __u64 take_number(const char *word, __u64 min, __u64 max, const char *option)
{
	__u64 n;

	if (parse_number(word, min, max, &n))
		usage_error("%s %s: not a number from %llu to %llu", option, word, min, max);
	return n;
}

static int filter_option(int key, char *arg, struct filter *f, struct options *o)
{
	static const char *const roles[] = { "client", "server", NULL };
	int i;

	switch (key) {
	case 'p':
		take_pids(f, arg);
		break;
	case KEY_CHILDREN:
		f->children = 1;
		break;
	case 'P':
		take_ports(f->port, arg, "--port");
		break;
	case 'L':
		take_ports(f->lport, arg, "--lport");
		break;
	case 'D':
		take_ports(f->rport, arg, "--rport");
		break;
	case '4':
	case '6':
		f->family = key - '0';
		break;
	case KEY_ROLE:
		i = one_of(arg, roles);
		if (i < 0)
			usage_error("--role %s: client or server", arg);
		f->role = i + 1;
		break;
	case KEY_COMM:
		/* the kernel keeps 15 bytes of a thread's name */
		snprintf(f->comm, sizeof(f->comm), "%s", arg);
		f->has_comm = 1;
		break;
	case KEY_CGROUP:
		o->cgroup = arg;
		break;
	case KEY_CIDR:
		if (parse_cidr(arg, f->net, &f->net_family, &f->net_bits))
			usage_error("--cidr %s: not a network (10.0.0.0/8, fd00::/8)", arg);
		break;
	case KEY_STATE:
		f->state = take_state(arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static void take_exit_code(struct options *o, const char *arg)
{
	if (arg && strcmp(arg, "suspect"))
		usage_error("--exit-code=%s: only `suspect` may follow", arg);
	o->exit_code = arg ? EXIT_CODE_SUSPECT : EXIT_CODE_LEAK;
}

static int run_option(int key, char *arg, struct options *o)
{
	static const char *const flavours[] = { "auto", "fentry", "kprobe", "tracepoint", NULL };
	int i;

	switch (key) {
	case 'd':
		o->duration_ns = take_duration(arg, "--duration");
		break;
	case 'i':
		o->interval_ns = take_duration(arg, "--interval");
		break;
	case KEY_OLDER:
		o->older_ns = take_duration(arg, "--older");
		o->older_given = true;
		break;
	case 'o':
		o->format = arg;
		break;
	case 'O':
		o->output = arg;
		break;
	case 'n':
		o->top = take_number(arg, 1, 1000000, "--top");
		break;
	case KEY_EVENTS:
		o->events = true;
		break;
	case 'v':
		o->verbose = true;
		break;
	case KEY_EXIT_CODE:
		take_exit_code(o, arg);
		break;
	case 'w':
		o->write = arg;
		break;
	case 'r':
		o->read = arg;
		break;
	case KEY_FLAVOUR:
		i = one_of(arg, flavours);
		if (i < 0)
			usage_error("--flavour %s: auto, fentry, kprobe or tracepoint", arg);
		o->flavour = i;
		break;
	case KEY_MAX:
		o->max_connections = take_number(arg, 1, 16777216, "--max-connections");
		break;
	case KEY_RING:
		o->ring_bytes = take_number(arg, 4096, 1u << 30, "--ring-bytes");
		break;
	case KEY_SENDERS:
		o->senders = true;
		break;
	case KEY_NO_LAST_USE:
		o->last_use = false;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const char *const commands[] = { "trace", "leaks", "record", "doctor", NULL };
	struct options *o = state->input;
	int i;

	switch (key) {
	case ARGP_KEY_INIT:
		/* getopt names the bad option in one line; argp's second line ("Try --help") would not be news */
		state->err_stream = fopen("/dev/null", "we");
		return 0;
	case 'h':
		argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
		return 0;
	case ARGP_KEY_FINI:
		if (state->err_stream)
			fclose(state->err_stream);
		return 0;
	case ARGP_KEY_ARG:
		i = one_of(arg, commands);
		if (state->arg_num || i < 0)
			usage_error("%s: not a command (trace, leaks, record, doctor); a program to run goes after --",
				    arg);
		o->command = i;
		return 0;
	}
	i = filter_option(key, arg, &o->filter, o);
	return i == ARGP_ERR_UNKNOWN ? run_option(key, arg, o) : i;
}

/* What only makes sense together, or not together. */
static void check(const struct options *o)
{
	static const char *const trace_formats[] = { "text", "json", "csv", NULL };
	static const char *const leaks_formats[] = { "text", "json", NULL };
	bool leaks = o->command == CMD_LEAKS;

	if (one_of(o->format, leaks ? leaks_formats : trace_formats) < 0)
		usage_error("--format %s: %s", o->format, leaks ? "text or json" : "text, json or csv");
	if (o->command == CMD_RECORD && !o->write)
		usage_error("record: name the recording with -w FILE");
	if (o->read && (o->write || o->program || o->command == CMD_RECORD))
		usage_error("--read: cannot be combined with --write, record or -- PROGRAM");
	if (o->filter.children && !o->filter.npids && !o->program)
		usage_error("--children: needs --pid");
	if (o->filter.npids && o->program)
		usage_error("--pid: cannot be combined with -- PROGRAM");
	if (o->ring_bytes & (o->ring_bytes - 1))
		usage_error("--ring-bytes: must be a power of two");
	if (!leaks && (o->exit_code || o->older_given || o->top))
		usage_error("--exit-code, --older and --top belong to leaks");
	if (o->command == CMD_TRACE && o->senders)
		usage_error("--senders belongs to leaks and record");
	if (o->senders && o->read)
		usage_error("--senders: a recording has them if it was made with them");
	if (leaks && o->events)
		usage_error("--events belongs to trace");
}

static void keep_command_line(struct options *o, int argc, char **argv)
{
	size_t at = 0;

	for (int i = 0; i < argc && at < sizeof(o->command_line) - 1; i++)
		at += snprintf(o->command_line + at, sizeof(o->command_line) - at, "%s%s", i ? " " : "",
			       i ? argv[i] : "connlife");
}

void options_parse(struct options *o, int argc, char **argv)
{
	static const struct argp argp = { table, parse, usage_args, usage_doc, NULL, NULL, NULL };
	int own = argc;

	*o = (struct options){
		.format = "text",
		.max_connections = DEFAULT_MAX_CONNECTIONS,
		.ring_bytes = DEFAULT_RING_BYTES,
		.older_ns = DEFAULT_OLDER_NS,
		.last_use = true,
	};
	keep_command_line(o, argc, argv);
	/* everything after -- is the program's: argp must not see it */
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--")) {
			own = i;
			if (i + 1 == argc)
				usage_error("--: name the program to run after it");
			o->program = argv + i + 1;
			break;
		}
	argv[0] = "connlife";
	argp_err_exit_status = EXIT_USAGE;
	if (argp_parse(&argp, own, argv, 0, NULL, o))
		exit(EXIT_USAGE);
	check(o);
	if (o->program) {
		o->filter.children = 1;
		if (!o->older_given)
			o->older_ns = PROGRAM_OLDER_NS;
	}
	if (o->command == CMD_LEAKS && !o->interval_ns && !o->duration_ns && !o->program)
		o->duration_ns = DEFAULT_DURATION_NS;
}
