#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Many connections, live: started late, all closed at once, full map, full ring buffer."""
import json
import os
import signal
import subprocess
import sys
import time

from compare import compare, key, synthetic
from harness import Conn, Fail, Hold, Runner, Skip, expect_nothing_lost, map_rows, map_values, wait_until, which
from test_trace import read_outstanding

runner = Runner()


def address(text):
    """ "0100007F:1F90" of /proc/net/tcp -> ("127.0.0.1", 8080)"""
    host, port = text.split(":")
    numbers = bytes.fromhex(host)
    if sys.byteorder == "little":
        numbers = numbers[::-1]
    return ".".join(str(n) for n in numbers), int(port, 16)


def held_sockets(hold):
    """{(laddr, lport, raddr, rport): (pid, fd)} of what hold has open, from /proc."""
    by_inode, sockets = {}, {}
    with open("/proc/%d/net/tcp" % hold.process.pid) as table:
        next(table)
        for line in table:
            words = line.split()
            if words[3] == "01":  # ESTABLISHED
                by_inode[words[9]] = address(words[1]) + address(words[2])
    for pid in hold.pids:
        folder = "/proc/%d/fd" % pid
        for fd in os.listdir(folder):
            target = os.readlink(os.path.join(folder, fd))
            inode = target[len("socket:["):-1] if target.startswith("socket:[") else None
            if inode in by_inode:
                sockets[by_inode[inode]] = (pid, int(fd))
    return sockets


def expect_listed(hold, listed):
    """Every end once, marked snapshot, with who has it open."""
    truth = held_sockets(hold)
    if len(truth) != 2 * hold.pairs:
        raise Fail("/proc knows %d of %d ends" % (len(truth), 2 * hold.pairs))
    seen = {key(line): line for line in listed}
    missing = [k for k in truth if k not in seen]
    if missing or len(listed) != len(truth):
        raise Fail("%d of %d ends listed, missing %r ..." % (len(listed), len(truth), missing[:3]))
    for place, (pid, fd) in truth.items():
        line = seen[place]
        holders = [(h.get("pid"), h.get("fd"), h.get("comm")) for h in line.get("holders", [])]
        said = (line.get("origin"), line.get("pid"), line.get("fd"), holders)
        if said != ("snapshot", pid, fd, [(pid, fd, "hold")]):
            raise Fail("origin, pid, fd, holders are %r, truth is pid %d fd %d: %s"
                       % (said, pid, fd, json.dumps(line)))


@runner.test
def started_late(env):
    """Everything that was open before is listed, with pid, fd and holders."""
    hold = Hold(env, env.options.late)
    tracer = env.trace()
    report = tracer.stop().check()
    expect_listed(hold, report.of("outstanding", hold.netns))
    expect_nothing_lost(report)
    hold.end()
    return "%d ends; header after %.2f s" % (2 * hold.pairs, tracer.start_s)


@runner.test
def closes_of_snapshot(env):
    """Connections from before the start are reported when they end, with their closer."""
    hold = Hold(env, 500)
    tracer = env.trace()
    hold.close_all()
    report = tracer.stop().check()
    hold.end()
    closed = report.of("close", hold.netns)
    if len(closed) != 1000 or len({str(line["id"]) for line in closed}) != 1000:
        raise Fail("%d of 1000 ends" % len(closed))
    for line in closed:
        close = line["close"]
        if line.get("origin") != "snapshot" or close["how"] != "app" or close.get("pid") not in hold.pids:
            raise Fail("wrong close: %s" % json.dumps(line))
    if report.of("outstanding", hold.netns):
        raise Fail("reported open and closed")


