#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Real services under connlife's eyes: see README.md. One line per case, `ok NAME`, `FAIL NAME: why`, `skip NAME: why`;
exit status 1 when one failed.
"""
import argparse
import os
import re
import signal
import sys

import cases_nginx  # noqa: F401 (a case file adds its cases to the list)
import cases_node  # noqa: F401
import cases_postgres  # noqa: F401
import cases_psycopg2  # noqa: F401
import cases_redis  # noqa: F401
from cases import Bench, all_cases
from program import Failed, Skip

HERE = os.path.dirname(os.path.abspath(__file__))


def options():
    parser = argparse.ArgumentParser(description="tests of connlife against real services; needs root")
    parser.add_argument("--connlife", default=f"{HERE}/../../connlife", metavar="PATH")
    parser.add_argument("--only", default="", metavar="REGEX", help="only the cases whose name matches")
    parser.add_argument("--list", action="store_true", help="the names of the cases")
    return parser.parse_args()


def judge(bench, name):
    """One line about one case; True unless it failed."""
    try:
        if os.geteuid():
            raise Skip("needs root")
        bench.run(name)
    except Skip as why:
        print(f"skip {name}: {why}", flush=True)
    except Failed as why:
        print(f"FAIL {name}: {why}", flush=True)
        return False
    except Exception as why:  # a broken test must not keep the others from running
        print(f"FAIL {name}: {type(why).__name__}: {why}", flush=True)
        return False
    else:
        print(f"ok {name}", flush=True)
    return True


def main():
    opt = options()
    names = [name for name in all_cases if re.search(opt.only, name)]
    if opt.list:
        print(*names, sep="\n")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything is stopped then too
    bench = Bench(os.path.abspath(opt.connlife))
    try:
        return 0 if all([judge(bench, name) for name in names]) else 1
    finally:
        bench.close()


sys.exit(main())
