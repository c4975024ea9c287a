# SPDX-License-Identifier: GPL-2.0-only
"""A program under test: started, waited for by what it prints, always stopped."""
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

from harness import Fail, Skip

PATIENCE = 30  # seconds; only a broken program needs them


class Program:
    """
    stdout and stderr are read all the time, line by line, so that nobody blocks on a full pipe. A session of its own:
    Ctrl-C is for the driver, which stops all; and the scheduler, which shares between sessions first (autogroup), does
    not let a server starve beside a CPU load. A server that starves for --older is overloaded, and is called so.
    """

    def __init__(self, argv, env=None, stop_signal=signal.SIGTERM, **how):
        self.name = os.path.basename(argv[0])
        self.stop_signal = stop_signal
        self.lines = []
        self.changed = threading.Condition()
        self.ended = False  # its output is complete
        self.process = subprocess.Popen(
            argv, cwd="/", env={**os.environ, **(env or {})}, text=True, errors="replace", start_new_session=True,
            **how, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.pid = self.process.pid
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def say(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def line(self, pattern):
        """The first line that matches, as soon as it is there."""
        def find():
            return next((line for line in self.lines if re.search(pattern, line)), None)
        with self.changed:
            self.changed.wait_for(lambda: find() is not None or self.ended, PATIENCE)
            if find() is None:
                raise Fail(f"{self.name} did not print /{pattern}/ but {self.tail()}")
            return find()

    def running(self):
        return self.process.poll() is None

    def tail(self):
        return repr("\n".join(self.lines[-5:]))

    def stop(self):
        """Exit status; its output is complete then."""
        if self.running():
            self.process.send_signal(self.stop_signal)
        return self.end()

    def end(self):
        """The same, when it ends by itself."""
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join(5)
        self.process.stdin.close()
        return self.process.returncode


def find(name, *folders):
    """Path of a program, or Skip."""
    path = shutil.which(name, path=os.pathsep.join([*folders, os.environ["PATH"], "/usr/sbin"]))
    if not path:
        raise Skip(f"no {name} on this machine")
    return path


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until_accepting(program, port):
    """Returns when connect succeeds: the one event that every server has."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if not program.running():
            raise Fail(f"{program.name} ended: {program.tail()}")
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise Fail(f"{program.name} does not accept on port {port}: {program.tail()}")
