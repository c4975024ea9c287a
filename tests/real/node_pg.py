# SPDX-License-Identifier: GPL-2.0-only
"""Node's `pg` package, installed once into the user's cache: never into the repository."""
import os
import subprocess

from harness import Skip
from program import find

VERSION = "8.16.3"


def node_path():
    """The folder to give node as NODE_PATH, or Skip."""
    find("node")
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = f"{cache}/connlife/node-pg-{VERSION}"
    modules = f"{folder}/node_modules"
    if os.path.exists(f"{folder}/complete"):
        return modules
    os.makedirs(folder, exist_ok=True)
    try:
        npm = subprocess.run(
            [find("npm"), "install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts",
             "--omit=optional", f"pg@{VERSION}"],
            cwd=folder, text=True, timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired:
        raise Skip("npm install pg: no answer in 60 s") from None
    if npm.returncode:
        errors = [line for line in npm.stdout.splitlines() if "ERR" in line or "error" in line]
        raise Skip(f"npm install pg: {(errors or ['failed'])[0]}")
    with open(f"{folder}/complete", "w", encoding="ascii"):
        pass
    return modules
