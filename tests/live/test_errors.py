#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Bad input, live: one clear line, the documented exit status, nothing left attached."""
import os
import subprocess

from harness import REFUSAL_S, Conn, Fail, Programs, Report, Runner, Skip, parse

runner = Runner()
USAGE, CANNOT_TRACE, DAMAGED = 2, 3, 4


def one_line(report, status, words=()):
    """The exit status and one line on stderr that names what is wrong."""
    errors = report.errors
    if report.status != status:
        raise Fail("exit status %s, expected %s: %r" % (report.status, status, errors))
    if errors.count("\n") != 1 or not errors.endswith("\n") or not errors.strip():
        raise Fail("not one line: %r" % errors)
    missing = [word for word in words if word not in errors]
    if missing:
        raise Fail("the line does not name %r: %r" % (missing, errors))


def learn_names(env):
    """One good run, so that programs of a bad one would be recognised."""
    if not Programs.names:
        env.trace().stop().check()


def refused(env, arguments, words, status=USAGE):
    """Each is one bad command line."""
    learn_names(env)
    programs = Programs(env)
    before = programs.listed()
    report = env.run(*arguments, flavour=False, timeout=REFUSAL_S)
    try:
        one_line(report, status, words)
        if report.output:
            raise Fail("something on stdout: %r" % report.output[:200])
        programs.expect_no_new(before)
    except Fail as why:
        raise Fail("connlife %s: %s" % (" ".join(arguments), why))


def dead_pid():
    child = subprocess.Popen(["true"])
    child.wait()
    return str(child.pid)


BAD = {
    "unknown-option": (["--nonsense"], ["--nonsense"]),
    "unknown-short-option": (["-Z"], ["Z"]),
    "unknown-command": (["nonsense"], ["nonsense"]),
    "two-commands": (["trace", "trace"], []),
    "missing-value": (["-p"], ["p"]),
    "port-0": (["-P", "0"], ["port", "0"]),
    "port-too-big": (["-P", "65536"], ["port", "65536"]),
    "port-word": (["-L", "http"], ["lport", "http"]),
    "port-empty-part": (["-D", "80,"], ["rport"]),
    "port-negative": (["-P", "-1"], ["port"]),
    "port-trailing": (["-P", "80x"], ["80x"]),
    "pid-word": (["-p", "abc"], ["pid", "abc"]),
    "pid-0": (["-p", "0"], ["pid"]),
    "pid-negative": (["-p", "-5"], ["pid"]),
    "pid-huge": (["-p", "99999999999999999999"], ["pid"]),
    "duration-unit": (["-d", "5x"], ["duration", "5x"]),
    "duration-empty": (["-d", ""], ["duration"]),
    "duration-negative": (["-d", "-1s"], ["duration"]),
    "duration-overflow": (["-d", "99999999999999999999h"], ["duration"]),
    "format": (["-o", "xml"], ["xml"]),
    "role": (["--role", "both"], ["role", "both"]),
    "flavour": (["--flavour", "nice"], ["flavour", "nice"]),
    "network": (["--cidr", "1.2.3.4/99"], ["1.2.3.4/99"]),
    "cgroup": (["--cgroup", "/no/such/cgroup"], ["/no/such/cgroup"]),
    "state": (["--state", "sleepy"], ["sleepy"]),
    "max-connections-0": (["--max-connections", "0"], ["max-connections"]),
    "max-connections-word": (["--max-connections", "many"], ["many"]),
    "senders-in-trace": (["--senders"], ["senders", "leaks"]),
    "output-folder": (["-O", "/no/such/folder/file"], ["/no/such/folder/file"]),
    "write-folder": (["-w", "/no/such/folder/file"], ["/no/such/folder/file"]),
    "record-without-file": (["record"], []),
    "read-missing": (["-r", "/no/such/file"], ["/no/such/file"]),
    "read-folder": (["-r", "/tmp"], ["/tmp"]),
}


def add_bad(runner, env):
    for name, (arguments, words) in BAD.items():
        runner.add("bad/" + name, lambda env, a=arguments, w=words: refused(env, a, w))


