# SPDX-License-Identifier: GPL-2.0-only
"""The list of all cases, and what a case gets to work with."""
import contextlib
import os

from harness import Skip
from program import Program
from watch import Watch

PYTHON = "/usr/bin/python3"  # Debian's packages belong to Debian's Python
CLIENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients")

all_cases = {}  # name: function, in order of definition


def case(name):
    def remember(function):
        all_cases[name] = function
        return function
    return remember


class Bench:
    """Services live as long as the whole run (one PostgreSQL serves all its cases), programs as long as one case."""

    def __init__(self):
        self.env = None  # of the harness: which connlife
        self.services = {}
        self.whole, self.case = contextlib.ExitStack(), contextlib.ExitStack()
        self.programs = []

    def service(self, kind):
        if kind not in self.services:
            self.services[kind] = kind()
            self.whole.callback(self.services[kind].stop)
        return self.services[kind]

    def start(self, argv, **options):
        program = Program(argv, **options)
        self.case.callback(program.stop)
        self.programs.append(program)
        return program

    def watch(self, *ports):
        """connlife from now on, over the connections of these ports."""
        return Watch(self.env, ports, self.programs)

    def run(self, function, env):
        if os.geteuid():
            raise Skip("needs root")
        self.env = env
        self.programs.clear()
        with self.case:
            function(self)

    def close(self):
        """Stops everything, also when one of them cannot be stopped."""
        with self.whole:
            self.case.close()
