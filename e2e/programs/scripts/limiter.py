"""Asks a sliding window, a script on a sorted set, in four threads: for one that lasts an hour, and for one of 200 ms.

It prints a line for each time that it was let through: which window, and when by the server's clock.
"""
import uuid

from again import client, run, say, until_answered

take = client.register_script("""
local t = redis.call('TIME')
local now, window, limit = t[1] * 1000000 + t[2], tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
local before = redis.call('ZSCORE', KEYS[1], ARGV[3])
if before then return tonumber(before) end -- it is asked once more
if redis.call('ZCARD', KEYS[1]) >= limit then return 0 end
redis.call('ZADD', KEYS[1], now, ARGV[3])
redis.call('PEXPIRE', KEYS[1], window / 1000)
return now
""")


def hit(_):
    for name, window, limit in (("hour", 3600 * 1000000, 1000), ("short", 200 * 1000, 20)):
        ident = uuid.uuid4().hex
        at = until_answered(lambda: take(keys=[name], args=[window, limit, ident]))
        if at:
            say(name, at)
    say("asked")


run(hit, 4)
