# SPDX-License-Identifier: GPL-2.0-only
"""nginx between keep-alive clients and a second server of its own."""
from cases import CLIENTS, PYTHON, case
from service_nginx import Nginx


def clients(bench, web, quiet, busy, each):
    script = f"{CLIENTS}/http_keepalive.py"
    program = bench.start([PYTHON, script, *(str(n) for n in (web.front, quiet, busy, each))])
    program.line("^ready$")


@case("nginx-keepalive")
def keepalive(bench):
    """Six clients rest on their connections while newer ones come, ask and go: for nginx that is everyday life."""
    web = bench.service(Nginx)
    watch = bench.watch(web.front, web.back)
    clients(bench, web, quiet=6, busy=2, each=0)
    clients(bench, web, quiet=0, busy=2, each=20)
    watch.settled()
    watch.saw(8)
    watch.nobody_accused()
