"""Sends tasks, one after the other, until its input ends. Each line of the input is a file: two tasks are sent that run until it is there.

It prints a line for each task: whether delay() returned for it.
"""
import sys
import threading
import time

from celery_tasks import hold, note

ended, holds = threading.Event(), []


def listen():
    for line in sys.stdin:
        holds.append(line.strip())
    ended.set()


def send(n, task, *args):
    try:
        task.delay(n, *args)
        print(f"sent {n}", flush=True)
    except Exception as e:
        print(f"failed {n} {type(e).__name__}: {e}", flush=True)


threading.Thread(target=listen, daemon=True).start()
n = 0
while not ended.is_set():
    if holds:
        until = holds.pop()
        for i in range(2):
            send(n + i, hold, until)
        n += 2
    send(n, note)
    n += 1
    time.sleep(0.01)
