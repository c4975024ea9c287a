# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel knows about a tracer's BPF programs and maps."""

import collections
import contextlib
import glob
import json
import subprocess

STATS = "/proc/sys/kernel/bpf_stats_enabled"


def descriptors(pid):
    """The (name, value) lines in fdinfo of every descriptor of a process."""
    for path in glob.glob(f"/proc/{pid}/fdinfo/*"):
        with contextlib.suppress(OSError), open(path) as lines:
            for line in lines:
                name, _, value = line.partition(":")
                yield name, value.strip()


def owned(pid):
    """Ids of the programs and maps that a process holds by descriptor (links name their program)."""
    ids = {"prog_id": set(), "map_id": set()}
    for name, value in descriptors(pid):
        if name in ids:
            ids[name].add(int(value))
    return ids


def links(pid):
    """How many BPF programs a process has attached through links."""
    return sum(name == "link_id" for name, _ in descriptors(pid))


def bpftool(kind):
    """Every program or map of the host, as bpftool describes it."""
    shown = subprocess.run(["bpftool", kind, "show", "--json"], stdout=subprocess.PIPE, check=True)
    return json.loads(shown.stdout or "[]")


def programs(pid):
    mine = owned(pid)["prog_id"]
    return [program for program in bpftool("prog") if program["id"] in mine]


def maps(pid):
    mine = owned(pid)["map_id"]
    return [entry for entry in bpftool("map") if entry["id"] in mine]


def map_bytes(pid):
    """{map name: bytes the kernel charges for it}; maps of one name are added up."""
    total = collections.Counter()
    for entry in maps(pid):
        total[entry.get("name", "?")] += int(entry.get("bytes_memlock", 0))
    return dict(total)


def capacity(pid, name):
    """(bytes, entries) of the map called `name`, or None."""
    for entry in maps(pid):
        if entry.get("name") == name:
            return int(entry.get("bytes_memlock", 0)), entry["max_entries"]
    return None


@contextlib.contextmanager
def statistics():
    """Run-time statistics of BPF programs on, and afterwards as they were. They cost: run apart."""
    with open(STATS) as stats:
        before = stats.read()
    with open(STATS, "w") as stats:
        stats.write("1")
    try:
        yield
    finally:
        with open(STATS, "w") as stats:
            stats.write(before)


def run_times(pid, since=None):
    """{program name: [runs, ns]} since an earlier answer; programs of one name are added up."""
    total = {}
    for program in programs(pid):
        entry = total.setdefault(program.get("name", "?"), [0, 0])
        entry[0] += program.get("run_cnt", 0)
        entry[1] += program.get("run_time_ns", 0)
    for name, (runs, ns) in (since or {}).items():
        if name in total:
            total[name] = [total[name][0] - runs, total[name][1] - ns]
    return total
