#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Verdicts, live: every leak that a workload plants is found exactly, and no healthy program is accused.

The workloads (leaker, healthy) say themselves what must be found. Several run under one connlife, each with a
port of its own: a start costs seconds on an emulated machine. `early`: connlife is there before anything is
built; `late`: all is over when it starts. More options than the other files have:

    --runs N        each control N times        --load          all processors busy during the runs
    --older-ms N    T of the verdicts
"""
import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time

from harness import Connlife, Fail, Runner, Skip, Workload, expect_nothing_lost, wait_until

BATCH = 14  # connlife takes 16 ports in one filter
# Below the local ports of clients, and another for another run of this test on the same host at the same time.
FIRST_PORT = 10000 + os.getpid() % 1000 * 20
# Before READY the `growing` leak has not risen often enough: it has a test of its own.
APART = {"growing"}
# What lost events can make up; the others rest on what a second look at the socket or its last record confirms.
HISTORY = {"bypassed", "growing"}


class LeakRunner(Runner):
    def options(self):
        parser = argparse.ArgumentParser(add_help=False)
        parser.add_argument("--runs", type=int, default=1)
        parser.add_argument("--load", action="store_true")
        parser.add_argument("--older-ms", type=int, default=1000)
        mine, others = parser.parse_known_args()
        sys.argv[1:] = others
        options = super().options()
        vars(options).update(vars(mine))
        return options


runner = LeakRunner()


class Load:
    """All processors are busy, when asked for."""

    def __init__(self, env, always=False):
        self.count = os.cpu_count() if always or env.options.load else 0

    def __enter__(self):
        self.burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"])
                        for _ in range(self.count)]

    def __exit__(self, *_):
        for burner in self.burners:
            burner.kill()
            burner.wait()


class Situation(Workload):
    """One kind of leaker or healthy. It says what must be found, and goes on until end()."""

    def __init__(self, env, program, kind, port=FIRST_PORT, gates=()):
        self.kind, self.port, self.program = kind, port, program
        super().__init__(env, *command(env, program, kind, port, gates))

    def expect_line(self, word):
        line = self.line()
        if line != word:
            raise Fail("%s says %r instead of %s" % (self.kind, line, word))

    def ready(self):
        self.expect_line("READY")
        self.truth = json.loads(self.line())
        return self


def command(env, program, kind, port=FIRST_PORT, gates=()):
    """The workload's, without its namespace."""
    return [env.workload(program), kind, "--older-ms", str(env.options.older_ms), "--port", str(port), *gates]


def leaks_args(env, *more, ports=(FIRST_PORT,)):
    return ["leaks", "--older", "%dms" % env.options.older_ms, "-P", ",".join(map(str, ports)), *more]


def leaks(env, *more, ports=(FIRST_PORT,)):
    """Attached when this returns; ends by signal unless `more` has a duration."""
    return Connlife(env, *leaks_args(env, "-o", "json", *more, ports=ports))


def port_of(finding):
    """The server's port: of "127.0.0.1:5432" and of "clients of :5432"."""
    found = re.search(r":(\d+)$", finding.get("remote", ""))
    if not found:
        raise Fail("whose finding is this? %r" % finding)
    return int(found.group(1))


def findings(report, port=None):
    return [line for line in report.lines
            if line["type"] == "finding" and port in (None, port_of(line))]


def brief(finding):
    return "%s %s x%s pid %s: %s" % (finding["severity"], finding["verdict"], finding["count"],
                                     finding.get("pid"), finding["reason"])


# --- comparing a report with the truth ------------------------------------------------------------------------------


def choices(expect, name, late):
    return (late and expect.get("late_" + name) or expect[name]).split("|")


