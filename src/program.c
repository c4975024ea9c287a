// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "program.h"

static void child(int go, int failed, char **argv)
{
	sigset_t none;
	char byte;
	int err;

	if (read(go, &byte, 1) != 1)
		_exit(127); /* the tracer could not begin */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(argv[0], argv);
	err = errno;
	_exit(write(failed, &err, sizeof(err)) == sizeof(err) ? 127 : 126);
}

int program_find(const char *name)
{
	const char *at = getenv("PATH"), *end;
	char path[PATH_MAX];

	if (strchr(name, '/'))
		return access(name, X_OK) ? -errno : 0;
	for (at = at ? at : "/bin:/usr/bin"; *at; at = *end ? end + 1 : end) {
		end = strchrnul(at, ':');
		snprintf(path, sizeof(path), "%.*s/%s", (int)(end - at), at, name);
		if (!access(path, X_OK))
			return 0;
	}
	return -ENOENT;
}

int program_fork(struct program *p, char **argv)
{
	int go[2], failed[2];

	if (pipe2(go, O_CLOEXEC))
		return -errno;
	if (pipe2(failed, O_CLOEXEC)) {
		close(go[0]);
		close(go[1]);
		return -errno;
	}
	p->pid = fork();
	if (!p->pid) {
		close(go[1]);
		close(failed[0]);
		child(go[0], failed[1], argv);
	}
	close(go[0]);
	close(failed[1]);
	p->go = go[1];
	p->failed = failed[0];
	if (p->pid > 0)
		return 0;
	close(go[1]);
	close(failed[0]);
	p->pid = 0;
	return -EAGAIN;
}

int program_start(struct program *p)
{
	int err = 0;
	ssize_t n;

	if (write(p->go, "", 1) != 1)
		err = errno;
	close(p->go);
	/* a successful exec closes the pipe without a word */
	n = read(p->failed, &err, sizeof(err));
	close(p->failed);
	return n == sizeof(err) ? -err : 0;
}

void program_abandon(struct program *p)
{
	if (!p->pid)
		return;
	close(p->go);
	close(p->failed);
	waitpid(p->pid, NULL, 0);
	p->pid = 0;
}
