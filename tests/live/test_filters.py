#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Filters, live: exactly what they ask for is reported, of what ends and of what was open before."""
import os

from compare import key
from harness import Conn, Fail, Runner, Skip, expect_same
from test_trace import read_outstanding

runner = Runner()
ENDS = ("ipv4", "ipv6", "v4-mapped", "refused", "refused6", "accept-queue-full", "peer-closed-first")


def filtered(env, arguments, conns, keep, fewer=True):
    """Runs all workloads under one connlife: the ends that keep() names, and no others."""
    tracer = env.trace(*arguments)
    truth = [line for conn in conns for line in conn.truth()]
    report = tracer.stop().check()
    ends = [line for line in truth if "role" in line]
    kept = sum(1 for line in ends if keep(line))
    if not kept or (fewer and kept == len(ends)):
        raise Fail("the filter proves nothing: %d of %d ends" % (kept, len(ends)))
    netns = set().union(*(conn.netns for conn in conns))
    expect_same(truth, report, netns, keep)
    return "%d of %d ends" % (kept, len(ends))


@runner.test
def pid(env):
    """-p: what this process opened, also when another process closes it."""
    conns = [Conn(env, *ENDS, "exit", "closed-by-child", "passed-fd") for _ in range(2)]
    return filtered(env, ["-p", conns[0].pid], conns, lambda end: end["pid"] == conns[0].pid)


@runner.test
def several_pids(env):
    conns = [Conn(env, "ipv4", "exit") for _ in range(3)]
    pids = [conn.pid for conn in conns[:2]]
    return filtered(env, ["-p", "%d,%d" % tuple(pids)], conns, lambda end: end["pid"] in pids)


@runner.test
def children(env):
    """--children: also what processes opened that are started later."""
    conns = [Conn(env, "ipv4", "exit", "killed", "exec", "exit-threads") for _ in range(2)]
    ours = conns[0].pid
    tracer = env.trace("-p", ours, "--children")
    truth = conns[0].truth()
    others = conns[1].truth()
    report = tracer.stop().check()
    if not any(end.get("pid", ours) != ours for end in truth):
        raise Fail("no end was opened by a child")
    expect_same(truth, report, conns[0].netns)
    expect_same(others, report, conns[1].netns, lambda end: False)


def two_ports(env):
    return [Conn(env, "--port", str(port), *ENDS) for port in (5001, 5002, 5003)]


@runner.test
def port_at_either_end(env):
    return filtered(env, ["-P", "5001"], two_ports(env),
                    lambda end: 5001 in (end["lport"], end["rport"]))


@runner.test
def two_ports_at_either_end(env):
    wanted = {5001, 5003}
    return filtered(env, ["-P", "5001,5003"], two_ports(env),
                    lambda end: bool(wanted & {end["lport"], end["rport"]}))


@runner.test
def local_port(env):
    return filtered(env, ["-L", "5001"], two_ports(env), lambda end: end["lport"] == 5001)


@runner.test
def remote_port(env):
    return filtered(env, ["-D", "5001"], two_ports(env), lambda end: end["rport"] == 5001)


@runner.test
def family_4(env):
    """v4-mapped counts as 4."""
    return filtered(env, ["-4"], [Conn(env, *ENDS)], lambda end: end["family"] == 4)


@runner.test
def family_6(env):
    return filtered(env, ["-6"], [Conn(env, *ENDS)], lambda end: end["family"] == 6)


@runner.test
def role_client(env):
    return filtered(env, ["--role", "client"], [Conn(env, *ENDS)], lambda end: end["role"] == "client")


@runner.test
def role_server(env):
    return filtered(env, ["--role", "server"], [Conn(env, *ENDS)], lambda end: end["role"] == "server")


@runner.test
def comm(env):
    """--comm: the name of the thread that opened, not of the process."""
    return filtered(env, ["--comm", "conn-acceptor"], [Conn(env, "ipv4", "threads-accept")],
                    lambda end: end["comm"] == "conn-acceptor")


@runner.test
def network(env):
    return filtered(env, ["--cidr", "127.0.0.2/32"], [Conn(env, *ENDS)],
                    lambda end: "127.0.0.2" in (end["laddr"], end["raddr"]))


@runner.test
def filters_together(env):
    return filtered(env, ["-4", "-P", "5001", "--role", "server"], two_ports(env),
                    lambda end: end["family"] == 4 and end["lport"] == 5001 and end["role"] == "server")


def cgroup_mount():
    with open("/proc/self/mounts") as mounts:
        for line in mounts:
            words = line.split()
            if words[2] == "cgroup2":
                return words[1]
    raise Skip("no cgroup2 mounted")


@runner.test
def cgroup(env):
    """--cgroup: opened in this cgroup or below."""
    conns = [Conn(env, "ipv4", "exit") for _ in range(2)]
    group = os.path.join(cgroup_mount(), "connlife-test-%d" % os.getpid())
    below = os.path.join(group, "below")
    try:
        os.makedirs(below)
        with open(os.path.join(below, "cgroup.procs"), "w") as procs:
            procs.write(str(conns[0].pid))
    except OSError as error:
        raise Skip("cannot make a cgroup: %s" % error)
    try:
        tracer = env.trace("--cgroup", group)
        truth, others = conns[0].truth(), conns[1].truth()
        report = tracer.stop().check()
    finally:
        env.end_started()
        os.rmdir(below)
        os.rmdir(group)
    expect_same(truth, report, conns[0].netns)
    expect_same(others, report, conns[1].netns, lambda end: False)


def before_the_start(env, arguments, keep):
    """Filters hold for connections that were open before connlife was."""
    conn = Conn(env, "--port", "5001", "ipv4", "outstanding")
    truth = [end for end in read_outstanding(conn) if end.get("type") == "outstanding"]
    report = env.trace(*[word.replace("PID", str(conn.pid)) for word in arguments]).stop().check()
    conn.end()
    expected = sorted(key(end) for end in truth if keep(end))
    listed = sorted(key(line) for line in report.of("outstanding", conn.netns))
    if listed != expected or not expected:
        raise Fail("listed %r, truth is %r" % (listed, expected))
    return "%d of %d ends" % (len(expected), len(truth))


@runner.test
def snapshot_pid(env):
    return before_the_start(env, ["-p", "PID"], lambda end: True)


@runner.test
def snapshot_local_port(env):
    return before_the_start(env, ["-L", "5001"], lambda end: end["lport"] == 5001)


@runner.test
def snapshot_remote_port(env):
    return before_the_start(env, ["-D", "5001"], lambda end: end["rport"] == 5001)


@runner.test
def snapshot_role(env):
    """Who listens on the port tells the role, or nobody does and it is left open: no client is a server."""
    conn = Conn(env, "outstanding")
    truth = {key(end): end["role"] for end in read_outstanding(conn)}
    report = env.trace().stop().check()
    conn.end()
    for line in report.of("outstanding", conn.netns):
        if line.get("role", truth[key(line)]) != truth[key(line)]:
            raise Fail("role is %r, truth is %r" % (line["role"], truth[key(line)]))


if __name__ == "__main__":
    runner.main()
