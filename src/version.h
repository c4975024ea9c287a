/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CONNLIFE_VERSION
#define CONNLIFE_VERSION "0.1.0"
#endif
