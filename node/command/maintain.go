package command

import (
	"time"

	"holdfast/node/session"
)

// ActiveExpireOff reports DEBUG SET-ACTIVE-EXPIRE 0, or that data is imported: its source says what has expired.
func (e *Env) ActiveExpireOff() bool { return e.activeExpireOff || e.importers > 0 }

// CronPaused reports DEBUG PAUSE-CRON 1.
func (e *Env) CronPaused() bool { return e.cronPaused }

// ExpireSweep deletes keys and fields of one database whose time has passed, looking at no more than budget of each, and adds their
// deletion to the effects. Only a master calls it.
func (e *Env) ExpireSweep(db int, nowMs int64, budget int) (visited, expired int) {
	c := &Context{Env: e, DB: e.Store.DB(db), Now: nowMs}
	if c.DB.Expires() > 0 {
		visited, expired = c.DB.ExpireScan(nowMs, budget, func(key []byte) { c.expire(c.DB, key) })
	}
	fields := c.sweepFields(budget)
	e.Effects.Loosen()
	return visited + fields, expired + fields
}

// How long a session is idle before its buffers are given back; DEBUG REPLYBUFFER changes the latter.
const (
	inputIdle   = 2 * time.Second
	repliesIdle = 5 * time.Second
)

// ReleaseIdle gives back the buffers of sessions that have been idle for a while.
func (e *Env) ReleaseIdle(now time.Time) {
	e.Clients.Each(func(s *session.Session) {
		idle := now.Sub(s.LastActive)
		if idle >= inputIdle && s.Blocked() == nil && s.Hijacked() == nil && s.ReleaseInput() {
			e.push(s)
		}
		if idle >= e.repliesIdle && s.ShrinkReplies() {
			e.Stats.ReplyShrinks++
		}
	})
}

// TakePushed hands over the sessions that got output from others since the last call.
func (e *Env) TakePushed() []*session.Session {
	pushed := e.Pushed
	for _, s := range pushed {
		s.Pushed = false
	}
	e.Pushed = nil
	return pushed
}

// push has a session's new output staged and the session woken after the execution.
func (e *Env) push(s *session.Session) {
	if !s.Pushed {
		s.Pushed = true
		e.Pushed = append(e.Pushed, s)
	}
}

// Forget ends everything that a session takes part in: watches, subscriptions, monitoring, tracking.
func (e *Env) Forget(s *session.Session) {
	e.endMonitor(s)
	e.setImportSource(s, false)
	e.stopTracking(s)
	e.Unwatch(s)
	e.Hub.Drop(s)
}

// Word is a command's name as the tables spell it: lower case.
func Word(name []byte) string {
	low := make([]byte, len(name))
	for i, ch := range name {
		if ch >= 'A' && ch <= 'Z' {
			ch += 'a' - 'A'
		}
		low[i] = ch
	}
	return string(low)
}
