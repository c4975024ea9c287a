#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Truth, live: every way to begin and end a connection, who, how, when; recording and replay."""
import json
import os
import re
import signal
import subprocess
import time

from compare import SYNTHETIC_ID, compare, key, synthetic
from harness import (Conn, Fail, Report, Runner, Skip, expect_nothing_lost, expect_same,
                     map_values, parse, which)

runner = Runner()


class Scenarios:
    """All selected scenarios under one connlife: a start costs seconds on an emulated machine."""

    def __init__(self, names):
        self.names, self.problems = names, None
        self.truth, self.report, self.failure = [], None, None

    def run(self, env):
        if self.failure:
            raise self.failure
        if self.report:
            return
        try:
            self.run_once(env)
        except Fail as why:
            self.failure = Fail("scenarios: %s" % why)
            raise self.failure

    def run_once(self, env):
        conn = Conn(env, *self.names)
        tracer = env.trace("-w", env.file("recording"))
        self.truth = conn.truth()
        self.left_in_map = left_in_map(self.truth)
        self.report = tracer.stop().check()
        self.problems = compare(self.truth, self.report.lines, conn.netns,
                                self.report.header.get("flavours"))


def conns_ids():
    """The ids in the kernel's table of connections, or None where bpftool cannot show it."""
    records = map_values("conns")
    if records is None:
        return None
    # a slot's `sock`: 0 = free, 1 = being filled; not there in every flavour
    records += [slot["conn"] for slot in map_values("slots") or [] if int(slot["sock"]) > 1]
    return [str(record["id"]) for record in records]


def left_in_map(truth):
    """Ids of ended connections that are still in the map; the kernel frees some a moment later."""
    ids = {line["id"] for line in truth if "id" in line}
    end = time.monotonic() + 5
    while True:
        kept = conns_ids()
        if kept is None:
            return None
        if not ids & set(kept) or time.monotonic() > end:
            return sorted(ids & set(kept))
        time.sleep(0.05)


def add_scenarios(runner, env):
    """One test per scenario of conn."""
    listed = subprocess.run([env.workload("conn"), "--list"], stdout=subprocess.PIPE, check=True)
    names = [name for name in listed.stdout.decode().split() if name != "outstanding"]
    only = env.options.only
    chosen = [name for name in names if re.search(only, "scenario/" + name)]
    together = Scenarios(chosen or names)

    def scenario(name):
        def test(env):
            together.run(env)
            lines = [line for line in together.truth if line.get("case") == name]
            if together.problems.get(name):
                raise Fail("\n  ".join(together.problems[name]))
            skips = [line["skip"] for line in lines if "skip" in line]
            if skips or not lines:
                raise Skip(skips[0] if skips else "no truth")
            return "%d ends" % len(lines)
        return test

    def together_test(function):
        def test(env):
            together.run(env)
            return function(env, together)
        return test

    for name in names:
        runner.tests.insert(names.index(name), ("scenario/" + name, scenario(name)))
    for function in (nothing_else, map_is_empty, replay_is_the_same, replay_needs_no_root):
        runner.add(function.__name__.replace("_", "-"), together_test(function))


def nothing_else(env, scenarios):
    """No line in the workload's namespace without an end, nothing lost."""
    expect_nothing_lost(scenarios.report)
    if scenarios.problems.get(""):
        raise Fail("\n  ".join(scenarios.problems[""]))


def map_is_empty(env, scenarios):
    if scenarios.left_in_map is None:
        raise Skip("bpftool cannot show the maps")
    if scenarios.left_in_map:
        cases = {line["id"]: line["case"] for line in scenarios.truth if "id" in line}
        raise Fail("still in conns: %s" % ", ".join("%s (%s)" % (i, cases[i])
                                                    for i in scenarios.left_in_map))


def first_difference(live, replayed):
    for number, (a, b) in enumerate(zip(live.split(b"\n"), replayed.split(b"\n")), 1):
        if a != b:
            return "line %d:\n    live   %r\n    replay %r" % (number, a, b)
    return "%d bytes live, %d replayed" % (len(live), len(replayed))


