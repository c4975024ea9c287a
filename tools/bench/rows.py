# SPDX-License-Identifier: GPL-2.0-only
"""The rows of the bench: one function each, (bench) -> result. README.md says how to read them."""

import tempfile
import time

import kernel
from pairs import in_kernel, interleaved, spread, totals, traced
from tracer import summary

LEAKS = ["leaks", "-d", "1h"]       # until it is stopped; without -d it ends after 10 s


def paired_row(bench, command, title, load, unit):
    tracers = bench.tracers(command)
    results = interleaved(tracers, load, bench.options.pairs, bench.directory)
    for result, tracer in zip(results[1:], tracers):
        result["programs"] = in_kernel(tracer, load, bench.directory)
    return {"title": title, "unit": unit, "results": results}


def trace(bench):
    """A saturated connect/close loop under `trace`."""
    return paired_row(bench, ["trace"], "trace: connect, accept, close, close as fast as possible",
                      lambda _: bench.churn.run("loop", seconds=bench.options.seconds,
                                              threads=bench.options.threads), "connection")


def leaks(bench):
    """The same loop under `leaks`, which reports no connection that ends well."""
    row = paired_row(bench, LEAKS, "leaks: connect, accept, close, close as fast as possible",
                     lambda _: bench.churn.run("loop", seconds=bench.options.seconds,
                                             threads=bench.options.threads), "connection")
    return quiet(row)


def lastuse(bench):
    """The worst case of the receive hook: one kept connection, both ends on one core."""
    row = paired_row(bench, LEAKS, "lastuse: 64 bytes there and back over one kept connection",
                     lambda _: bench.churn.run("pingpong", seconds=bench.options.seconds),
                     "round trip")
    for result in row["results"]:
        result.pop("made", None)
    return row


def quiet(row):
    """`leaks` prints no closes: what it counted in its summary (of the whole host) stands for them."""
    for result in row["results"]:
        if result.get("counted"):
            result["reported"] = result["counted"]
    return row


def rate1000(bench):
    """Tool CPU at 1000 connections a second."""
    def load(_):
        return bench.churn.run("rate", per_second=1000, seconds=3 * bench.options.seconds)
    samples = {tracer: [] for tracer in bench.tracers(["trace"])}
    for nth in range(bench.options.pairs):
        for tracer in samples if nth % 2 else reversed(samples):
            samples[tracer].append(traced(tracer, load, bench.directory))
    return {"title": "rate1000: 1000 connections a second, the tool's CPU alone",
            "unit": "connection", "results": [{"tracer": tracer.name, **totals(runs)}
                                              for tracer, runs in samples.items()]}


def masshold(bench):
    """Many connections held, then closed at once; and what an open one costs in maps."""
    count = bench.options.held
    results = []
    for tracer in bench.tracers(["trace"]):
        maps = {}

        def load(pid):
            maps["empty"] = kernel.map_bytes(pid)
            held = bench.churn.hold(count)
            time.sleep(1)
            maps["held"] = kernel.map_bytes(pid)
            maps["conns"] = kernel.capacity(pid, "conns")
            return held.release()

        sample = traced(tracer, load, bench.directory)
        results.append({"tracer": tracer.name, **totals([sample]),
                        "memory": memory(maps, sample["load"]["ends"])})
    return {"title": f"masshold: {count} connections held, then all closed at once",
            "unit": "connection", "results": results}


def memory(maps, sockets):
    """Bytes per socket: what the maps grew by, and what a full `conns` map takes per entry."""
    grown = {name: size - maps["empty"].get(name, 0) for name, size in maps["held"].items()}
    result = {"grown_per_socket": sum(grown.values()) / sockets, "maps": maps["held"]}
    if "conns" in maps["held"]:
        result["conns_grown_per_socket"] = grown["conns"] / sockets
    if maps["conns"] and not grown.get("conns"):    # preallocated: all of it is there from the start
        size, entries = maps["conns"]
        result["conns_per_entry"] = size / entries
    return result


def report100k(bench):
    """A leaks report on a host that already holds many connections."""
    tracer = bench.connlife("leaks", "-d", "1s", "--older", "1s")
    title = f"report100k: a report over {bench.options.held} connections that were there before"
    if not tracer:
        return {"title": title, "unit": "connection", "results": []}
    held = bench.churn.hold(bench.options.held)
    time.sleep(2)
    runs = []
    try:
        for _ in range(bench.options.pairs):
            runs.append(one_report(tracer, bench.directory))
    finally:
        ends = held.release()["ends"]
    names = ("attach_s", "report_s", "whole_s", "cpu_s", "peak", "beside")
    return {"title": title, "unit": "connection", "results": [{
        "tracer": tracer.name, "sockets": ends, "summary": runs[-1]["summary"],
        "statuses": sorted({str(run["status"]) for run in runs}),
        "report": {name: spread([run[name] for run in runs]) for name in names}}]}


def one_report(tracer, directory):
    with tempfile.TemporaryDirectory(dir=directory) as place:
        with tracer.start(place) as running:
            mapped = running.mapped()
            while True:
                cpu = running.cpu()
                if running.process.poll() is not None:
                    break
                time.sleep(0.005)
            ended = time.monotonic()
        return {"attach_s": running.ready - running.begun, "report_s": ended - running.ready - 1,
                "whole_s": ended - running.begun, "cpu_s": cpu, "peak": running.peak,
                "beside": running.peak - mapped, "status": running.status,
                "summary": summary(running.out)}


ROWS = {row.__name__: row for row in (trace, leaks, lastuse, rate1000, masshold, report100k)}
