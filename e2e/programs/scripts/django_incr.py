"""Counts with django-redis's incr(), in four threads. It prints a line for each call."""
import os

from django.conf import settings

settings.configure(
    DJANGO_REDIS_CONNECTION_FACTORY="django_redis.pool.SentinelConnectionFactory",
    CACHES={
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": "redis://mymaster/1",
            "OPTIONS": {
                "CLIENT_CLASS": "django_redis.client.SentinelClient",
                "SENTINELS": [(h, int(p)) for h, p in (a.rsplit(":", 1) for a in os.environ["SENTINELS"].split(","))],
                "SENTINEL_KWARGS": {"socket_timeout": 5},
            },
        }
    },
)

import django  # noqa: E402

django.setup()
from django.core.cache import cache  # noqa: E402

from again import run, say  # noqa: E402

cache.set("n", 0, timeout=None)


def incr(_):
    try:
        cache.incr("n")
        say("counted")
    except Exception as e:
        say("failed", type(e).__name__, e)


run(incr, 4)
say("value", cache.get("n"))