def replay_is_the_same(env, scenarios):
    replay = env.run("trace", "-o", "json", "-r", env.file("recording"), flavour=False).check()
    if replay.output != scenarios.report.output:
        raise Fail(first_difference(scenarios.report.output, replay.output))
    return "%d bytes" % len(replay.output)


def replay_needs_no_root(env, scenarios):
    nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    os.chmod(env.file("recording"), 0o644)
    binary = env.file("connlife")
    with open(env.options.connlife, "rb") as source, open(binary, "wb") as target:
        target.write(source.read())
    os.chmod(binary, 0o755)
    done = subprocess.run([binary, "trace", "-o", "json", "-r", env.file("recording")],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, **nobody)
    report = Report(done.returncode, done.stdout, done.stderr.decode()).check()
    if report.output != scenarios.report.output:
        raise Fail(first_difference(scenarios.report.output, report.output))


def read_outstanding(conn):
    conn.go()
    lines = []
    while not lines or lines[-1].get("type") != "waiting":
        lines.append(json.loads(conn.line()))
    return lines[:-1]


@runner.test
def outstanding(env):
    """Left open at the end of the trace, with all holders; opened while tracing."""
    conn = Conn(env, "outstanding")
    tracer = env.trace()
    truth = read_outstanding(conn)
    expect_in_map(truth)
    report = tracer.stop().check()
    conn.end()
    expect_same(truth, report, conn.netns)


def expect_in_map(truth):
    """What is open is in the map: else its emptiness after the scenarios would prove nothing."""
    kept = conns_ids()
    if kept is None:
        return
    if any(int(id_) == 0 or int(id_) >= SYNTHETIC_ID for id_ in kept):
        # before Linux 5.12 the id is made when it is first needed: here only how many there are can be compared
        if len(kept) < len(truth):
            raise Fail("%d open, %d in conns" % (len(truth), len(kept)))
        return
    for line in truth:
        if line["id"] not in kept:
            raise Fail("open and not in conns: id %s" % line["id"])


def steer_packets(env, conn):
    """Packets are received by any processor, by interrupt, as those of a network card are; where the kernel can."""
    steer = "mount -t sysfs none /sys && echo %x > /sys/class/net/lo/queues/rx-0/rps_cpus" % ((1 << os.cpu_count()) - 1)
    if which("unshare"):
        subprocess.run([env.workload("netns_run"), "--join", str(conn.pid), which("unshare"), "-m", "sh", "-c", steer],
                       stderr=subprocess.DEVNULL)


@runner.test
def ends_among_many_threads(env):
    """Programs interrupt and preempt each other, and the kernel skips runs of them: every end is reported, once."""
    conn = Conn(env, *["threads-accept"] * 40)
    steer_packets(env, conn)
    tracer = env.trace()
    truth = {end["id"] for end in conn.truth() if end["type"] == "close"}
    report = tracer.stop().check()
    if report.of("outstanding", conn.netns):
        raise Fail("closed, and reported open: %s" % json.dumps(report.of("outstanding", conn.netns)[0]))
    closed = len(report.of("close", conn.netns))
    if closed != len(truth):
        raise Fail("%d lines for %d ends, %r" % (closed, len(truth), report.summary))
    return "%d ends, %d runs skipped" % (closed, report.lost().get("missed", 0))


