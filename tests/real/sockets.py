# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel says of TCP sockets (`ss`), independent of connlife."""
import re
import subprocess

from harness import Fail

ROW = re.compile(r"^\S+\s+\d+\s+\d+\s+\S+:(\d+)\s+\S+:(\d+)\s.*\bsk:([0-9a-f]+)", re.M)


def ids_of(remote_port, local_ports):
    """The connection ids (socket cookies) of the client ends with these local ports."""
    out = subprocess.run(["ss", "-tnHe", "dport", "=", f":{remote_port}"], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    ids = {int(local): int(cookie, 16) for local, _, cookie in ROW.findall(out)}
    missing = [p for p in local_ports if p not in ids]
    if missing:
        raise Fail(f"ss does not show the local ports {missing}")
    return {ids[p] for p in local_ports}
