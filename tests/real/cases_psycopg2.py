# SPDX-License-Identifier: GPL-2.0-only
"""psycopg2 (libpq, a thread per request): pools, with and without a planted leak, and LISTEN."""
import json
import subprocess

from cases import CLIENTS, PYTHON, case
from harness import Skip
from service_postgres import database


def start(bench, db, script, *args):
    """What the client says of itself once its situation is complete."""
    found = subprocess.run([PYTHON, "-c", "import psycopg2"], check=False, stderr=subprocess.DEVNULL)
    if found.returncode:
        raise Skip("no psycopg2 for Debian's Python")
    client = bench.start([PYTHON, f"{CLIENTS}/{script}", db.dsn, *args])
    return json.loads(client.line("^{"))


@case("psycopg2-pool")
def healthy(bench):
    """Four workers, ten connections: the pool hands out the newest, six have been silent since the start."""
    db = database(bench)
    watch = bench.watch(db.port)
    start(bench, db, "psycopg2_pool.py", "--keep=10", "--workers=4")
    watch.settled()
    watch.saw(10)
    watch.nobody_accused()


@case("psycopg2-leak")
def leak(bench):
    """Five borrowed and not returned; the pool keeps its connections."""
    planted(bench, "--keep=5", "--workers=5")


@case("psycopg2-leak-reconnecting")
def leak_reconnecting(bench):
    """Five borrowed and not returned; the pool opens and closes connections all the time."""
    planted(bench, "--keep=1", "--workers=4")


def planted(bench, *options):
    db = database(bench)
    watch = bench.watch(db.port)
    truth = start(bench, db, "psycopg2_pool.py", "--leak=5", *options)
    watch.settled()
    watch.saw(5)
    watch.only_accused({truth["pid"]})
    watch.found_planted(truth, db.port, "none")


@case("psycopg2-listen")
def listen(bench):
    """Four connections in LISTEN, passed over by newer ones, but somebody waits on each."""
    db = database(bench)
    watch = bench.watch(db.port)
    truth = start(bench, db, "psycopg2_listen.py")
    watch.settled()
    watch.saw(4)
    watch.nobody_accused()
    watch.found_idle(truth["pid"], 4, "poll")