@runner.test
def ids_equal_ss(env):
    """id is ss -e's sk:, for the same addresses."""
    if not which("ss"):
        raise Skip("no ss here")
    conn = Conn(env, "outstanding")
    tracer = env.trace()
    read_outstanding(conn)
    listed = subprocess.run([env.workload("netns_run"), "--join", str(conn.pid), which("ss"), "-tneH"],
                            stdout=subprocess.PIPE, check=True).stdout.decode()
    report = tracer.stop().check()
    conn.end()
    lines = report.of("outstanding", conn.netns)
    if any(synthetic(line) for line in lines):
        raise Skip("this kernel gives no cookies: ids are made up")
    by_ss = {}
    for line in listed.splitlines():
        words = line.split()
        by_ss[words[3], words[4]] = int(re.search(r"sk:([0-9a-f]+)", line).group(1), 16)
    ours = {("%(laddr)s:%(lport)d" % line, "%(raddr)s:%(rport)d" % line): int(line["id"])
            for line in lines}
    if ours != by_ss or not ours:
        raise Fail("connlife: %r, ss: %r" % (ours, by_ss))


@runner.test
def events(env):
    """--events: each end that was established has its open line first, with the same facts."""
    conn = Conn(env, "ipv4", "ipv6", "refused", "exit")
    tracer = env.trace("--events")
    truth = conn.truth()
    report = tracer.stop().check()
    expect_same(truth, report, conn.netns)
    opened = {}
    for line in report.lines:
        if line.get("netns") not in conn.netns:
            continue
        if line["type"] == "open":
            if line["role"] == "client" and "connect_ns" not in line:
                raise Fail("a client's open without connect_ns: %r" % line)
            opened[line["id"]] = line
        elif line["type"] == "close":
            first = opened.pop(line["id"], None)
            if not first:
                raise Fail("close without an open before it: %r" % line)
            for name in ("family", "laddr", "lport", "raddr", "rport", "role", "pid", "tid", "comm", "opened"):
                if first.get(name) != line.get(name):
                    raise Fail("%s: open %r, close %r" % (name, first, line))
    if opened:
        raise Fail("open without a close: %r" % list(opened.values()))


@runner.test
def interval(env):
    """-i: an open connection is listed more than once, and still once more at the end."""
    conn = Conn(env, "outstanding")
    tracer = env.trace("-i", "200ms")
    truth = read_outstanding(conn)
    wanted = re.compile(b'"outstanding".*"netns":(?:%s),' % b"|".join(b"%d" % n for n in conn.netns))
    end = time.monotonic() + 60
    while len(wanted.findall(tracer.out.text())) < 3 * len(truth) and time.monotonic() < end:
        time.sleep(0.05)
    report = tracer.stop().check()
    conn.end()
    for line in truth:
        seen = [o for o in report.of("outstanding", conn.netns) if key(o) == key(line)]
        if len(seen) < 2:
            raise Fail("%r was listed %d times" % (key(line), len(seen)))


def ends_with_summary(env, number):
    conn = Conn(env, "ipv4")
    tracer = env.trace()
    truth = conn.truth()
    expect_same(truth, tracer.stop(number).check(), conn.netns)


@runner.test
def ctrl_c_ends_with_summary(env):
    ends_with_summary(env, signal.SIGINT)


@runner.test
def sigterm_ends_with_summary(env):
    ends_with_summary(env, signal.SIGTERM)


@runner.test
def duration_ends_with_summary(env):
    tracer = env.trace("-d", "500ms")
    report = tracer.wait().check()
    if report.summary["duration_ns"] < 400_000_000:
        raise Fail("duration_ns is %d" % report.summary["duration_ns"])


@runner.test
def program(env):
    """-- PROGRAM: only it and its children, and the trace ends with it."""
    output = env.file("program.json")
    run = env.run("trace", "-o", "json", "-O", output, "--", env.workload("netns_run"),
                  env.workload("conn"), "ipv4", "exit", "killed", "closed-by-child")
    truth = parse(run.output)
    with open(output, "rb") as file:
        report = Report(run.status, file.read(), run.errors).check()
    netns = {line["netns"] for line in truth if line.get("type") == "start"}
    expect_same(truth, report, netns)
    others = [line for line in report.lines[1:-1] if line.get("netns") not in netns]
    if others:
        raise Fail("other programs' connections: %r" % others[:3])


if __name__ == "__main__":
    runner.main(add_scenarios)
