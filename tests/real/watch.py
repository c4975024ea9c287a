# SPDX-License-Identifier: GPL-2.0-only
"""
Two runs of connlife over one situation: one started before its connections, reporting every second, and one started
when the situation is complete, reporting once. Both are asked the same questions.
"""
from harness import Fail
from leaks import Leaks, in_words
from sockets import ids_of

EARLY = ("--interval", "1s")
LATE = ("--duration", "2500ms")  # with --older 1s: what is silent is silent for longer than that


class Watch:
    def __init__(self, env, ports, programs):
        self.env, self.ports = env, ports
        self.programs = programs  # a list that grows: all must still run at the end
        self.runs = {"early": Leaks(env, ports, *EARLY)}

    def settled(self):
        """The situation is complete: look at it, and end both runs."""
        self.runs["late"] = Leaks(self.env, self.ports, *LATE)
        self.runs["late"].wait()
        for program in self.programs:
            if not program.running():
                raise Fail(f"{program.name} ended before it was judged: {program.tail()}")
        self.runs["early"].stop()

    def saw(self, connections):
        """Both ends of at least so many connections were under connlife's eyes: silence was a judgement."""
        for when, run in self.runs.items():
            seen = run.summary.get("outstanding", 0)
            if seen < 2 * connections:
                raise Fail(f"started {when}, connlife saw {seen} open ends, not {2 * connections}")

    def nobody_accused(self):
        self.only_accused(())

    def only_accused(self, pids):
        """No leak at all, and no suspect but in these processes."""
        for when, run in self.runs.items():
            for f in run.accused():
                if f["severity"] == "leak" or f.get("pid") not in pids:
                    raise Fail(f"started {when}: {in_words(f)}")

    def found(self, verdict, severity, pid, when="early"):
        """The newest finding of this verdict on that process."""
        of_pid = [f for f in self.runs[when].findings if f.get("pid") == pid]
        right = [f for f in of_pid if (f["verdict"], f["severity"]) == (verdict, severity)]
        if not right:
            others = "; ".join(in_words(f) for f in of_pid) or "nothing"
            raise Fail(f"started {when}: no {verdict} ({severity}) on pid {pid} but {others}")
        return right[-1]

    def found_idle(self, pid, count, reader):
        """So many silent connections, known as idle and nothing worse, and how they are read."""
        for when in self.runs:
            self._exact(self.found("idle", "info", pid, when), count, reader, when)

    def found_planted(self, truth, port, reader):
        """The newest report names exactly the connections that the program says it leaked."""
        f = self.found(truth["expected"], "suspect", truth["pid"])
        planted = ids_of(port, truth["leaked"])
        self._exact(f, len(planted), reader, "early")
        if set(f["connections"]) != planted:
            raise Fail(f"connections {sorted(f['connections'])}, planted {sorted(planted)}")
        if f.get("remote") != f"127.0.0.1:{port}":
            raise Fail(f"remote {f.get('remote')}, not 127.0.0.1:{port}")

    def _exact(self, finding, count, reader, when):
        readers = self.runs[when].readers(finding)
        if finding["count"] != count or readers != {reader}:
            raise Fail(f"started {when}: count {finding['count']}, readers {readers}; not {count}, {reader}: "
                       + in_words(finding))
