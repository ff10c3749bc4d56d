"""Enqueues jobs until its input ends. Each line of the input is a file: a job is enqueued that runs until it is there.

It prints a line for each job that was enqueued. In the end it asks what came of the last one, of which the stream of its results tells.
"""
import sys
import threading
import time

import rq_jobs
from rq import Queue

from again import client, ended, say

queue, holds = Queue(connection=client), []


def listen():
    for line in sys.stdin:
        holds.append(line.strip())
    ended.set()


threading.Thread(target=listen, daemon=True).start()
n, last = 0, None
while not ended.is_set():
    try:
        if holds:
            queue.enqueue(rq_jobs.hold, n, holds[0])
            holds.pop()
        else:
            last = n, queue.enqueue(rq_jobs.note, n)
        say("sent", n)
    except Exception as e:
        say("failed", n, type(e).__name__, e)
    n += 1
    time.sleep(0.03)

n, job = last
while job.latest_result() is None:
    time.sleep(0.05)
say("result", job.latest_result().type.name, job.latest_result().return_value == n, client.xlen(f"rq:results:{job.id}"))
