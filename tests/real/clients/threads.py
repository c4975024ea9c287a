# SPDX-License-Identifier: GPL-2.0-only
"""Threads of a client: started together, awaited until each is at work; an error in one ends the process at once."""
import os
import sys
import threading


def start(*bodies):
    """Each body gets an event that it sets when it is at work. Returns when all are."""
    threading.excepthook = die
    events = [threading.Event() for _ in bodies]
    for body, event in zip(bodies, events):
        threading.Thread(target=body, args=(event,), daemon=True).start()
    for event in events:
        event.wait()


def die(args):
    sys.excepthook(args.exc_type, args.exc_value, args.exc_traceback)
    os._exit(1)


def until_stdin_ends():
    sys.stdin.read()
    os._exit(0)  # the threads are not worth a farewell
