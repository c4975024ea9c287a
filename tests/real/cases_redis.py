# SPDX-License-Identifier: GPL-2.0-only
"""redis with its own clients."""
from cases import case
from service_redis import Redis


@case("redis-subscribe-benchmark")
def subscribe_benchmark(bench):
    """Four subscribers and one idle client stay silent while fifty newer connections are busy."""
    cache = bench.service(Redis)
    watch = bench.watch(cache.port)
    subscribers = [bench.start(cache.client("redis-cli", "subscribe", "news")) for _ in range(4)]
    for subscriber in subscribers:
        subscriber.line("subscribe")
    idle = bench.start(cache.client("redis-cli"))
    idle.say("ping")
    idle.line("PONG")
    load = bench.start(cache.client("redis-benchmark", "-c", "50", "-n", "100000000", "-t", "get"))
    load.line("rps=")
    watch.settled()
    watch.saw(4 + 1 + 50)
    watch.nobody_accused()
    for subscriber in subscribers:
        watch.found_idle(subscriber.pid, 1, "recv")
    watch.found_idle(idle.pid, 1, "none")
