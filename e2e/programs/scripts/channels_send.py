"""Sends to a channel of channels_redis, by itself and by a group, until its input ends; nobody receives. Then it receives what is there.

It prints a line for each message that was sent, and for each that is received.
"""
import asyncio
import os
import sys
import threading

from channels_redis.core import RedisChannelLayer

ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()


async def main():
    sentinels = [(h, int(p)) for h, p in (a.rsplit(":", 1) for a in os.environ["SENTINELS"].split(","))]
    layer = RedisChannelLayer(
        hosts=[{"sentinels": sentinels, "master_name": "mymaster"}], capacity=1000000, expiry=3600, group_expiry=3600
    )
    channel = await layer.new_channel()
    await layer.group_add("group", channel)
    n = 0
    while not ended.is_set():
        try:
            if n % 2:
                await layer.send(channel, {"type": "note", "n": n})
            else:
                await layer.group_send("group", {"type": "note", "n": n})
            print("sent", n, flush=True)
        except Exception as e:
            print("failed", n, type(e).__name__, e, flush=True)
        n += 1
        await asyncio.sleep(0.005)
    await layer.send(channel, {"type": "last"})
    while (message := await layer.receive(channel))["type"] != "last":
        print("received", message["n"], flush=True)


asyncio.run(main())
