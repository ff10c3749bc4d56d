"""rq's jobs. Each run adds a line to the file that RAN names."""
import os
import time


def ran(word):
    with open(os.environ["RAN"], "a") as f:
        f.write(f"{word}\n")


def note(n):
    ran(n)
    return n


def hold(n, until):
    """Runs until a file is there."""
    ran(f"held {n}")
    while not os.path.exists(until):
        time.sleep(0.01)
    return note(n)
