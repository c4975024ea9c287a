# SPDX-License-Identifier: GPL-2.0-only
"""An nginx that is its own upstream: the front server block keeps connections to the back one."""
import shutil
import signal
import tempfile

from program import Program, find, free_port, until_accepting

CONFIG = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log stderr;
events {{ worker_connections 256; }}
http {{
	access_log off;
	client_body_temp_path {folder}/body;
	proxy_temp_path {folder}/proxy;
	fastcgi_temp_path {folder}/fastcgi;
	scgi_temp_path {folder}/scgi;
	uwsgi_temp_path {folder}/uwsgi;
	keepalive_timeout 75s;
	keepalive_requests 100000;
	upstream back {{
		server 127.0.0.1:{back};
		keepalive 16;
		keepalive_requests 100000;
	}}
	server {{
		listen 127.0.0.1:{front};
		location / {{
			proxy_pass http://back;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
		}}
	}}
	server {{
		listen 127.0.0.1:{back};
		location / {{ return 200 "hello\\n"; }}
	}}
}}
"""


class Nginx:
    def __init__(self):
        nginx = find("nginx")
        self.folder = tempfile.mkdtemp(prefix="connlife-nginx-")
        self.front, self.back = free_port(), free_port()
        config = f"{self.folder}/nginx.conf"
        with open(config, "w", encoding="ascii") as f:
            f.write(CONFIG.format(folder=self.folder, front=self.front, back=self.back))
        # SIGTERM: "fast shutdown", does not wait for clients
        self.server = Program([nginx, "-c", config, "-e", "stderr"], stop_signal=signal.SIGTERM)
        try:
            until_accepting(self.server, self.front)
        except BaseException:
            self.stop()
            raise

    def stop(self):
        self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
