// SPDX-License-Identifier: GPL-2.0-only
/*
 * conn_process.c - scenarios in which a process other than the first one holds or ends a connection.
 * The pair lives in shared memory: each process writes down its own part of the truth.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conn.h"
#include "conn_net.h"
#include "pass_fd.h"

/* What parent and child share. A gate is an eventfd: opened by one, waited for by the other. */
struct stage {
	struct pair pair;
	struct listener listener;
	int ready, go; /* gates: opened by the child, by the parent */
	int channel[2]; /* unix sockets: parent's, child's */
};

static void gate_open(int gate)
{
	uint64_t one = 1;

	if (write(gate, &one, sizeof(one)) != sizeof(one))
		die("eventfd");
}

static void gate_wait(int gate)
{
	uint64_t value;

	if (read(gate, &value, sizeof(value)) != sizeof(value))
		die("eventfd");
}

static struct stage *stage_new(void)
{
	struct stage *stage = mmap(NULL, sizeof(*stage), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (stage == MAP_FAILED)
		die("mmap");
	stage->ready = eventfd(0, 0);
	stage->go = eventfd(0, 0);
	if (stage->ready < 0 || stage->go < 0)
		die("eventfd");
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, stage->channel))
		die("socketpair");
	return stage;
}

static void stage_free(struct stage *stage)
{
	close(stage->ready);
	close(stage->go);
	close(stage->channel[0]);
	close(stage->channel[1]);
	munmap(stage, sizeof(*stage));
}

static pid_t spawn(const char *name, void (*body)(struct stage *), struct stage *stage)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	task_name(name);
	body(stage);
	_exit(0);
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0)
		if (errno != EINTR)
			die("waitpid");
}

/* fork: the child inherited the client and is the last to close it. */
static void child_closes_last(struct stage *stage)
{
	close(stage->pair.server.fd);
	gate_wait(stage->go);
	close_end(&stage->pair.client);
}

static void closed_by_child(const char *name)
{
	struct stage *stage = stage_new();
	pid_t pid;

	pair_open(&stage->pair, "127.0.0.1");
	pid = spawn("conn-child", child_closes_last, stage);
	close(stage->pair.client.fd);
	gate_open(stage->go);
	close_after_peer(&stage->pair.server);
	reap(pid);
	pair_print(name, &stage->pair);
	stage_free(stage);
}

/* SCM_RIGHTS: the receiver never opened the connection and closes it. */
static void receiver_closes(struct stage *stage)
{
	stage->pair.client.fd = receive_fd(stage->channel[1]);
	if (stage->pair.client.fd < 0)
		die("recvmsg");
	gate_wait(stage->go);
	close_end(&stage->pair.client);
}

static void passed_fd(const char *name)
{
	struct stage *stage = stage_new();
	pid_t pid = spawn("conn-receiver", receiver_closes, stage);
	int fd;

	pair_open(&stage->pair, "127.0.0.1");
	fd = stage->pair.client.fd;
	if (pass_fd(stage->channel[0], fd))
		die("sendmsg");
	close(fd);
	gate_open(stage->go);
	close_after_peer(&stage->pair.server);
	reap(pid);
	pair_print(name, &stage->pair);
	stage_free(stage);
}

static void connect_and_talk(struct stage *stage)
{
	client_connect(&stage->pair.client, &stage->listener);
	client_talk(&stage->pair.client);
	gate_open(stage->ready);
}

/* A child connects by itself, the parent accepts; returns when both parts of the talk are over. */
static pid_t spawn_client(struct stage *stage, void (*body)(struct stage *))
{
	pid_t pid;

	listener_open(&stage->listener, "127.0.0.1", 8);
	pid = spawn("conn-child", body, stage);
	server_accept(&stage->pair.server, &stage->listener, 0);
	server_talk(&stage->pair.server);
	gate_wait(stage->ready);
	/* The accept may have waited for the child to start. */
	if (stage->pair.server.opened.from < stage->pair.client.opened.from)
		stage->pair.server.opened.from = stage->pair.client.opened.from;
	listener_close(&stage->listener);
	return pid;
}

/* The child has just been reaped: whatever it had open, its end has closed. */
static void ended_with_child(struct stage *stage)
{
	struct end *client = &stage->pair.client;

	end_closed(client, "exit");
	client->closer = client->opener;
}