def find_expected(expect, ours, late):
    """Problems, and the one finding that is meant: of the right process, verdict and role."""
    verdicts = choices(expect, "verdict", late)
    # Who opened an ownerless connection is not known to a connlife that came later.
    pids = {expect["pid"], *expect["holders"]} if expect["verdict"] == "ownerless" else {expect["pid"]}
    fitting = [f for f in ours if f["verdict"] in verdicts and f.get("pid") in pids
               and f.get("role", expect["role"]) == expect["role"]]
    if len(fitting) == 1:
        return [], fitting[0]
    return ["%d findings %s of pid %d instead of one; all findings: %s"
            % (len(fitting), "|".join(verdicts), expect["pid"], [brief(f) for f in ours])], None


def check_numbers(expect, finding, env):
    problems = []
    ids = [str(i) for i in finding.get("connections", [])]
    if "count_at_least" in expect:
        if finding["count"] < expect["count_at_least"]:
            problems.append("count %d, at least %d" % (finding["count"], expect["count_at_least"]))
        return problems
    if finding["count"] != expect["count"]:
        problems.append("count %d, expected %d" % (finding["count"], expect["count"]))
    # Those that ended have no outstanding line that an id could point to: it may be left out.
    if (ids or not expect.get("gone")) and sorted(ids) != sorted(expect["ids"]):
        problems.append("connections %s, expected %s" % (sorted(ids), sorted(expect["ids"])))
    if not expect.get("gone") and finding["oldest_ns"] < env.options.older_ms * 1_000_000:
        problems.append("oldest_ns %d is less than T" % finding["oldest_ns"])
    return problems


def check_open(expect, finding, report, late):
    """The outstanding line of each connection: port, reader, holders, age."""
    problems = []
    listed = {str(line["id"]): line for line in report.lines if line["type"] == "outstanding"}
    lines = [listed.get(str(i)) for i in finding.get("connections", [])]
    if None in lines:
        return ["%d connections have no outstanding line" % lines.count(None)]
    if "ports" in expect and sorted(line["lport"] for line in lines) != sorted(expect["ports"]):
        problems.append("local ports %s, expected %s" % ([line["lport"] for line in lines], expect["ports"]))
    for line in lines:
        def differs(name, is_, should):
            if is_ != should:
                problems.append("id %s: %s %s, expected %s" % (line["id"], name, is_, should))
        differs("role", line["role"], expect["role"])
        differs("holders", sorted(h["pid"] for h in line.get("holders", [])), sorted(expect["holders"]))
        differs("origin", line["origin"], "snapshot" if late else "traced")
        if expect.get("reader"):
            differs("reader", line.get("reader", {}).get("how"), expect["reader"])
        # A server that read nothing yet has not used what it accepted.
        if "last_use" not in line and expect["verdict"] != "unread":
            problems.append("id %s has no last_use" % line["id"])
    return problems


def check_expect(expect, ours, report, env, late):
    problems, finding = find_expected(expect, ours, late)
    if not finding:
        return problems, None
    if finding["severity"] not in choices(expect, "severity", late):
        problems.append("severity %s, expected %s" % (finding["severity"], expect["severity"]))
    same = finding["verdict"] == expect["verdict"]
    if same and expect.get("confidence", finding["confidence"]) != finding["confidence"]:
        problems.append("confidence %s, expected %s" % (finding["confidence"], expect["confidence"]))
    if not finding.get("reason") or not isinstance(finding.get("evidence"), dict):
        problems.append("no reason or no evidence")
    problems += check_numbers(expect, finding, env)
    if not expect.get("gone") and "count_at_least" not in expect:
        problems += check_open(expect, finding, report, late)
    return ["%s: %s" % (finding["verdict"], p) for p in problems], finding


def check_leaker(situation, report, env, late):
    """What must be found is, exactly, and nothing else is worth a look."""
    ours, problems, meant = findings(report, situation.port), [], []
    for expect in situation.truth["expect"]:
        more, finding = check_expect(expect, ours, report, env, late)
        problems += more
        meant.append(finding)
    return problems + ["accused as well: " + brief(f) for f in ours
                       if f not in meant and f["severity"] != "info"]


def check_control(situation, report):
    allowed = {"info"} if situation.truth["no_suspect"] else {"info", "suspect"}
    return [brief(f) for f in findings(report, situation.port) if f["severity"] not in allowed]


