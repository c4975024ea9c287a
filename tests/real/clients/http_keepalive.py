# SPDX-License-Identifier: GPL-2.0-only
"""
HTTP clients with keep-alive, one thread each: QUIET of them ask once and keep their connection, BUSY of them ask
again and again. EACH is how many requests a busy one sends over one connection (0: all).

Prints "ready" when each has had an answer, goes on until stdin ends.   usage: http_keepalive.py PORT QUIET BUSY EACH
"""
import functools
import http.client
import sys
import threading
import time

from threads import start, until_stdin_ends

PAUSE = 0.005
port, quiet, busy, each = (int(word) for word in sys.argv[1:])


def ask(connection):
    connection.request("GET", "/")
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(f"status {answer.status}")
    answer.read()


def rest(together, ready):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.connect()
    together.wait()
    ask(connection)
    ready.set()
    threading.Event().wait()


def work(together, ready):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.connect()  # with the quiet ones: none is newer than another's use
    together.wait()
    asked = 0
    while True:
        ask(connection)
        ready.set()
        asked += 1
        if asked == each:
            connection.close()
            asked = 0
        time.sleep(PAUSE)


together = threading.Barrier(quiet + busy)
start(*[functools.partial(rest, together)] * quiet, *[functools.partial(work, together)] * busy)
print("ready", flush=True)
until_stdin_ends()
