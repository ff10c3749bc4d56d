"""Asks for results: of a task, of one that is to run later, of one that is tried again, and of a chord."""
from celery import chord

from celery_tasks import again, note, total

print("result", note.delay("one").get(timeout=60))
print("later", note.apply_async(("two",), countdown=1).get(timeout=60))
print("again", again.delay(3).get(timeout=60))
print("chord", chord([again.s(n) for n in range(5)])(total.s()).get(timeout=60))
