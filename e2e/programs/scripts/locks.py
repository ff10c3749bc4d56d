"""Takes redis-py's lock in four threads, and counts under it: the counter is read, and written a moment later.

A line is printed for each section, with what it has made of the counter, and for each that had the lock beside another.
"""
import os
import time
import uuid

import redis

from again import client, run, say, until_answered

# A number for each section, greater than any before, for who holds the lock only.
fence = client.register_script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('NOTHELD somebody else has the lock') end
return redis.call('INCR', KEYS[2])
""")


def acquire(lock, token):
    while True:
        try:
            if lock.acquire(token=token):
                return
        except redis.RedisError:  # it may have been acquired all the same, and would wait for itself then
            if until_answered(lambda: client.get("lock")) == token.encode():
                lock.local.token = token.encode()
                return


def release(lock, token):
    unknown = False
    while True:
        try:
            return lock.release()
        except redis.exceptions.LockNotOwnedError:
            if not unknown:
                say("lost the lock")
            return
        except redis.RedisError:
            unknown, lock.local.token = True, token.encode()
            time.sleep(0.02)


def section(_):
    lock, token = client.lock("lock", timeout=120, sleep=0.005), uuid.uuid4().hex
    acquire(lock, token)
    try:
        os.close(os.open("inside", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        say("two hold the lock")
    number = until_answered(lambda: fence(keys=["lock", "fence"], args=[token]))
    n = int(until_answered(lambda: client.get("counter")) or 0) + 1
    with open("fences", "a") as f:
        f.write(f"{number}\n")
    until_answered(lambda: client.set("counter", n))
    os.unlink("inside")
    release(lock, token)
    say("section", n)


run(section, 4)