@runner.test
def pid_that_does_not_exist(env):
    pid = dead_pid()
    refused(env, ["-p", pid], [pid])


@runner.test
def program_that_does_not_exist(env):
    refused(env, ["--", "/no/such/program"], ["/no/such/program"])


@runner.test
def not_root(env):
    """Says that it needs root; nothing is loaded."""
    binary = env.file("connlife")
    with open(env.options.connlife, "rb") as source, open(binary, "wb") as target:
        target.write(source.read())
    os.chmod(binary, 0o755)
    done = subprocess.run([binary, "trace"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, user=65534, group=65534, extra_groups=[])
    one_line(Report(done.returncode, done.stdout, done.stderr.decode()), CANNOT_TRACE, ["root"])


@runner.test
def forced_flavour_refused(env):
    """A flavour that this kernel does not take: exit 3 and its name; nothing stays attached."""
    learn_names(env)
    named = []
    for flavour in ("fentry", "kprobe", "tracepoint"):
        programs = Programs(env)
        before = programs.listed()
        report = env.run("trace", "-o", "json", "-d", "100ms", "--flavour", flavour, flavour=False)
        if report.status == 0:
            flavours = set(report.check().header["flavours"].values())
            if flavour not in flavours:
                raise Fail("--flavour %s gave %r" % (flavour, flavours))
            continue
        one_line(report, CANNOT_TRACE, [flavour])
        programs.expect_no_new(before)
        named.append(flavour)
    if not named:
        raise Skip("this kernel takes every flavour")
    return "refused: %s" % ", ".join(named)


def record(env, *scenarios):
    """A small recording as bytes; what its replay prints."""
    conn = Conn(env, *scenarios)
    tracer = env.trace("-p", conn.pid, "-w", env.file("whole"))
    conn.truth()
    output = tracer.stop().check().output
    with open(env.file("whole"), "rb") as file:
        return file.read(), output


def replay(env, data):
    with open(env.file("part"), "wb") as file:
        file.write(data)
    return env.run("trace", "-o", "json", "-r", env.file("part"), flavour=False)


def spread(length, count):
    """Every offset of the beginning, then about `count` over the rest."""
    return sorted(set(range(0, min(64, length), 7)) | set(range(0, length, max(1, length // count))))


@runner.test
def truncated_recording(env):
    """Cut anywhere: exit 4, one line, what is readable is shown."""
    data, output = record(env, "ipv4", "refused", "reset-by-client")
    whole = len(parse(output))
    for length in spread(len(data), 60):
        report = replay(env, data[:length])
        try:
            one_line(report, DAMAGED)
            if len(parse(report.output)) > whole:
                raise Fail("more lines than the live run")
        except Fail as why:
            raise Fail("cut to %d of %d bytes: %s" % (length, len(data), why))
    return "%d bytes" % len(data)


@runner.test
def flipped_bytes(env):
    """Any byte wrong: no crash, no hang, exit 0 or 4, and every line is still JSON."""
    data, _ = record(env, "ipv4", "refused", "reset-by-client")
    for offset in spread(len(data), 60):
        for flip in (0xff, 0x01):
            broken = bytearray(data)
            broken[offset] ^= flip
            report = replay(env, bytes(broken))
            try:
                if report.status not in (0, DAMAGED):
                    raise Fail("exit status %d: %r" % (report.status, report.errors))
                if report.status:
                    one_line(report, DAMAGED)
                parse(report.output)
            except Fail as why:
                raise Fail("byte %d ^ 0x%02x: %s" % (offset, flip, why))


@runner.test
def foreign_recording(env):
    """Not ours at all: exit 4 and one line."""
    for data in (b"", b"\n", b"hello\n" * 100, bytes(4096), b"\xff" * 4096, b'{"type":"header"}\n'):
        try:
            one_line(replay(env, data), DAMAGED)
        except Fail as why:
            raise Fail("%r...: %s" % (data[:20], why))


@runner.test
def appended_bytes(env):
    """Something after the end record: shown, and called damaged."""
    data, _ = record(env, "ipv4")
    one_line(replay(env, data + b"more"), DAMAGED)


if __name__ == "__main__":
    runner.main(add_bad)
