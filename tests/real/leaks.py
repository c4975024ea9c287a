# SPDX-License-Identifier: GPL-2.0-only
"""One run of `connlife leaks` over the connections of some ports, and what it said."""
import json
import signal

from program import Failed, Program, Skip

CANNOT_TRACE = 3
ACCUSED = ("leak", "suspect")


class Leaks:
    """ready() returns when everything is attached: the header comes after that."""

    def __init__(self, connlife, ports, *options):
        ports = ",".join(str(p) for p in ports)
        self.program = Program([connlife, "leaks", "-o", "json", "--older", "1s", "-P", ports, *options],
                               stop_signal=signal.SIGINT)
        self.findings = []
        self.summary = {}

    def ready(self):
        try:
            self.program.line(r'"type":\s*"header"')
        except Failed:
            if self.program.stop() == CANNOT_TRACE:
                raise Skip(f"connlife: {self.program.tail()}") from None
            raise
        return self

    def wait(self):
        """It ends by itself (--duration)."""
        return self._judged(self.program.end())

    def stop(self):
        """Ctrl-C: it ends with its full report."""
        return self._judged(self.program.stop())

    def _judged(self, status):
        if status:
            raise Failed(f"connlife leaks: exit status {status}: {self.program.tail()}")
        try:
            said = [json.loads(line) for line in self.program.lines]
        except ValueError as e:
            raise Failed(f"connlife leaks printed what is not JSON: {e}") from None
        self.findings = [r for r in said if r["type"] == "finding"]
        self.summary = said[-1]
        if self.summary["type"] != "summary":
            raise Failed("connlife leaks: no summary at the end")
        return self

    def accused(self):
        return [f for f in self.findings if f["severity"] in ACCUSED]


def in_words(finding):
    who = f"{finding.get('comm', '?')}[{finding.get('pid', '?')}]"
    return f"{finding['severity']} {finding['verdict']} x{finding['count']} of {who}: {finding.get('reason', '')}"
