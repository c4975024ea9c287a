# SPDX-License-Identifier: GPL-2.0-only
"""
A service with psycopg2's ThreadedConnectionPool: worker threads borrow a connection, query, return it.

With --leak N it first borrows N connections, queries on each and never gives them back, as an error path without
putconn() does; a moment later the workers make the pool open newer ones. --keep is the pool's minconn: it
keeps that many free connections and closes what comes back beyond, so --keep 1 opens and closes all the time.

Prints {"pid", "leaked": [local ports], "expected": verdict or null} when the situation is complete, works on until
stdin ends.
"""
import argparse
import functools
import json
import os
import socket
import time

import psycopg2.pool

from threads import start, until_stdin_ends

PAUSE = 0.02  # between two requests of a worker: a busy service, not a benchmark
LATER = 0.3  # the newer connections must not look like the same burst as the leaked ones


def query(connection):
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from generate_series(1, 10)")
        cursor.fetchall()


def local_port(connection):
    with socket.socket(fileno=os.dup(connection.fileno())) as s:
        return s.getsockname()[1]


def work(pool, ready):
    while True:
        connection = pool.getconn()
        query(connection)
        pool.putconn(connection)
        ready.set()
        time.sleep(PAUSE)


def borrow_together(pool, n):
    """All at the same time, so that there are n of them."""
    borrowed = [pool.getconn() for _ in range(n)]
    for connection in borrowed:
        query(connection)
    return borrowed


def main():
    args = argparse.ArgumentParser()
    args.add_argument("dsn")
    args.add_argument("--keep", type=int, required=True)
    args.add_argument("--workers", type=int, required=True)
    args.add_argument("--leak", type=int, default=0)
    args = args.parse_args()

    pool = psycopg2.pool.ThreadedConnectionPool(args.keep, 10, args.dsn)
    leaked = borrow_together(pool, args.leak)
    if leaked:
        time.sleep(LATER)
    else:  # each connection of the healthy pool was in use once
        for connection in borrow_together(pool, args.keep):
            pool.putconn(connection)
    start(*[functools.partial(work, pool)] * args.workers)
    print(json.dumps({"pid": os.getpid(), "leaked": [local_port(c) for c in leaked],
                      "expected": "bypassed" if leaked else None}), flush=True)
    until_stdin_ends()


main()
