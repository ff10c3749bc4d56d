"""Celery's tasks. Each run adds a line to the file that RAN names: what has run is counted there, not in the broker."""
import os
import time

from celery import Celery

app = Celery("celery_tasks", broker=os.environ["BROKER"], backend=os.environ["BACKEND"])
app.conf.update(
    task_acks_late=True,  # a task is acknowledged when it has run, so that one whose worker or broker is lost runs again
    worker_prefetch_multiplier=1,  # and only as many as run are taken
    broker_connection_retry_on_startup=True,
)
options = {"visibility_timeout": float(os.environ.get("VISIBILITY", 3600))}
if "MASTER_NAME" in os.environ:
    options["master_name"] = os.environ["MASTER_NAME"]
app.conf.broker_transport_options = dict(options)
app.conf.result_backend_transport_options = dict(options)


def ran(word):
    with open(os.environ["RAN"], "a") as f:
        f.write(f"{word}\n")


@app.task
def note(n):
    ran(n)
    return n


@app.task
def hold(n, until):
    """Runs until a file is there."""
    ran(f"held {n}")
    while not os.path.exists(until):
        time.sleep(0.01)
    ran(n)
    return n


@app.task(bind=True, max_retries=3)
def again(self, n):
    if self.request.retries < 1:
        raise self.retry(countdown=1)
    return n


@app.task
def total(numbers):
    return sum(numbers)
