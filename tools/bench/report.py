# SPDX-License-Identifier: GPL-2.0-only
"""How results look as text. The JSON file has every number; this has those that are compared."""

MB = 1e6
QUIET_ENDS = {"0", "-2", "130"}     # SIGINT is how a run is ended, and not every peer handles it

# heading, width, and the cell of a result, or None where it has none
COLUMNS = (
    ("kept", 6, lambda r: f"{r['kept']['median']:.3f}" if "kept" in r else None),
    ("min..max", 13, lambda r: "{min:.3f}..{max:.3f}".format(**r["kept"]) if "kept" in r else None),
    ("untraced/s", 10, lambda r: f"{r['untraced']['median']:.0f}" if "untraced" in r else None),
    ("made", 9, lambda r: str(r["made"]) if "made" in r else None),
    ("reported", 9, lambda r: str(r["reported"]) if "made" in r else None),
    ("lost", 6, lambda r: str(sum(r["lost"].values())) if "lost" in r else None),
    ("CPU/s", 7, lambda r: f"{r['cpu']['median']:.4f}" if "cpu" in r else None),
    ("RSS MB", 7, lambda r: f"{r['peak'] / MB:.1f}" if "cpu" in r else None),
    ("beside", 7, lambda r: f"{r['beside'] / MB:.1f}" if "cpu" in r else None),
)


def show(row):
    print(f"\n{row['title']}")
    results = row["results"]
    if not results:
        print("  skipped: no tracer to measure (make, --connlife PATH or --peer COMMAND)")
    columns = [column for column in COLUMNS if any(column[2](result) for result in results)]
    width_of_names = min(60, max((len(result["tracer"]) for result in results), default=0))
    if columns:
        print(f"  {'':<{width_of_names}} " + " ".join(f"{heading:>{width}}" for heading, width, _ in columns))
        for result in results:
            cells = " ".join(f"{cell(result) or '':>{width}}" for _, width, cell in columns)
            print(f"  {result['tracer']:<{width_of_names}.{width_of_names}} {cells}".rstrip())
    for result in results:
        details(row, result)


def details(row, result):
    name = result["tracer"]
    if result.get("lost"):
        print(f"  {name} lost: " + ", ".join(f"{n} {what}" for what, n in result["lost"].items()))
    if set(result.get("statuses", ())) - QUIET_ENDS:
        print(f"  {name} ended with status {', '.join(result['statuses'])}")
    if result.get("programs"):
        programs(name, result["programs"], row["unit"])
    if result.get("memory", {}).get("maps"):
        memory(name, result["memory"])
    if "report" in result:
        report(name, result)


def programs(name, found, unit):
    total = sum(program["ns_per_unit"] for program in found.values())
    print(f"  {name} in the kernel: {total:.0f} ns per {unit}")
    for program, ns in found.items():
        print(f"    {program:<20} {ns['ns_per_run']:8.0f} ns a run, "
              f"{ns['runs_per_unit']:6.2f} runs per {unit}")


def memory(name, found):
    print(f"  {name}: maps grew by {found['grown_per_socket']:.0f} bytes per open socket", end="")
    if "conns_per_entry" in found:
        print(f"; conns takes {found['conns_per_entry']:.0f} per entry of its capacity", end="")
    elif "conns_grown_per_socket" in found:
        print(f", conns by {found['conns_grown_per_socket']:.0f}", end="")
    largest = sorted(found["maps"].items(), key=lambda entry: -entry[1])[:4]
    print("\n    held: " + ", ".join(f"{what} {size / MB:.1f} MB" for what, size in largest))


def report(name, result):
    print(f"  {name} over {result['sockets']} sockets: median, min..max")
    for key, label, unit in (("attach_s", "start to attached, s", 1),
                             ("report_s", "from there to exit, less 1 s", 1),
                             ("whole_s", "start to exit, s", 1), ("cpu_s", "CPU, s", 1),
                             ("peak", "peak RSS, MB", MB), ("beside", "beside mapped maps, MB", MB)):
        value = {which: n / unit for which, n in result["report"][key].items()}
        print("    {label:<30} {median:9.3f}  {min:.3f}..{max:.3f}".format(label=label, **value))
    counts = {key: n for key, n in result["summary"].items() if isinstance(n, int)}
    print("    summary: " + (", ".join(f"{key} {n}" for key, n in counts.items()) or "none"))
