# SPDX-License-Identifier: GPL-2.0-only
"""A PostgreSQL cluster of our own in a temporary folder; the machine's own cluster is never touched."""
import glob
import os
import shutil
import signal
import subprocess
import tempfile
import time

from harness import Fail, Skip
from program import PATIENCE, Program, find, free_port, until_accepting

# The server refuses to run as root. (runuser would stay between us and the server, and answer our signals itself.)
AS_POSTGRES = {"user": "postgres", "group": "postgres", "extra_groups": []}

# Nothing here has to survive a crash, and no background worker shall open connections of its own.
SETTINGS = {
    "listen_addresses": "127.0.0.1", "fsync": "off", "shared_buffers": "16MB", "autovacuum": "off",
    "max_wal_senders": "0", "wal_level": "minimal", "max_logical_replication_workers": "0",
}


class Postgres:
    def __init__(self):
        self.bin = newest_bin()
        self.folder = tempfile.mkdtemp(prefix="connlife-pg-")
        self.port = free_port()
        self.server = None
        shutil.chown(self.folder, "postgres", "postgres")
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self):
        data = f"{self.folder}/data"
        made = subprocess.run(
            [f"{self.bin}/initdb", "-D", data, "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8",
             "--locale=C"],
            cwd="/", text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **AS_POSTGRES)
        if made.returncode:
            raise Fail(f"initdb: {made.stdout[-300:]!r}")
        settings = {**SETTINGS, "port": str(self.port), "unix_socket_directories": self.folder}
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        # SIGINT: "fast shutdown", does not wait for clients
        self.server = Program([f"{self.bin}/postgres", "-D", data, *options], stop_signal=signal.SIGINT, **AS_POSTGRES)
        self.server.line("database system is ready to accept connections")
        until_accepting(self.server, self.port)

    def client(self, program, *args):
        """argv of a client program that connects by TCP."""
        return [find(program, self.bin), "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", *args]

    @property
    def dsn(self):
        return f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres sslmode=disable gssencmode=disable"

    @property
    def url(self):
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def end_sessions(self):
        """
        A backend in a long query does not notice that its client is gone: it would stay in CLOSE_WAIT. (Those that
        end by themselves meanwhile make psql warn: not of interest.)
        """
        query = [f"{self.bin}/psql", "-X", "-A", "-t", "-h", self.folder, "-p", str(self.port), "-U", "postgres", "-c",
                 "select pg_terminate_backend(pid) from pg_stat_activity where client_port > 0"]
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if not subprocess.run(query, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.strip():
                return
        raise Fail("PostgreSQL does not end its sessions")

    def stop(self):
        if self.server:
            self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def database(bench):
    """The cluster of this run; the case leaves no session behind."""
    db = bench.service(Postgres)
    bench.case.callback(db.end_sessions)
    return db


def newest_bin():
    """Debian keeps the servers of all versions side by side, not in PATH."""
    versions = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: float(p.split("/")[4]))
    if not versions:
        raise Skip("no PostgreSQL on this machine")
    return os.path.dirname(find("initdb", versions[-1]))