static void connect_then_exit(struct stage *stage)
{
	connect_and_talk(stage);
	gate_wait(stage->go);
}

static void exit_closes(const char *name)
{
	struct stage *stage = stage_new();
	pid_t pid = spawn_client(stage, connect_then_exit);

	end_closing(&stage->pair.client);
	gate_open(stage->go);
	reap(pid);
	ended_with_child(stage);
	close_after_peer(&stage->pair.server);
	pair_print(name, &stage->pair);
	stage_free(stage);
}

static void killed(const char *name)
{
	struct stage *stage = stage_new();
	pid_t pid = spawn_client(stage, connect_then_exit);

	end_closing(&stage->pair.client);
	kill(pid, SIGKILL);
	reap(pid);
	ended_with_child(stage);
	close_after_peer(&stage->pair.server);
	pair_print(name, &stage->pair);
	stage_free(stage);
}

static void opener_thread(void *stage)
{
	connect_and_talk(stage);
	gate_wait(((struct stage *)stage)->go);
	_exit(0); /* exit_group: the main thread is still waiting for this one */
}

static void connect_in_thread(struct stage *stage)
{
	in_thread("conn-opener", opener_thread, stage);
}

/* Two threads when the process ends: any of them may be the one that drops the last reference. */
static void exit_with_threads(const char *name)
{
	struct stage *stage = stage_new();
	pid_t pid = spawn_client(stage, connect_in_thread);
	struct task *closer = &stage->pair.client.closer;

	end_closing(&stage->pair.client);
	gate_open(stage->go);
	reap(pid);
	ended_with_child(stage);
	closer->tid = 0;
	closer->comm[0] = '\0';
	close_after_peer(&stage->pair.server);
	pair_print(name, &stage->pair);
	stage_free(stage);
}

static void connect_then_exec(struct stage *stage)
{
	char go[16];

	connect_and_talk(stage);
	snprintf(go, sizeof(go), "%d", stage->go);
	end_closing(&stage->pair.client);
	execl("/proc/self/exe", "conn", "--after-exec", go, (char *)NULL);
	die("exec");
}

/* exec with CLOEXEC: the process lives on under another name, the connection does not. */
static void exec_closes(const char *name)
{
	struct stage *stage = stage_new();
	struct end *client = &stage->pair.client;
	pid_t pid = spawn_client(stage, connect_then_exec);

	wait_eof(&stage->pair.server);
	end_closed(client, "app");
	client->closer = client->opener;
	client->closer.comm[0] = '\0'; /* before or after the renaming: the kernel's affair */
	gate_open(stage->go);
	close_after_peer(&stage->pair.server);
	reap(pid);
	pair_print(name, &stage->pair);
	stage_free(stage);
}

static void hold_client(struct stage *stage)
{
	close(stage->pair.server.fd);
	gate_open(stage->ready);
	gate_wait(stage->go);
}

static void print_outstanding(const char *name, struct pair *pair, pid_t child)
{
	struct end *ends[] = {&pair->client, &pair->server};

	for (int i = 0; i < 2; i++) {
		struct end *end = ends[i];

		end->holders[end->nholders++] = (struct holder){getpid(), end->fd};
		if (child && end == &pair->client)
			end->holders[end->nholders++] = (struct holder){child, end->fd};
		truth_outstanding(name, end);
	}
}

/* One connection held by this process, one whose client a child holds too. Until stdin ends. */
static void outstanding(const char *name)
{
	struct stage *stage = stage_new();
	struct pair alone = {0};
	pid_t child;
	char byte;

	pair_open(&stage->pair, "127.0.0.1");
	child = spawn("conn-holder", hold_client, stage);
	pair_open(&alone, "127.0.0.1"); /* after the fork: the child does not have it */
	gate_wait(stage->ready);
	print_outstanding(name, &alone, 0);
	print_outstanding(name, &stage->pair, child);
	printf("{\"type\":\"waiting\"}\n");
	while (read(STDIN_FILENO, &byte, 1) == 1)
		;
	gate_open(stage->go);
	reap(child);
	stage_free(stage);
}

const struct scenario process_scenarios[] = {
	{"closed-by-child", closed_by_child},
	{"passed-fd", passed_fd},
	{"exit", exit_closes},
	{"killed", killed},
	{"exit-threads", exit_with_threads},
	{"exec", exec_closes},
	{"outstanding", outstanding},
	{0},
};
