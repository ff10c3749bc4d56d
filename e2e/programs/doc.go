// Package programs runs real programs that need scripts and streams on a group: Celery, Sidekiq, redis-py, limits, rq,
// channels_redis, django-redis and PHP's sessions, as Debian has them.
//
// Everything is in its tests, and in scripts, the small programs that use the frameworks. Begin with programs_test.go,
// which runs them; front_test.go is an address that leads to the master.
package programs
