# SPDX-License-Identifier: GPL-2.0-only
"""Runs connlife beside a workload and runs tests.

Standard library only, and little of it: the same files run in a VM that has hardly more.
"""
import argparse
import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time

# Nothing here measures speed: these only end a run that hangs, also on an emulated machine.
START_S = 120
END_S = 300
REFUSAL_S = 30


class Fail(Exception):
    """The test found something wrong."""


class Skip(Exception):
    """The test cannot run here."""


def which(name):
    for folder in os.environ.get("PATH", "").split(":") + ["/usr/sbin", "/sbin"]:
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK):
            return path
    return None


def wait_until(condition, seconds):
    """Looks until condition() is true; for what nothing announces."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


class Reader(threading.Thread):
    """Empties a pipe all the time, so that the writer never waits for the test."""

    def __init__(self, pipe):
        super().__init__(daemon=True)
        self.pipe, self.chunks, self.first_line = pipe, [], threading.Event()
        self.start()

    def run(self):
        while True:
            chunk = os.read(self.pipe.fileno(), 1 << 16)
            if not chunk:
                break
            self.chunks.append(chunk)
            if b"\n" in chunk:
                self.first_line.set()
        self.first_line.set()

    def text(self):
        return b"".join(self.chunks)


def parse(data):
    """Every line must be one JSON object."""
    lines = []
    for number, text in enumerate(data.split(b"\n")[:-1], 1):
        try:
            lines.append(json.loads(text.decode("utf-8")))
        except ValueError as error:
            raise Fail("line %d is not JSON: %s: %r" % (number, error, text[:200]))
    if data and not data.endswith(b"\n"):
        raise Fail("the last line has no end: %r" % data[-200:])
    return lines


class Report:
    """What one run of connlife said."""

    def __init__(self, status, output, errors):
        self.status, self.output, self.errors = status, output, errors

    def check(self, status=0):
        """Parses the lines; header first, summary last, the exit status as expected."""
        if self.status != status:
            raise Fail("exit status %s, expected %s: %s" % (self.status, status, self.errors))
        self.lines = parse(self.output)
        types = [line.get("type") for line in self.lines]
        if types[:1] != ["header"] or types[-1:] != ["summary"]:
            raise Fail("header is not first or summary not last: %r ... %r" % (types[:2], types[-2:]))
        if types.count("header") != 1 or types.count("summary") != 1:
            raise Fail("more than one header or summary")
        too_large = [line["id"] for line in self.lines if line.get("id", 0) >= 1 << 53]
        if too_large:
            raise Fail("JSON readers cannot tell the id %d from its neighbours" % too_large[0])
        self.header, self.summary = self.lines[0], self.lines[-1]
        return self

    def of(self, kind, netns):
        return [line for line in self.lines
                if line.get("type") == kind and line.get("netns") in netns]

    def lost(self):
        return {name: count for name, count in self.summary.get("lost", {}).items() if count}


class Programs:
    """Which BPF programs the kernel has, and whether ours have gone."""

    names = set()  # learnt from every run that was attached

    def __init__(self, env):
        self.env = env

    def listed(self):
        text = subprocess.run([self.env.workload("bpf_ids")], stdout=subprocess.PIPE, check=True).stdout
        pairs = (line.split(" ", 1) for line in text.decode().splitlines())
        return {int(pair[0]): pair[1] for pair in pairs}

    def of_process(self, pid):
        """Ids of the programs that a process has open, by itself or through links."""
        ids, folder = set(), "/proc/%d/fdinfo" % pid
        for fd in os.listdir(folder):
            try:
                with open(os.path.join(folder, fd)) as info:
                    ids.update(int(n) for n in re.findall(r"^prog_id:\s*(\d+)", info.read(), re.M))
            except OSError:
                pass  # closed meanwhile
        listed = self.listed()
        Programs.names.update(listed[n] for n in ids if n in listed)
        return ids

    def expect_gone(self, ids):
        """The kernel frees a detached program a moment later."""
        if not wait_until(lambda: not ids & set(self.listed()), 10):
            raise Fail("programs stay attached: %r" % sorted(ids & set(self.listed())))

    def expect_no_new(self, before):
        """After a run that was refused, when nothing is known but our programs' names."""
        def new():
            listed = self.listed()
            return [n for n in listed if n not in before and listed[n] in Programs.names]
        if not wait_until(lambda: not new(), 10):
            raise Fail("programs stay attached: %r" % new())