@runner.test
def snapshot_facts(env):
    """A pre-existing connection keeps its id, and is held by whoever holds it."""
    conn = Conn(env, "outstanding")
    truth = read_outstanding(conn)
    report = env.trace().stop().check()
    conn.end()
    lines = {key(line): line for line in report.of("outstanding", conn.netns)}
    if sorted(lines) != sorted(key(end) for end in truth):
        raise Fail("listed %r, truth is %r" % (sorted(lines), sorted(key(end) for end in truth)))
    for end in truth:
        line = lines[key(end)]
        if str(line["id"]) != end["id"] and not synthetic(line):
            raise Fail("id is %s, truth is %s" % (line["id"], end["id"]))
        holders = sorted((h["pid"], h["fd"]) for h in line.get("holders", []))
        if line.get("origin") != "snapshot" or holders != sorted((h["pid"], h["fd"]) for h in end["holders"]):
            raise Fail("truth %s\n    in %s" % (json.dumps(end), json.dumps(line)))


def closed_by_other_tracer(line, own_pid):
    """Whoever looks at a process's files holds them for a moment, and may be the last to let go.

    Another connlife on this machine may do so and is then rightly named; this one never looks meanwhile.
    """
    close = line["close"]
    return close.get("comm") == "connlife" and close.get("pid") != own_pid


def expect_all_closed(hold, report, own_pid):
    closed = report.of("close", hold.netns)
    ids = {str(line["id"]) for line in closed}
    if len(closed) != 2 * hold.pairs or len(ids) != len(closed):
        raise Fail("%d lines for %d of %d ends, %d reported open; %s"
                   % (len(closed), len(ids), 2 * hold.pairs, len(report.of("outstanding", hold.netns)),
                      json.dumps(report.summary)))
    for line in closed:
        closer_right = line["close"].get("pid") in hold.pids or closed_by_other_tracer(line, own_pid)
        if line["close"]["how"] != "app" or line.get("pid") not in hold.pids or not closer_right:
            raise Fail("wrong close: %s" % json.dumps(line))
    if report.of("outstanding", hold.netns):
        raise Fail("reported open and closed")


@runner.test
def mass_close(env):
    """All ends closed by one system call per process: every one is reported."""
    tracer = env.trace()
    hold = Hold(env, env.options.pairs)
    began = time.monotonic()
    hold.close_all()
    took = time.monotonic() - began
    report = tracer.stop().check()
    hold.end()
    expect_all_closed(hold, report, tracer.process.pid)
    expect_nothing_lost(report)
    return "%d ends in %.2f s" % (2 * hold.pairs, took)