# --- batches: several workloads under one connlife ------------------------------------------------------------------


def run_early(env, program, kinds):
    """connlife is attached before anything is built, and ends when everything is old enough."""
    with Load(env):
        all_ = [Situation(env, program, kind, FIRST_PORT + i, ["--gate"]) for i, kind in enumerate(kinds)]
        for one in all_:
            one.expect_line("GATE")
        tracer = leaks(env, "-d", "10m", ports=[one.port for one in all_])
        for one in all_:
            one.say("go")
        for one in all_:
            one.ready()
        return all_, finish(tracer.stop(), all_)


def run_late(env, program, kinds):
    """Everything is old enough when connlife starts. The last step of `reaped` waits for it."""
    with Load(env):
        all_ = [Situation(env, program, kind, FIRST_PORT + i, ["--hold"] if kind == "reaped" else [])
                for i, kind in enumerate(kinds)]
        held = [one for one in all_ if one.kind == "reaped"]
        for one in all_:
            one.expect_line("HOLD") if one in held else one.ready()
        tracer = leaks(env, "-d", "10m" if held else "3s", ports=[one.port for one in all_])
        for one in held:
            one.say("go")
            one.ready()
        return all_, finish(tracer.stop() if held else tracer.wait(), all_)


def finish(report, all_):
    report.check()
    for one in all_:
        one.end()
    expect_nothing_lost(report)
    return report


class Batch:
    """Runs when the first of its tests does; each test then has its own part of the outcome."""

    def __init__(self, program, kinds, late):
        self.program, self.kinds, self.late = program, kinds, late
        self.failure, self.problems, self.done = None, {kind: [] for kind in kinds}, 0

    def outcome(self, env, kind):
        wanted = env.options.runs if self.program == "healthy" else 1
        while self.done < wanted and not self.failure:
            try:
                self.run(env)
            except Fail as why:
                self.failure = why
            env.end_started()
        if self.problems[kind]:
            raise Fail("\n  ".join([""] + self.problems[kind]))
        if self.failure:
            raise Fail("run %d of the batch: %s" % (self.done, self.failure))
        return "%d runs" % self.done if wanted > 1 else None

    def run(self, env):
        self.done += 1
        run = run_late if self.late else run_early
        for one, report in ((one, report) for all_, report in [run(env, self.program, self.kinds)] for one in all_):
            problems = (check_leaker(one, report, env, self.late) if self.program == "leaker"
                        else check_control(one, report))
            self.problems[one.kind] += ["run %d: %s" % (self.done, p) if env.options.runs > 1 else p
                                        for p in problems]


def add_batches(runner, env):
    """Two tests for each kind that there is."""
    for program in ("leaker", "healthy"):
        done = subprocess.run([env.workload(program), "--list"], stdout=subprocess.PIPE, check=True)
        kinds = [kind for kind in done.stdout.decode().split() if kind not in APART]
        for when in ("early", "late"):
            names = {kind: "%s/%s/%s" % (program, when, kind) for kind in kinds}
            chosen = [kind for kind in kinds if re.search(env.options.only, names[kind])] or kinds
            for first in range(0, len(chosen), BATCH):
                some = chosen[first:first + BATCH]
                batch = Batch(program, some, when == "late")
                for kind in some:
                    runner.add(names[kind], lambda env, batch=batch, kind=kind: batch.outcome(env, kind))


# --- who sent last: only on request ----------------------------------------------------------------------------------


