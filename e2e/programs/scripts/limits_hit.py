"""Hits a moving window of limits, of 300 in an hour, in four threads. It prints a line for each hit: whether it was let through."""
import os

from limits import parse, storage, strategies

from again import run, say

store = storage.storage_from_string(f"redis+sentinel://{os.environ['SENTINELS']}/mymaster", socket_timeout=5)
limiter, item = strategies.MovingWindowRateLimiter(store), parse("300/hour")


def hit(_):
    try:
        say("let" if limiter.hit(item, "all") else "refused")
    except Exception as e:
        say("failed", type(e).__name__, e)


run(hit, 4)
