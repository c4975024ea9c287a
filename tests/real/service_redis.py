# SPDX-License-Identifier: GPL-2.0-only
"""A redis-server that keeps nothing."""
import shutil
import tempfile

from program import Program, find, free_port, until_accepting


class Redis:
    def __init__(self):
        server = find("redis-server")
        self.folder = tempfile.mkdtemp(prefix="connlife-redis-")
        self.port = free_port()
        self.server = Program([server, "--bind", "127.0.0.1", "--port", str(self.port), "--dir", self.folder,
                               "--save", "", "--appendonly", "no", "--daemonize", "no"])
        try:
            until_accepting(self.server, self.port)
        except BaseException:
            self.stop()
            raise

    def client(self, program, *args):
        return [find(program), "-h", "127.0.0.1", "-p", str(self.port), *args]

    def stop(self):
        self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
