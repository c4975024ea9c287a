// SPDX-License-Identifier: GPL-2.0-only
#include "doctor.h"
#include "options.h"
#include "run.h"

int main(int argc, char **argv)
{
	struct options opt;

	options_parse(&opt, argc, argv);
	return opt.command == CMD_DOCTOR ? doctor(&opt) : run(&opt);
}
