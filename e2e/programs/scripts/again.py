"""What the clients of redis-py share: where the master is, and asking until there is an answer."""
import os
import sys
import threading
import time

import redis
from redis.sentinel import Sentinel

sentinels = [(host, int(port)) for host, port in (a.rsplit(":", 1) for a in os.environ["SENTINELS"].split(","))]
client = Sentinel(sentinels, socket_timeout=5).master_for("mymaster", socket_timeout=5)
printing = threading.Lock()
ended = threading.Event()


def say(*words):
    with printing:
        print(*words, flush=True)


def until_answered(ask):
    """Asks until there is an answer. What is asked may have been done before, so it has to be the same when it is done once more."""
    while True:
        try:
            return ask()
        except (redis.ConnectionError, redis.TimeoutError, redis.ReadOnlyError):
            time.sleep(0.02)


def run(work, threads):
    """Has threads do work, again and again, until the input ends."""

    def loop(i):
        try:
            while not ended.is_set():
                work(i)
        except BaseException as e:
            say("died", type(e).__name__, e)
            raise

    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    all_threads = [threading.Thread(target=loop, args=(i,)) for i in range(threads)]
    for t in all_threads:
        t.start()
    for t in all_threads:
        t.join()
