// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "ksyms.h"

int ksyms_find(struct ksym *syms, size_t n)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[512], name[256];
	unsigned long long addr;
	size_t left = n;

	if (!f)
		return -errno;
	while (left && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llx %*c %255s", &addr, name) != 2)
			continue;
		for (size_t i = 0; i < n; i++)
			if (!syms[i].addr && !strcmp(syms[i].name, name)) {
				syms[i].addr = addr;
				left--;
			}
	}
	fclose(f);
	return 0;
}
