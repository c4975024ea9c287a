# SPDX-License-Identifier: GPL-2.0-only
"""How results look as text. The JSON file has every number; this has those that are compared."""


def show(row):
    print(f"\n{row['title']}")
    if not row["results"]:
        print("  skipped: no connlife binary (make, or --connlife PATH)")
    if any("kept" in result or "made" in result for result in row["results"]):
        print(f"  {'':<24} {'kept':>6} {'min..max':>13} {'untraced/s':>10} {'made':>9} "
              f"{'reported':>9} {'lost':>7} {'CPU/s':>6} {'RSS MB':>7} {'beside':>7}")
    for result in row["results"]:
        if "kept" in result or "made" in result:
            print(f"  {line(result)}".rstrip())
    for result in row["results"]:
        details(row, result)


def line(result):
    kept, untraced = result.get("kept"), result.get("untraced")
    words = [f"{result['tracer']:<24.24}"]
    words.append(f"{kept['median']:6.3f}" if kept else " " * 6)
    words.append(f"{kept['min']:.3f}..{kept['max']:.3f}".rjust(13) if kept else " " * 13)
    words.append(f"{untraced['median']:10.0f}" if untraced else " " * 10)
    words.append(f"{result['made']:9}" if "made" in result else " " * 9)
    words.append(f"{result['reported']:9}" if "made" in result else " " * 9)
    if "cpu" in result:
        words.append(f"{sum(result['lost'].values()):7} {result['cpu']['median']:6.3f}")
        words.append(f"{result['peak'] / 1e6:7.1f} {result['beside'] / 1e6:7.1f}")
    return " ".join(words)


def details(row, result):
    name = result["tracer"]
    if result.get("lost"):
        print(f"  {name} lost: " + ", ".join(f"{n} {what}" for what, n in result["lost"].items()))
    if result.get("statuses", ["0"]) != ["0"]:
        print(f"  {name} ended with status {', '.join(result['statuses'])}")
    if result.get("programs"):
        programs(name, result["programs"], row["unit"])
    if "memory" in result:
        memory(name, result["memory"])
    if "report" in result:
        report(name, result)


def programs(name, found, unit):
    total = sum(program["ns_per_unit"] for program in found.values())
    print(f"  {name} in the kernel: {total:.0f} ns per {unit}")
    for program, ns in found.items():
        print(f"    {program:<24} {ns['ns_per_run']:8.0f} ns a run, "
              f"{ns['runs_per_unit']:6.2f} runs per {unit}")


def memory(name, found):
    print(f"  {name} maps grew by {found['grown_per_socket']:.0f} bytes per open socket", end="")
    if "conns_per_entry" in found:
        print(f"; conns: {found['conns_grown_per_socket']:.0f} grown, "
              f"{found['conns_per_entry']:.0f} per entry of its capacity", end="")
    largest = sorted(found["maps"].items(), key=lambda entry: -entry[1])[:4]
    print("\n    " + ", ".join(f"{what} {size / 1e6:.1f} MB" for what, size in largest))


def report(name, result):
    values = result["report"]
    print(f"  {name}: {result['sockets']} sockets; {'median':>32} {'min..max':>17}")
    for key, label, unit in (("attach_s", "start to header", 1), ("report_s", "end of -d 1s to exit", 1),
                             ("whole_s", "start to exit", 1), ("cpu_s", "CPU seconds", 1),
                             ("peak", "peak RSS, MB", 1e6), ("beside", "RSS beside mapped maps, MB", 1e6)):
        value = {which: n / unit for which, n in values[key].items()}
        print(f"    {label:<28} {value['median']:27.3f} {value['min']:8.3f}..{value['max']:.3f}")
    counts = {key: n for key, n in result["summary"].items() if isinstance(n, int)}
    print("    summary: " + (", ".join(f"{key} {n}" for key, n in counts.items()) or "none"))
