# SPDX-License-Identifier: GPL-2.0-only
"""
A service that waits for notifications: four LISTEN connections, two waiting in select() and two in poll(), each on a
thread of its own, beside workers that open a newer connection for every request.

Four silent connections, passed over by newer ones of the same process: only that somebody waits on them tells them
from a leak. Prints {"pid", "leaked": [], "expected": null} when all is under way, goes on until stdin ends.
"""
import json
import os
import select
import sys
import time

import psycopg2

from threads import start, until_stdin_ends

PAUSE = 0.05
dsn = sys.argv[1]


def connect():
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    return connection


def listen(ready):
    connection = connect()
    connection.cursor().execute("listen news")
    ready.set()
    return connection


def wait_in_select(ready):
    connection = listen(ready)
    while True:
        select.select([connection], [], [])
        connection.poll()


def wait_in_poll(ready):
    connection = listen(ready)
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    while True:
        poll.poll()
        connection.poll()


def work(ready):
    while True:
        connection = connect()
        connection.cursor().execute("select 1")
        connection.close()
        ready.set()
        time.sleep(PAUSE)


start(wait_in_select, wait_in_select, wait_in_poll, wait_in_poll)
start(work, work)
print(json.dumps({"pid": os.getpid(), "leaked": [], "expected": None}), flush=True)
until_stdin_ends()
