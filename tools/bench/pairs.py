# SPDX-License-Identifier: GPL-2.0-only
"""The same load with and without a tracer, in pairs of one run and in alternating order."""

import statistics
import tempfile

import kernel
from tracer import reported_ends, summary


def traced(tracer, load, directory, watch=lambda running: {}):
    """Run load(pid) under `tracer`; watch(running) may look at it before it is stopped."""
    with tempfile.TemporaryDirectory(dir=directory) as place:
        with tracer.start(place) as running:
            before = running.cpu()
            done = load(running.process.pid)
            running.drain()
            sample = {"load": done, "cpu": (running.cpu() - before) / done["seconds"],
                      "mapped": running.mapped(), **watch(running)}
        last = summary(running.out) if tracer.json else {}
        return {**sample, "status": running.status, "peak": running.peak,
                "beside": running.peak - sample["mapped"], "summary": last,
                "made": done["ends"], "reported": reported_ends(running.out, tracer.json),
                "lost": {name: n for name, n in last.get("lost", {}).items() if n}}


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def interleaved(tracers, load, pairs, directory):
    """One result per tracer, and first the control: pairs where nothing runs on either side."""
    ratios = {tracer: [] for tracer in [None, *tracers]}
    untraced = {tracer: [] for tracer in ratios}
    samples = {tracer: [] for tracer in ratios}

    def one(tracer):
        if not tracer:
            return load(None)["per_second"]
        samples[tracer].append(traced(tracer, load, directory))
        return samples[tracer][-1]["load"]["per_second"]

    for nth in range(pairs):
        for tracer in ratios:
            if nth % 2:
                kept, free = one(tracer), one(None)
            else:
                free, kept = one(None), one(tracer)
            ratios[tracer].append(kept / free)
            untraced[tracer].append(free)
    return [{"tracer": tracer.name if tracer else "nothing (A/A)", "kept": spread(ratios[tracer]),
             "ratios": ratios[tracer], "untraced": spread(untraced[tracer]),
             **totals(samples[tracer])} for tracer in ratios]


def totals(samples):
    """What several runs of one tracer say together."""
    if not samples:
        return {}
    lost = {}
    for sample in samples:
        for name, n in sample["lost"].items():
            lost[name] = lost.get(name, 0) + n
    return {"made": sum(sample["made"] for sample in samples),
            "reported": sum(sample["reported"] for sample in samples), "lost": lost,
            "counted": sum(sample["summary"].get("closed", 0) for sample in samples),
            "cpu": spread([sample["cpu"] for sample in samples]),
            "peak": max(sample["peak"] for sample in samples),
            "beside": max(sample["beside"] for sample in samples),
            "statuses": sorted({str(sample["status"]) for sample in samples})}


def in_kernel(tracer, load, directory):
    """ns per run of each program of the tracer, in a run of its own with the statistics on."""
    with kernel.statistics():
        sample = traced(tracer, load, directory,
                        lambda running: {"programs": kernel.run_times(running.process.pid)})
    units = sample["load"].get("round_trips") or sample["load"]["connections"]
    return {name: {"ns_per_run": ns / runs, "runs_per_unit": runs / units, "ns_per_unit": ns / units}
            for name, (runs, ns) in sorted(sample["programs"].items()) if runs}
