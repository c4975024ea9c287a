/* SPDX-License-Identifier: GPL-2.0-only */
/* pass_fd.h - a descriptor that goes to another process through a Unix socket (SCM_RIGHTS). */
#ifndef PASS_FD_H
#define PASS_FD_H

/* 0, or -1 with errno. The caller keeps fd open or closes it, as it likes. */
int pass_fd(int channel, int fd);

/* The descriptor, with close-on-exec; -1 when the other end has gone or sent none. */
int receive_fd(int channel);

#endif
