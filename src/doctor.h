/* SPDX-License-Identifier: GPL-2.0-only */
/* doctor.h - `connlife doctor`: what this kernel offers, and why not better. */
#ifndef CONNLIFE_DOCTOR_H
#define CONNLIFE_DOCTOR_H

#include "options.h"

enum exit_status doctor(const struct options *opt);

#endif