def senders_of(env, *more):
    """(opener, last sender) as [pid, tid, comm] of the client connections of slow queries: a "worker" asked on each
    and waits since, two of them on connections they opened, two on connections that the thread "orders" opened."""
    situation = Situation(env, "healthy", "slow-query", gates=["--gate"])
    situation.expect_line("GATE")
    tracer = leaks(env, "-d", "10m", "-v", *more)
    situation.say("go")
    situation.ready()
    report = finish(tracer.stop(), [situation])
    # Silent for T: the busy connections beside them are asked on by many and at any moment.
    asked = [line for line in report.lines if line["type"] == "outstanding" and line.get("role") == "client"
             and line.get("last_use", {}).get("direction") == "send"
             and line["last_use"]["idle_ns"] >= env.options.older_ms * 1000000]
    openers = [line["comm"] for line in asked]
    if openers.count("orders") < 2 or openers.count("worker") < 2:
        raise Fail("the silent connections whose last use is a send were opened by %s" % openers)
    return [([line.get(f) for f in ("pid", "tid", "comm")], [line["last_use"].get(f) for f in ("pid", "tid", "comm")])
            for line in asked]


@runner.test
def senders(env):
    pairs = senders_of(env, "--senders")
    for opener, sender in pairs:
        if sender[0] != opener[0] or sender[2] != "worker" or (sender[1] == opener[1]) != (opener[2] == "worker"):
            raise Fail("opened by %s, sent last by %s" % (opener, sender))
    if len({sender[1] for _, sender in pairs}) != len(pairs):
        raise Fail("each was asked by a thread of its own, named are %s" % [sender for _, sender in pairs])
    return "%d connections" % len(pairs)


@runner.test
def senders_not_asked_for(env):
    if any(any(who) for _, who in senders_of(env)):
        raise Fail("a sender is named and none was traced")


# --- growing: a trend over intervals --------------------------------------------------------------------------------


def growing(env, late):
    situation = Situation(env, "leaker", "growing", gates=[] if late else ["--gate"])
    if late:
        situation.ready()
    else:
        situation.expect_line("GATE")
    with Load(env):
        tracer = leaks(env, "-i", "%dms" % env.options.older_ms)
        if not late:
            situation.say("go")
            situation.ready()
        wait_until(lambda: b'"verdict":"growing"' in tracer.out.text(), 20 * env.options.older_ms / 1000)
        report = tracer.stop().check()
    situation.end()
    # Every interval has its findings: the first one that says so, and nothing worse before or after.
    risen = [f for f in findings(report) if f["verdict"] == "growing"][:1]
    problems, _ = check_expect(situation.truth["expect"][0], risen, report, env, late)
    problems += ["growth is %r" % f.get("growth") for f in risen if not f.get("growth", 0) > 0]
    problems += [brief(f) for f in findings(report) if f["severity"] != "info" and f["verdict"] != "growing"]
    if problems:
        raise Fail("; ".join(problems))


@runner.test
def growing_early(env):
    growing(env, late=False)


@runner.test
def growing_late(env):
    growing(env, late=True)


@runner.test
def growing_never_for_controls(env):
    """Reports at intervals: pools that fill and rest are no trend."""
    kinds = ["lifo-pool", "max-lifetime", "warming-up", "short-clients", "process-per-connection"]
    with Load(env):
        all_ = [Situation(env, "healthy", kind, FIRST_PORT + i, ["--gate"]) for i, kind in enumerate(kinds)]
        for one in all_:
            one.expect_line("GATE")
        tracer = leaks(env, "-i", "500ms", ports=[one.port for one in all_])
        for one in all_:
            one.say("go")
        for one in all_:
            one.ready()
        report = finish(tracer.stop(), all_)
    problems = ["%s: %s" % (one.kind, p) for one in all_ for p in check_control(one, report)]
    if problems:
        raise Fail("\n  ".join([""] + problems))


# --- loss must never accuse -----------------------------------------------------------------------------------------


def run_with_loss(env, *more):
    """Nothing leaks, far more happens than the tool has room for."""
    kinds = [("healthy", kind) for kind in ("lifo-pool", "warming-up", "max-lifetime", "short-clients",
                                            "process-per-connection", "listen", "opener-threads-ended")]
    kinds += [("leaker", "churn"), ("leaker", "half-pool-churn")]
    with Load(env, always=True):
        all_ = [Situation(env, *kind, FIRST_PORT + i, ["--gate"]) for i, kind in enumerate(kinds)]
        for one in all_:
            one.expect_line("GATE")
        tracer = leaks(env, "-d", "10m", *more, ports=[one.port for one in all_])
        for one in all_:
            one.say("go")
        for one in all_:
            one.ready()
        report = tracer.stop().check()
        for one in all_:
            one.end()
    return report


