# SPDX-License-Identifier: GPL-2.0-only
"""Compares what a workload did (its truth lines) with what connlife reported, line by line.

By hand: compare.py TRUTH REPORTED
"""
import json
import sys

# A lifetime may be wrong by this much beyond what the workload itself could not measure.
TOLERANCE_NS = 5_000_000

# Truth field -> where the reported line has it. A field that the truth leaves out is not compared.
FIELDS = {
    "type": ("type",),
    "family": ("family",),
    "role": ("role",),
    "laddr": ("laddr",),
    "lport": ("lport",),
    "raddr": ("raddr",),
    "rport": ("rport",),
    "pid": ("pid",),
    "tid": ("tid",),
    "comm": ("comm",),
    "how": ("close", "how"),
    "close_pid": ("close", "pid"),
    "close_tid": ("close", "tid"),
    "close_comm": ("close", "comm"),
    "tx_bytes": ("tx_bytes",),
    "rx_bytes": ("rx_bytes",),
}
ENDS = ("close", "failed", "outstanding")

# Kernels without a cookie where one is needed (5.10, 5.11): connlife makes an id up, from here on.
SYNTHETIC_ID = 1 << 52


def get(line, path):
    for name in path:
        line = line.get(name) if isinstance(line, dict) else None
    return line


def describe(line):
    """One end in words, for both kinds of lines."""
    local = "%s:%s" % (line.get("laddr", "?"), line.get("lport", "?"))
    remote = "%s:%s" % (line.get("raddr", "?"), line.get("rport", "?"))
    case = line.get("case")
    return "%s%s id %s %s %s -> %s" % (case + ": " if case else "", line.get("type"),
                                       line.get("id"), line.get("role"), local, remote)


def wrong_fields(truth, line):
    for name, path in FIELDS.items():
        if name in truth and get(line, path) != truth[name]:
            yield "%s is %r, truth is %r" % (".".join(path), get(line, path), truth[name])


def wrong_closer(truth, line):
    """What the kernel ended has no closer; the peer's FIN is a time, or is left out."""
    close = line.get("close") or {}
    if truth.get("how") in ("reset", "timeout", "abort"):
        for name in ("pid", "tid", "comm"):
            if name in close:
                yield "close.%s is %r: nobody closed it" % (name, close[name])
    if "peer_closed" in truth:
        reported = "peer_closed" in line or "peer_closed" in close
        if reported != truth["peer_closed"]:
            yield "peer_closed is %s, truth is %s" % (reported, truth["peer_closed"])


def wrong_errno(truth, line):
    if truth["type"] == "failed" and line.get("errno") != truth.get("errno"):
        yield "errno is %r, truth is %r" % (line.get("errno"), truth.get("errno"))


def wrong_duration(truth, line):
    if "duration_ns" not in truth:
        return
    name = "connect_ns" if truth["type"] == "failed" else "duration_ns"
    if name not in line:
        yield "%s is missing" % name
        return
    longest = truth["duration_ns"] + TOLERANCE_NS
    shortest = truth["duration_ns"] - truth["slack_ns"] - TOLERANCE_NS
    if not shortest <= line[name] <= longest:
        yield "%s is %d, truth is %d to %d" % (name, line[name], shortest, longest)


def wrong_holders(truth, line):
    if "holders" not in truth:
        return
    expected = sorted((h["pid"], h["fd"]) for h in truth["holders"])
    reported = sorted((h.get("pid", 0), h.get("fd", -1)) for h in line.get("holders", []))
    if reported != expected:
        yield "holders are %r, truth is %r" % (reported, expected)


CHECKS = (wrong_fields, wrong_closer, wrong_errno, wrong_duration, wrong_holders)


def differences(truth, line):
    """What is wrong with the line that reports this end."""
    return [text for check in CHECKS for text in check(truth, line)]


