"""Writes keys through redis-py's Sentinel until its input ends. It prints a line when it was told OK first, and in the end what it was told.

    writer.py GROUP PREFIX ID RETRIES PAUSE RETRY_PAUSE TIMEOUT HOST:PORT...
"""
import json
import sys
import threading
import time

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

group, prefix, ident = sys.argv[1:4]
retries, (pause, retry_pause, timeout) = int(sys.argv[4]), map(float, sys.argv[5:8])
sentinels = [(host, int(port)) for host, port in (a.rsplit(":", 1) for a in sys.argv[8:])]
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()

client = Sentinel(sentinels, socket_timeout=timeout).master_for(
    group,
    socket_timeout=timeout,
    retry=Retry(ExponentialBackoff(cap=0.512, base=0.008), retries),
    retry_on_error=[redis.ConnectionError, redis.TimeoutError, redis.ReadOnlyError],
)
acked, errors, silence, until, n = [], {}, 0.0, 0.0, 0
last = time.monotonic()
while not ended.is_set():
    try:
        client.set(f"{prefix}:{ident}:{n}", n)
        now = time.monotonic()
        if not acked:
            print("begun", flush=True)
        elif now - last > silence:
            silence, until = now - last, time.time()
        last = now
        acked.append(n)
        time.sleep(pause)
    except redis.RedisError as e:
        kind = f"redis-py {type(e).__name__}"
        errors[kind] = errors.get(kind, 0) + 1
        time.sleep(retry_pause)
    n += 1
if time.monotonic() - last > silence:
    silence, until = time.monotonic() - last, time.time()
print(json.dumps({"acked": acked, "errors": errors, "silence": silence, "until": until}))
