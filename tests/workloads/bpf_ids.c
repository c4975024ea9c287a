// SPDX-License-Identifier: GPL-2.0-only
/* bpf_ids.c - prints "ID NAME" of every BPF program in the kernel: bpftool is not on every machine. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static void print_program(unsigned int id)
{
	struct bpf_prog_info info = {0};
	union bpf_attr attr = {.prog_id = id};
	int fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr);

	if (fd < 0)
		return; /* gone meanwhile */
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uintptr_t)&info;
	if (!bpf(BPF_OBJ_GET_INFO_BY_FD, &attr))
		printf("%u %.*s\n", id, BPF_OBJ_NAME_LEN, info.name);
	close(fd);
}

int main(void)
{
	union bpf_attr attr = {0};

	for (;;) {
		unsigned int id;

		if (bpf(BPF_PROG_GET_NEXT_ID, &attr))
			break;
		id = attr.next_id;
		print_program(id);
		memset(&attr, 0, sizeof(attr));
		attr.start_id = id;
	}
	if (errno == ENOENT)
		return 0;
	perror("bpf_ids");
	return 1;
}
