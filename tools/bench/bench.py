#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What a tracer costs: throughput kept, losses, CPU, memory, ns in the kernel. See README.md."""

import sys

sys.dont_write_bytecode = True

import argparse
import json
import os
import platform
import shlex
import shutil
import signal
import time

import kernel
import report
from load import HERE, Churn, Namespace, build_churn, scratch
from rows import ROWS
from tracer import Tracer

CONNLIFE = os.path.join(os.path.dirname(os.path.dirname(HERE)), "connlife")
STEADY = 0.5            # seconds: connlife is attached when its links have not changed for so long


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="of " + " ".join(ROWS) + "; default: all")
    parser.add_argument("--pairs", type=int, default=7, help="pairs per tracer (7)")
    parser.add_argument("--seconds", type=float, default=4, help="length of one load (4)")
    parser.add_argument("--threads", type=int, default=1, help="threads of the connect/close loop (1)")
    parser.add_argument("--held", type=int, default=100000, help="connections held (100000)")
    parser.add_argument("--peer", action="append", default=[], metavar="COMMAND",
                        help="another tracer to run beside connlife; may be repeated")
    parser.add_argument("--settle", type=float, default=2,
                        help="a peer is ready at its first output, or so many seconds after it attached (2)")
    parser.add_argument("--only-peers", action="store_true", help="leave connlife out")
    parser.add_argument("--connlife", default=CONNLIFE, metavar="PATH", help="the tracer to measure")
    parser.add_argument("--connlife-args", default="", metavar="ARGS", help="more options for it")
    parser.add_argument("--churn", metavar="PATH", help="a built churn; default: compile churn.c")
    parser.add_argument("--json", metavar="FILE", help="write every number there")
    chosen = parser.parse_args()
    unknown = [row for row in chosen.rows if row not in ROWS]
    if unknown or chosen.pairs < 1:
        parser.error(f"no such row: {' '.join(unknown)}" if unknown else "--pairs must be positive")
    return chosen


class Bench:
    """What every row needs: options, the load, a scratch directory and the tracers to compare."""

    def __init__(self, chosen, namespace, directory):
        self.options = chosen
        self.namespace = namespace
        self.directory = directory
        self.churn = Churn(chosen.churn or build_churn(directory), namespace)

    def connlife(self, *words):
        """connlife in the host's namespaces (it sees every network), or None where there is none."""
        if self.options.only_peers or not os.access(self.options.connlife, os.X_OK):
            return None
        return Tracer("connlife", [os.path.abspath(self.options.connlife), *words, "-o", "json",
                                   "-O", "{out}", *shlex.split(self.options.connlife_args)],
                      settle=STEADY)

    def tracers(self, words):
        """connlife and the peers. Peers run beside the load: ss sees only its own network."""
        peers = [Tracer(command, shlex.split(command), self.namespace.enter, self.options.settle)
                 for command in self.options.peer]
        own = self.connlife(*words)
        return ([own] if own else []) + peers


def conditions():
    """What a reader must know of the machine to compare figures with another's."""
    others = len(kernel.bpftool("prog"))
    return {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "kernel": platform.release(),
            "machine": platform.machine(), "cpus": os.cpu_count(),
            "load_average": os.getloadavg()[0], "other_bpf_programs": others}


def main():
    chosen = options()
    missing = [tool for tool in ("unshare", "nsenter", "ip", "bpftool") if not shutil.which(tool)]
    if os.geteuid() or missing:
        raise SystemExit("bench: needs " + (" ".join(missing) or "root"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))     # so that everything is put back
    found = conditions()
    print("{kernel} {machine}, {cpus} cores, load average {load_average:.2f}, "
          "{other_bpf_programs} other BPF programs loaded; ".format(**found) +
          f"{chosen.pairs} pairs of {chosen.seconds:g} s")
    rows = {}
    with scratch() as directory, Namespace() as namespace:
        bench = Bench(chosen, namespace, directory)
        for name in chosen.rows or ROWS:
            rows[name] = ROWS[name](bench)
            report.show(rows[name])
            sys.stdout.flush()
    if chosen.json:
        with open(chosen.json, "w") as file:
            json.dump({"conditions": found, "options": vars(chosen), "rows": rows}, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
