# SPDX-License-Identifier: GPL-2.0-only
"""One run of a tracer, connlife or a peer: start, wait until attached, watch, stop, count."""

import json
import os
import re
import signal
import subprocess
import threading
import time

import kernel

TICK = 1 / os.sysconf("SC_CLK_TCK")
IDENTITY = re.compile(rb'"id": ?"?(\d+)')


class Tracer:
    """`command` writes to {out} where it says so, else its standard output goes to that file."""

    def __init__(self, name, command, place=lambda command: command, settle=2.0):
        self.name = name
        self.json = any("{out}" in word for word in command)
        self.command = command
        self.place = place          # puts a command into its namespace
        self.settle = settle        # seconds: see wait_ready()

    def start(self, directory):
        return Running(self, directory)


class Running:
    """A started tracer. Use with `with`: leaving the block ends it."""

    def __init__(self, tracer, directory):
        self.tracer = tracer
        self.out = os.path.join(directory, "out")
        self.err = os.path.join(directory, "err")
        self.peak = 0
        self.status = None
        self.begun = time.monotonic()
        command = tracer.place([word.replace("{out}", self.out) for word in tracer.command])
        with open(self.err, "wb") as err, open(self.out, "wb") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=err,
                                            stdout=subprocess.DEVNULL if tracer.json else out)
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()

    def __enter__(self):
        try:
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def wait_ready(self):
        """Until the first output, or until its BPF links have stayed the same for `settle` seconds."""
        links, self.ready = 0, self.begun
        while not self.size() and time.monotonic() < self.ready + self.tracer.settle:
            if self.process.poll() is not None:
                raise self.failure()
            if kernel.links(self.process.pid) != links:
                links, self.ready = kernel.links(self.process.pid), time.monotonic()
            time.sleep(0.02)
        if self.size():
            self.ready = time.monotonic()

    def size(self):
        return os.path.getsize(self.out)

    def failure(self):
        with open(self.err, errors="replace") as err:
            return SystemExit(f"bench: {self.tracer.name} ended early, status "
                              f"{self.process.poll()}: {err.read()[-400:].strip()}")

    def cpu(self):
        """CPU seconds so far, user and system, all threads; a zombie still has them."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * TICK

    def watch(self):
        """Follow the peak of the resident memory until there is none: the dead cannot be asked."""
        alive = True
        while alive:
            alive = False
            try:
                with open(f"/proc/{self.process.pid}/status") as status:
                    for line in status:
                        if line.startswith("VmHWM:"):
                            self.peak, alive = max(self.peak, int(line.split()[1]) * 1024), True
            except OSError:
                pass
            time.sleep(0.02)

    def mapped(self):
        """Resident bytes of mapped BPF maps, the ring buffer above all: kernel memory, seen twice."""
        total, inside = 0, False
        with open(f"/proc/{self.process.pid}/smaps") as smaps:
            for line in smaps:
                if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                    inside = "bpf-map" in line or "bpf_ringbuf" in line
                elif inside and line.startswith("Rss:"):
                    total += int(line.split()[1]) * 1024
        return total

    def drain(self, quiet=0.5, limit=30):
        """Wait until the output has stopped growing."""
        end, size, since = time.monotonic() + limit, -1, time.monotonic()
        while time.monotonic() < min(end, since + quiet):
            if self.size() != size:
                size, since = self.size(), time.monotonic()
            time.sleep(0.05)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.finish()

    def finish(self, limit=60):
        """Wait for the end, a minute at most: a tracer that stays is itself a finding."""
        try:
            self.status = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            self.status = "killed"
        self.watcher.join()


def summary(path):
    """connlife's last line, or {} where the output is something else."""
    with open(path, "rb") as out:
        out.seek(max(0, os.path.getsize(path) - (1 << 20)))
        last = (out.read().splitlines() or [b""])[-1]
    try:
        line = json.loads(last)
    except ValueError:
        return {}
    return line if isinstance(line, dict) and line.get("type") == "summary" else {}


def reported_ends(path, is_json):
    """Ends of the load's connections in the output: distinct closes in JSON, else lines that name 127."""
    if not is_json:
        with open(path, "rb") as out:
            return sum(b"127.1." in line for line in out)
    seen = set()
    with open(path, "rb") as out:
        for line in out:
            head = line[:40].replace(b" ", b"")
            if b'"type":"close"' in head and b"127.1." in line:
                identity = IDENTITY.search(line)
                seen.add(int(identity[1]) if identity else len(seen))
    return len(seen)
