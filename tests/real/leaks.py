# SPDX-License-Identifier: GPL-2.0-only
"""One run of `connlife leaks` over the connections of some ports, and what it said."""
import signal
import subprocess

from harness import END_S, START_S, Fail, Reader, Report

ACCUSED = ("leak", "suspect")


class Leaks:
    """Attached when this returns: the header comes after that."""

    def __init__(self, env, ports, *options):
        command = env.command("leaks", "-o", "json", "--older", "1s", "-P", ",".join(str(p) for p in ports), *options)
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, start_new_session=True)
        env.started.append(self.process)
        self.out, self.err = Reader(self.process.stdout), Reader(self.process.stderr)
        if not self.out.first_line.wait(START_S) or not self.out.chunks:
            raise Fail(f"connlife leaks prints no header but {self.err.text()!r}")

    def stop(self):
        """Ctrl-C: it ends with its full report."""
        self.process.send_signal(signal.SIGINT)
        self.wait()

    def wait(self):
        """It ends by itself (--duration)."""
        status = self.process.wait(END_S)
        self.out.join()
        self.err.join()
        report = Report(status, self.out.text(), self.err.text()).check()
        self.findings = [line for line in report.lines if line["type"] == "finding"]
        self.open = {line["id"]: line for line in report.lines if line["type"] == "outstanding"}  # the newest of each
        self.summary = report.summary

    def readers(self, finding):
        """How its connections are read; None where connlife does not know."""
        return {self.open[i].get("reader", {}).get("how") for i in finding["connections"]}

    def accused(self):
        return [f for f in self.findings if f["severity"] in ACCUSED]


def in_words(finding):
    who = f"{finding.get('comm', '?')}[{finding.get('pid', '?')}]"
    return f"{finding['severity']} {finding['verdict']} x{finding['count']} of {who}: {finding.get('reason', '')}"
