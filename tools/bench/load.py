# SPDX-License-Identifier: GPL-2.0-only
"""Where the loads run: a network namespace of their own, and the churn program in it."""

import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

# A small TIME_WAIT table is full at once, so the first second of a load costs what its last does.
# Peers expect tracefs; it is mounted for them alone, and the host stays as it was.
SETUP = """
ip link set lo up && echo 1024 > /proc/sys/net/ipv4/tcp_max_tw_buckets || exit 1
[ -e /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing || :
[ -e /sys/kernel/debug/tracing ] || mount -t debugfs debugfs /sys/kernel/debug || :
echo up
exec cat
"""


class Namespace:
    """A fresh network (and mount) namespace that lives as long as the `with` block."""

    def __enter__(self):
        self.holder = subprocess.Popen(["unshare", "-n", "-m", "sh", "-c", SETUP],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL)
        if self.holder.stdout.readline() != b"up\n":
            raise SystemExit("bench: cannot make a network namespace (root, util-linux, iproute2)")
        return self

    def __exit__(self, *_):
        self.holder.stdin.close()
        self.holder.wait()
        self.holder.stdout.close()

    def enter(self, command):
        return ["nsenter", "-t", str(self.holder.pid), "-n", "-m", *command]


class Churn:
    """The churn program, run in a namespace; its own counters come back as a dict."""

    def __init__(self, binary, namespace):
        self.binary = binary
        self.namespace = namespace

    def command(self, load, **options):
        words = [self.binary, load]
        for name, value in options.items():
            words += ["--" + name.replace("_", "-"), str(value)]
        return self.namespace.enter(words)

    def run(self, load, **options):
        done = subprocess.run(self.command(load, **options), stdout=subprocess.PIPE, check=True)
        counters = json.loads(done.stdout)
        if counters.get("errors"):
            print(f"bench: the load had {counters['errors']} errors: {done.args}", file=sys.stderr)
        return counters

    def hold(self, count):
        return Held(self.command("hold", count=count))


class Held:
    """Connections that are open until release() closes them all at once."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if not self.process.stdout.readline():
            raise SystemExit("bench: cannot hold so many connections")

    def release(self):
        done, _ = self.process.communicate(b"\n")
        return json.loads(done)


def build_churn(directory):
    """Compile churn.c outside the checkout and return the binary's path."""
    binary = os.path.join(directory, "churn")
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-Wall", "-Wextra", "-pthread",
                    os.path.join(HERE, "churn.c"), "-o", binary], check=True)
    return binary


def scratch():
    """A directory in memory, if there is one: a disk's write-back is not what is measured."""
    return tempfile.TemporaryDirectory(prefix="connlife-bench.",
                                       dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