@runner.test
def opened_under_looks(env):
    """A look may meet a connection at any moment of its opening and its end: still one record each, and one end."""
    tracer = env.trace("-i", "20ms")
    holds = []
    for _ in range(5):
        holds.append(Hold(env, env.options.pairs // 10))
        holds[-1].close_all()
    if not wait_until(lambda: len(map_values("conns") or []) < 100, 5):
        raise Fail("%d records left behind" % len(map_values("conns")))
    report = tracer.stop().check()
    for hold in holds:
        hold.end()
        closed = report.of("close", hold.netns)
        found = {line["origin"] for line in closed}
        if len(closed) != 2 * hold.pairs or len({line["id"] for line in closed}) != len(closed):
            raise Fail("%d lines for %d ends" % (len(closed), 2 * hold.pairs))
        if found != {"traced"}:
            raise Fail("opened under our eyes, and said to be older: %s" % found)
        end = next(i for i, line in enumerate(report.lines) if line is closed[-1])
        open_ = [line for line in report.lines[end:]
                 if line["type"] == "outstanding" and line.get("netns") in hold.netns]
        if open_:
            raise Fail("closed, and open in the last report: %s" % json.dumps(open_[0]))
    expect_nothing_lost(report)
    return "%d ends" % sum(2 * hold.pairs for hold in holds)


def forge_record(netns):
    """A copy, with another id, of a record of ours, where no sock can be: the last page is never mapped. Its id."""
    rows = [row for row in map_rows("conns") or [] if row["formatted"]["value"]["netns"] in netns]
    if not rows:
        raise Fail("no record of ours in conns")
    id_ = rows[0]["formatted"]["value"]["id"] + (1 << 40)
    value = [int(byte, 16) for byte in rows[0]["value"]]
    value[:8] = id_.to_bytes(8, sys.byteorder)
    key_, value_ = (["hex"] + ["%02x" % byte for byte in part]
                    for part in (((1 << 64) - 4096).to_bytes(8, sys.byteorder), value))
    subprocess.run([which("bpftool"), "map", "update", "name", "conns", "key", *key_, "value", *value_], check=True)
    return id_


@runner.test
def end_that_no_program_saw(env):
    """The kernel skips program runs: a record whose sock is gone all the same is no open connection."""
    if not which("bpftool"):
        raise Skip("no bpftool here")
    hold = Hold(env, 1)
    tracer = env.trace("-i", "200ms")
    forged = forge_record(hold.netns)
    if not wait_until(lambda: forged not in [record["id"] for record in map_values("conns")], 30):
        raise Fail("it stays in conns")
    report = tracer.stop().check()
    hold.end()
    ends = [line for line in report.of("close", hold.netns) if line["id"] == forged]
    known = [name for end in ends for name in ("duration_ns", "how", "time", "pid") if name in end or name in end["close"]]
    if len(ends) != 1 or "duration_ns" in ends[0] or known != ["pid"]:
        raise Fail("one end, of which only the opener is known: %s" % json.dumps(ends))
    open_ = {line["id"] for line in report.of("outstanding", hold.netns)}
    if forged in open_ or len(open_) != 2:
        raise Fail("open are two others: %r" % open_)


def nobody_accused(report, workload):
    """Losses are counted, and nothing that is closed is reported open."""
    if not report.lost():
        raise Fail("nothing was lost: the test proves nothing")
    accused = report.of("outstanding", workload.netns)
    if accused:
        raise Fail("%d closed ones reported open: %s" % (len(accused), json.dumps(accused[0])))


@runner.test
def full_map(env):
    """More connections than --max-connections: counted, no crash, nothing closed reported open."""
    tracer = env.trace("--max-connections", "16")
    hold = Hold(env, 200)
    hold.close_all()
    report = tracer.stop().check()
    hold.end()
    nobody_accused(report, hold)
    if not report.lost().get("map"):
        raise Fail("lost.map is not counted: %r" % report.lost())
    return "lost %r" % report.lost()


@runner.test
def full_map_recovers(env):
    """After a flood the freed room is used again: what comes later is traced as ever."""
    conn = Conn(env, "threads-accept", "ipv4", "exit")
    # Only its own: 128 ends at once, then 4, one pair after the other.
    tracer = env.trace("--max-connections", "32", "-p", conn.pid, "--children")
    truth = conn.truth()
    report = tracer.stop().check()
    nobody_accused(report, conn)
    problems = compare(truth, report.lines, conn.netns, report.header.get("flavours"))
    found = [text for case in ("ipv4", "exit") for text in problems.get(case, [])]
    if found:
        raise Fail("\n  ".join(found))
    return "lost %r" % report.lost()


@runner.test
def full_map_at_start(env):
    """More connections before the start than the map takes."""
    hold = Hold(env, 200)
    tracer = env.trace("--max-connections", "16")
    hold.close_all()
    report = tracer.stop().check()
    hold.end()
    nobody_accused(report, hold)
    return "lost %r" % report.lost()


@runner.test
def full_ring(env):
    """The reader is stopped while the smallest ring buffer overflows."""
    tracer = env.trace("--ring-bytes", "4096")
    hold = Hold(env, 500)
    tracer.send(signal.SIGSTOP)
    hold.close_all()
    tracer.send(signal.SIGCONT)
    report = tracer.stop().check()
    hold.end()
    nobody_accused(report, hold)
    lost, closed = report.lost().get("ring", 0), len(report.of("close", hold.netns))
    if lost + closed < 2 * hold.pairs:
        raise Fail("%d reported and %d counted lost of %d" % (closed, lost, 2 * hold.pairs))
    return "%d reported, lost %r" % (closed, report.lost())


if __name__ == "__main__":
    runner.main()
