#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Real services under connlife's eyes: see README.md. One line per case, `ok NAME`, `FAIL NAME: why`, `skip NAME: why`;
exit status 1 when one failed.
"""
import functools
import os
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(1, os.path.join(HERE, "..", "live"))  # harness.py

import cases_nginx  # noqa: E402,F401 (a case file adds its cases to the list)
import cases_node  # noqa: E402,F401
import cases_postgres  # noqa: E402,F401
import cases_psycopg2  # noqa: E402,F401
import cases_redis  # noqa: E402,F401
from cases import Bench, all_cases  # noqa: E402
from harness import Runner  # noqa: E402


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything is stopped then too
    runner, bench = Runner(), Bench()
    for name, function in all_cases.items():
        runner.add(name, functools.partial(bench.run, function))
    try:
        runner.main()
    finally:
        bench.close()


main()