class Connlife:
    """A connlife that is attached: its header has been read."""

    def __init__(self, env, *args, flavour=True):
        self.env = env
        self.began = time.monotonic()
        self.process = subprocess.Popen(env.command(*args, flavour=flavour), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        env.started.append(self.process)
        self.out, self.err = Reader(self.process.stdout), Reader(self.process.stderr)
        if not self.out.first_line.wait(START_S) or not self.out.chunks:
            self.process.kill()
            self.process.wait()
            self.err.join()
            raise Fail("no header; exit status %s: %s" % (self.process.returncode, self.err.text()))
        self.start_s = time.monotonic() - self.began
        self.programs = Programs(env)
        self.ids = self.programs.of_process(self.process.pid)

    def send(self, number):
        self.process.send_signal(number)

    def sleeps(self):
        """Does it wait for something? Its main loop does nearly always."""
        with open("/proc/%d/stat" % self.process.pid) as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "S"

    def wait(self):
        try:
            status = self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            raise Fail("connlife does not end")
        self.out.join()
        self.err.join()
        self.programs.expect_gone(self.ids)
        return Report(status, self.out.text(), self.err.text().decode(errors="replace"))

    def stop(self, number=signal.SIGINT):
        self.send(number)
        return self.wait()


class Workload:
    """A program in a network namespace of its own."""

    def __init__(self, env, *command):
        self.process = subprocess.Popen([env.workload("netns_run")] + list(command),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        env.started.append(self.process)
        self.rest = b""

    def line(self):
        """The next line it prints."""
        end = time.monotonic() + END_S
        while b"\n" not in self.rest:
            if not select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                raise Fail("the workload is stuck")
            chunk = os.read(self.process.stdout.fileno(), 1 << 16)
            if not chunk:
                raise Fail("the workload ended early")
            self.rest += chunk
        text, self.rest = self.rest.split(b"\n", 1)
        return text.decode()

    def say(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def end(self):
        """Ends its stdin; returns what else it printed."""
        self.process.stdin.close()
        output = self.rest + self.process.stdout.read()
        if self.process.wait(END_S) != 0:
            raise Fail("the workload failed: exit status %s" % self.process.returncode)
        return output


class Conn(Workload):
    """conn, waiting for go(). Its namespace and its process id are known before anything happens."""

    def __init__(self, env, *scenarios):
        super().__init__(env, env.workload("conn"), "--gate", *scenarios)
        start = json.loads(self.line())
        self.pid, self.netns = start["pid"], {start["netns"]}

    def go(self):
        self.say("go")

    def truth(self):
        """Runs it to its end."""
        self.go()
        return parse(self.end())


class Hold(Workload):
    """hold, with all its connections open."""

    def __init__(self, env, pairs):
        super().__init__(env, env.workload("hold"), str(pairs))
        words = self.line().split()
        if words[:2] != ["READY", str(pairs)]:
            raise Fail("hold says %r" % words)
        self.pairs, self.pids = pairs, [int(word) for word in words[2:]]
        self.netns = {os.stat("/proc/%d/ns/net" % self.process.pid).st_ino}

    def close_all(self):
        self.say("close")
        if self.line() != "CLOSED %d" % (2 * self.pairs):
            raise Fail("hold did not close everything")


class Env:
    """Where things are, and what was started."""

    def __init__(self, options):
        self.options = options
        self.folder = "/tmp/connlife-live-%d" % os.getpid()
        os.mkdir(self.folder, 0o755)
        self.started = []

    def workload(self, name):
        return os.path.join(self.options.workloads, name)

    def command(self, *args, flavour=True):
        command = [self.options.connlife] + [str(arg) for arg in args]
        if flavour and self.options.flavour:
            command[1:1] = ["--flavour", self.options.flavour]
        return command

    def file(self, name):
        return os.path.join(self.folder, name)

    def trace(self, *args):
        return Connlife(self, "trace", "-o", "json", *args)

    def run(self, *args, flavour=True, timeout=END_S):
        """A connlife that ends by itself."""
        try:
            done = subprocess.run(self.command(*args, flavour=flavour), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise Fail("connlife %s does not end" % " ".join(str(arg) for arg in args))
        return Report(done.returncode, done.stdout, done.stderr.decode(errors="replace"))

    def end_started(self):
        """A failed test leaves nothing running."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()
        self.started = []

    def clean(self):
        for name in os.listdir(self.folder):
            os.unlink(self.file(name))
        os.rmdir(self.folder)


class Runner:
    """The tests of one file: `ok NAME`, `FAIL NAME: why`, `skip NAME: why`; exit status 1 on a FAIL."""

    def __init__(self):
        self.tests = []

    def test(self, function):
        """Decorator; the docstring's first line is for the reader, the name for the output."""
        self.tests.append((function.__name__.replace("_", "-"), function))
        return function

    def add(self, name, function):
        self.tests.append((name, function))

    def options(self):
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        parser = argparse.ArgumentParser()
        parser.add_argument("--connlife", default=os.path.join(root, "connlife"))
        parser.add_argument("--workloads", default=os.path.join(root, "build", "workloads"),
                            help="folder of the built workloads")
        parser.add_argument("--flavour", help="passed on to connlife")
        parser.add_argument("--only", default="", help="tests whose name contains this regex")
        parser.add_argument("--list", action="store_true")
        parser.add_argument("--late", type=int, default=10000, help="connections open before the start")
        parser.add_argument("--pairs", type=int, default=20000, help="connections closed at once")
        return parser.parse_args()

    def run_one(self, name, function, env):
        try:
            note = function(env)
        except Skip as why:
            return "skip %s: %s" % (name, why)
        except (Fail, OSError, ValueError, KeyError, subprocess.SubprocessError) as why:
            text = str(why) if isinstance(why, Fail) else repr(why)
            return "FAIL %s: %s" % (name, text)
        finally:
            env.end_started()
        return "ok %s%s" % (name, ": %s" % note if note else "")

    def main(self, prepare=None):
        """prepare(runner, env) may add tests that depend on the machine."""
        options, failed = self.options(), False
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # still cleans up
        env = Env(options)
        try:
            if prepare:
                prepare(self, env)
            for name, function in self.tests:
                if not re.search(options.only, name):
                    continue
                result = name if options.list else self.run_one(name, function, env)
                print(result, flush=True)
                failed = failed or result.startswith("FAIL")
        finally:
            env.clean()
        sys.exit(1 if failed else 0)


def expect_same(truth, report, netns, keep=None):
    """Fails with every difference, over all cases."""
    from compare import compare
    problems = compare(truth, report.lines, netns, report.header.get("flavours"), keep)
    if problems:
        raise Fail("\n  ".join(p for case in sorted(problems) for p in problems[case]))


def map_rows(name):
    """What a map of ours holds, raw and "formatted"; None where bpftool cannot show it (or there is no such map)."""
    tool = which("bpftool")
    done = tool and subprocess.run([tool, "-j", "map", "dump", "name", name],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    rows = json.loads(done.stdout or b"[]") if done and not done.returncode else None
    return None if rows is None or any("formatted" not in row for row in rows) else rows


def map_values(name):
    rows = map_rows(name)
    return None if rows is None else [row["formatted"]["value"] for row in rows]


def expect_nothing_lost(report):
    """A program run that the kernel skipped loses no connection and no end (bpf/lifecycle.bpf.h)."""
    lost = {what: count for what, count in report.lost().items() if what != "missed"}
    if lost:
        raise Fail("lost: %r" % lost)