def expect_no_accusation(report):
    wrong = [brief(f) for f in findings(report) if f["severity"] == "leak"]
    if wrong:
        raise Fail("accused: %s" % wrong)
    if not report.lost():
        raise Skip("nothing was lost here")
    wrong = [brief(f) for f in findings(report)
             if f["verdict"] in HISTORY and (f["confidence"] != "unverified" or f["severity"] != "info")]
    if wrong:
        raise Fail("certain in spite of %r: %s" % (report.lost(), wrong))
    return "lost %s" % report.lost()


@runner.test
def loss_small_map(env):
    return expect_no_accusation(run_with_loss(env, "--max-connections", "64"))


@runner.test
def loss_small_map_and_ring(env):
    return expect_no_accusation(run_with_loss(env, "--max-connections", "64", "--ring-bytes", "4096"))


# --- recording, exit status, text -----------------------------------------------------------------------------------


def same_from_recording(env, situations, *form):
    live = env.run(*leaks_args(env, "-d", "2s", "-w", env.file("recording"), *form,
                               ports=[one.port for one in situations]))
    replay = env.run("leaks", "--older", "%dms" % env.options.older_ms, "-r", env.file("recording"), *form,
                     flavour=False)
    if (live.status, replay.status) != (0, 0):
        raise Fail("exit status %s, %s: %s %s" % (live.status, replay.status, live.errors, replay.errors))
    if live.output != replay.output:
        pairs = zip(live.output.split(b"\n"), replay.output.split(b"\n"))
        raise Fail("%s: live and replay differ: %r" % (form, [pair for pair in pairs if pair[0] != pair[1]][:2]))


@runner.test
def recording_gives_the_same(env):
    """-w and then -r: every byte, in every form."""
    kinds = ("half-pool-churn", "close-wait-client", "unread-partly", "ownerless-fork", "churn", "idle")
    situations = [Situation(env, "leaker", kind, FIRST_PORT + i) for i, kind in enumerate(kinds)]
    for one in situations:
        one.ready()
    for form in (["-o", "json"], ["-o", "text"], ["-o", "text", "-v"], ["-o", "json", "-i", "500ms"]):
        same_from_recording(env, situations, *form)


def expect_status(env, status, *args):
    report = env.run(*args)
    if report.status != status:
        raise Fail("%s: exit status %s, expected %s: %s%s" % (
            " ".join(map(str, args)), report.status, status, report.output.decode(), report.errors))
    return report


@runner.test
def exit_code(env):
    """1 on a leak, or a suspect when asked; 0 without the option."""
    Situation(env, "leaker", "close-wait-client", FIRST_PORT).ready()
    Situation(env, "leaker", "ownerless-fork", FIRST_PORT + 1).ready()
    Situation(env, "healthy", "lifo-pool", FIRST_PORT + 2).ready()
    for port, options, status in ((0, ["--exit-code"], 1), (0, [], 0), (0, ["--exit-code=suspect"], 1),
                                  (1, ["--exit-code"], 0), (1, ["--exit-code=suspect"], 1),
                                  (2, ["--exit-code"], 0), (2, ["--exit-code=suspect"], 0)):
        expect_status(env, status, *leaks_args(env, "-d", "2s", *options, ports=[FIRST_PORT + port]))


