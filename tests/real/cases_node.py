# SPDX-License-Identifier: GPL-2.0-only
"""Node's pg pool: one event loop that polls every socket, so nobody can tell who waits."""
import json

from cases import CLIENTS, case
from node_pg import node_path
from program import find
from service_postgres import database


def start(bench, db, workers, leak):
    client = bench.start([find("node"), f"{CLIENTS}/node_pool.js", db.url, str(workers), str(leak)],
                         env={"NODE_PATH": bench.service(NodePg).path})
    return json.loads(client.line("^{"))


class NodePg:
    """Made ready before connlife starts: npm install takes its time, and has connections of its own."""

    def __init__(self):
        self.path = node_path()

    def stop(self):
        """Stays in the cache."""


@case("node-pool")
def healthy(bench):
    """Three workers, ten connections: seven have been silent since the start."""
    bench.service(NodePg)
    db = database(bench)
    watch = bench.watch(db.port)
    start(bench, db, workers=3, leak=0)
    watch.settled()
    watch.saw(10)
    watch.nobody_accused()


@case("node-leak")
def leak(bench):
    """Five borrowed and not released, traffic over newer ones."""
    bench.service(NodePg)
    db = database(bench)
    watch = bench.watch(db.port)
    truth = start(bench, db, workers=4, leak=5)
    watch.settled()
    watch.saw(5 + 4)
    watch.only_accused({truth["pid"]})
    watch.found_planted(truth, db.port, "epoll")