def malformed(line):
    """What no line may say, whatever the truth: unknown facts are left out, never 0 or empty."""
    found = []
    for name in ("lport", "rport", "pid", "tid", "id", "opened"):
        if name in line and line[name] in (0, "0", ""):
            found.append("%s: %s is %r" % (describe(line), name, line[name]))
    for name in ("id", "laddr", "lport", "raddr", "rport", "family"):
        if name not in line:
            found.append("%s: %s is missing" % (describe(line), name))
    return found


def unseen_accept(truth, flavours):
    """Only the tracepoint flavour cannot see an accept by io_uring; it may say nothing of that end."""
    return bool(truth.get("io_uring")) and truth["role"] == "server" \
        and flavours.get("accept") == "tracepoint"


def loosened(truth):
    return {name: truth[name] for name in truth
            if name not in ("pid", "tid", "comm", "duration_ns", "slack_ns")}


def key(line):
    """The addresses, as far as they are known."""
    return tuple(line.get(name) for name in ("laddr", "lport", "raddr", "rport"))


def synthetic(line):
    return int(line.get("id", 0)) >= SYNTHETIC_ID


class Reported:
    """The lines about connections of the workload, each to be claimed by one end."""

    def __init__(self, lines, netns):
        self.lines = [line for line in lines
                      if line.get("type") in ENDS and line.get("netns") in netns]
        self.by_id, self.by_key, self.used = {}, {}, set()
        for line in self.lines:
            self.by_id.setdefault(str(line.get("id")), []).append(line)
            if synthetic(line):
                self.by_key.setdefault(key(line), []).append(line)

    def claim(self, end):
        """By id; by addresses, in order, where the id is made up."""
        lines = self.by_id.get(end.get("id"), [])
        if not lines:
            lines = [line for line in self.by_key.get(key(end), []) if id(line) not in self.used][:1]
        self.used.update(id(line) for line in lines)
        return lines

    def unclaimed(self, line):
        return id(line) not in self.used


def compare(truth, lines, netns, flavours=None, keep=None):
    """Returns {case: [problem]}; case "" is for lines that fit no end.

    Only lines of the network namespaces `netns` (a set) count. keep(truth line) says what a
    filter lets through: an end that it does not is a problem when reported.
    """
    reported, problems = Reported(lines, netns), {}
    for end in truth:
        if end.get("type") not in ENDS or (keep and not keep(end)):
            continue
        found = compare_end(end, reported.claim(end), flavours or {})
        if found:
            problems.setdefault(end["case"], []).extend(found)
    for line in reported.lines:
        found = malformed(line)
        if reported.unclaimed(line):
            found.append("EXTRA %s" % json.dumps(line))
        if found:
            problems.setdefault(case_of(line, truth), []).extend(found)
    return problems


def compare_end(end, lines, flavours):
    if unseen_accept(end, flavours):
        if not lines:
            return []
        end = loosened(end)
    if not lines:
        return ["MISSING %s" % describe(end)]
    found = ["TWICE %s" % json.dumps(line) for line in lines[1:]]
    wrong = differences(end, lines[0])
    if wrong:
        found.append("WRONG %s: %s\n    in %s" % (describe(end), "; ".join(wrong),
                                                 json.dumps(lines[0])))
    return found


def case_of(line, truth):
    """The case an unexpected line belongs to, as well as its id or its port tells."""
    for end in truth:
        if end.get("id") == str(line.get("id")):
            return end["case"]
    for end in truth:
        if end.get("lport") in (line.get("lport"), line.get("rport")) and end.get("lport"):
            return end["case"]
    return ""


def read_lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(text) for text in file]


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: compare.py TRUTH REPORTED")
    truth, reported = read_lines(sys.argv[1]), read_lines(sys.argv[2])
    netns = {line["netns"] for line in truth if line.get("type") == "start"}
    problems = compare(truth, reported, netns, reported[0].get("flavours"))
    for case in sorted(problems):
        for problem in problems[case]:
            print(problem)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