@runner.test
def exit_code_of_program(env):
    """leaks --exit-code -- PROGRAM: what a test suite runs. The workload ends when it is ready: no stdin."""
    for program, kind, options, status in (("leaker", "close-wait-client", "--exit-code", 1),
                                           ("leaker", "unread-partly", "--exit-code", 1),
                                           ("leaker", "idle", "--exit-code=suspect", 1),
                                           ("healthy", "all-closed", "--exit-code", 0),
                                           ("healthy", "all-closed", "--exit-code=suspect", 0),
                                           ("healthy", "listener-only", "--exit-code=suspect", 0)):
        expect_status(env, status, "leaks", options, "-O", env.file("report"), "--",
                      env.workload("netns_run"), *command(env, program, kind))


@runner.test
def verbose_lists_every_connection(env):
    """-v: the innocent ones as well, each with why."""
    situation = Situation(env, "healthy", "listen").ready()
    report = env.run(*leaks_args(env, "-d", "2s", "-v"))
    with open("/proc/%d/net/tcp" % situation.truth["pid"]) as table:
        rows = [line.split() for line in table][1:]
    text = report.output.decode()
    # Those open for a moment only (the busy pool's) may have gone: what was open then and is open now counts.
    steady = {int(row[1].split(":")[1], 16) for row in rows if row[3] == "01"} - {FIRST_PORT}
    missing = [port for port in sorted(steady)
               if not re.search(r"\b%d -> 127\.0\.0\.1:%d +\S.*\w" % (port, FIRST_PORT), text)]
    # At most the one that came after the report.
    if len(steady) < 5 or len(missing) > 1:
        raise Fail("not listed: %s of %s in\n%s" % (missing, sorted(steady), text))


@runner.test
def late_ages_are_lower_bounds(env):
    """Nothing was seen of the connections' beginning: no age may pretend."""
    Situation(env, "leaker", "idle").ready()
    text = expect_status(env, 0, *leaks_args(env, "-d", "1s")).output.decode()
    if ">=" not in text and "at least" not in text:
        raise Fail("an age without >=:\n%s" % text)


@runner.test
def unfiltered(env):
    """Without a filter, among everything else on this host."""
    with Load(env):
        situation = Situation(env, "leaker", "close-wait-client").ready()
        report = env.run("leaks", "-o", "json", "--older", "%dms" % env.options.older_ms, "-d", "3s").check()
    netns = {situation.truth["netns"]}
    ours = {line["id"] for line in report.of("outstanding", netns)}
    report.lines = [line for line in report.lines
                    if line["type"] != "finding" or ours & set(line.get("connections", []))]
    problems = check_leaker(situation, report, env, late=True)
    if problems:
        raise Fail("; ".join(problems))


@runner.test
def standstill(env):
    """While this host (here: connlife alone) does not run, nobody can close anything: that time accuses nobody."""
    tracer = leaks(env)
    if not wait_until(tracer.sleeps, 10):  # stopped in the middle of a look it has nothing to compare with
        raise Fail("connlife does not rest")
    tracer.send(signal.SIGSTOP)
    Situation(env, "leaker", "close-wait-client").ready()
    time.sleep(2 * env.options.older_ms / 1000)  # long enough for a verdict
    tracer.send(signal.SIGCONT)
    report = tracer.stop().check()
    accused = findings(report)
    if accused or not report.summary.get("standstill_ns", 0) >= env.options.older_ms * 1000000:
        raise Fail("%r; %s" % (report.summary, [brief(finding) for finding in accused]))


@runner.test
def text_is_readable_at_100_columns(env):
    for i, kind in enumerate(("close-wait-client", "unread-partly", "ownerless-fork")):
        Situation(env, "leaker", kind, FIRST_PORT + i).ready()
    report = expect_status(env, 0, *leaks_args(env, "-d", "1s", ports=range(FIRST_PORT, FIRST_PORT + 3)))
    text = report.output.decode()
    # Commands to copy stay whole.
    long = [line for line in text.splitlines() if len(line) > 100 and not re.search(r"SELECT|ss -|lsof", line)]
    if long:
        raise Fail("longer than 100 columns: %r" % long)
    if not re.search(r"local ports +\d+", text):
        raise Fail("no local ports:\n%s" % text)


if __name__ == "__main__":
    runner.main(add_batches)
