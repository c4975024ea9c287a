// SPDX-License-Identifier: GPL-2.0-only
/*
 * demo.c - a small program with a leak, for `make demo`: a thread serves on loopback, the others take a connection,
 * ask one question and close it. Every fifth time they forget to. Says what it did, on stdout, when it is told to end.
 *
 *   demo SECONDS
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WORKERS 3
#define FORGET_EVERY 5
#define PAUSE_NS 150000000L

static struct sockaddr_in server = { .sin_family = AF_INET };
static atomic_int opened, forgotten;
static time_t end;

static void fail(const char *what)
{
	fprintf(stderr, "demo: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *answer(void *arg)
{
	int fd = (int)(long)arg;
	char byte;

	prctl(PR_SET_NAME, "demo-server");
	while (read(fd, &byte, 1) == 1 && write(fd, &byte, 1) == 1)
		;
	close(fd);
	return NULL;
}

static void *serve(void *arg)
{
	int listener = (int)(long)arg;
	pthread_t t;

	prctl(PR_SET_NAME, "demo-server");
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd >= 0 && !pthread_create(&t, NULL, answer, (void *)(long)fd))
			pthread_detach(t);
	}
	return NULL;
}

static void *work(void *arg)
{
	struct timespec pause = { .tv_nsec = PAUSE_NS };
	char byte = 'x';

	prctl(PR_SET_NAME, arg);
	while (time(NULL) < end) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof(server)))
			fail("connect");
		if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
			fail("question");
		if (++opened % FORGET_EVERY)
			close(fd);
		else
			forgotten++; /* the bug */
		nanosleep(&pause, NULL);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static char *const names[WORKERS] = { "demo-worker-0", "demo-worker-1", "demo-worker-2" };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(server);
	pthread_t t, workers[WORKERS];

	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listener < 0 || bind(listener, (struct sockaddr *)&server, sizeof(server)) || listen(listener, 64) ||
	    getsockname(listener, (struct sockaddr *)&server, &len))
		fail("listen");
	end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 10);
	pthread_create(&t, NULL, serve, (void *)(long)listener);
	for (int i = 0; i < WORKERS; i++)
		pthread_create(&workers[i], NULL, work, names[i]);
	for (int i = 0; i < WORKERS; i++)
		pthread_join(workers[i], NULL);
	printf("demo: opened %d connections, forgot to close %d of them\n", opened, forgotten);
	return 0;
}
