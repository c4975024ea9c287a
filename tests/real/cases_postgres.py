# SPDX-License-Identifier: GPL-2.0-only
"""PostgreSQL with its own clients. A server process per connection, accepted by the postmaster."""
import signal

from cases import case
from service_postgres import database


def psql(bench, db, *commands):
    """A session that has done all commands and now waits for more."""
    session = bench.start(db.client("psql", "-X", "-q", "-A", "-t", "-d", "postgres"))
    for command in [*commands, "select 'session is ready';"]:
        session.say(command)
    session.line("session is ready")
    return session


def silent_sessions(bench, db, n=4):
    """More than `bypassed` needs: for the server they are silent and passed over by whatever comes next."""
    for _ in range(n):
        psql(bench, db)


@case("postgres-psql")
def idle_listen_slow_query(bench):
    """
    Three silent sessions: waiting for the user, the same with LISTEN (psql looks for notifications only after a
    command), and waiting for an answer.
    """
    db = database(bench)
    watch = bench.watch(db.port)
    idle = psql(bench, db)
    listening = psql(bench, db, "listen news;")
    asking = psql(bench, db)
    asking.say("select pg_sleep(60);")
    watch.settled()
    watch.saw(3)
    watch.nobody_accused()
    for session, reader in ((idle, "none"), (listening, "none"), (asking, "poll")):
        watch.found_idle(session.pid, 1, reader)


@case("postgres-pgbench")
def pgbench(bench):
    """Eight connections that are kept and used."""
    db = database(bench)
    watch = bench.watch(db.port)
    silent_sessions(bench, db)
    start_pgbench(bench, db, "--client=8", "--rate=400")
    watch.settled()
    watch.saw(8 + 4)
    watch.nobody_accused()


@case("postgres-pgbench-C")
def pgbench_connects(bench):
    """A connection per transaction: churn, and nothing worse; no word on the server's process per connection."""
    db = database(bench)
    watch = bench.watch(db.port)
    silent_sessions(bench, db)
    client = start_pgbench(bench, db, "--connect", "--client=4", "--rate=100")
    watch.settled()
    watch.saw(4)
    watch.nobody_accused()
    for when in watch.runs:
        watch.found("churn", "info", client.pid, when)


def start_pgbench(bench, db, *options):
    """Under way when it reports its progress for the first time."""
    with open(f"{db.folder}/select.sql", "w", encoding="ascii") as f:
        f.write("select count(*) from generate_series(1, 10);\n")
    client = bench.start(db.client("pgbench", "--no-vacuum", f"--file={f.name}", "--time=60", "--progress=1", *options,
                                   "postgres"), stop_signal=signal.SIGINT)
    client.line("^progress:")
    return client
