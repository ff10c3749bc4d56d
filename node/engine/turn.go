package engine

import (
	"time"

	"holdfast/internal/rules"
)

// Turn is one stretch of execution under the lock. Whoever executes begins one, and commits it: clients, what happens
// by the clock, whoever replaces the data.
type Turn struct {
	e      *Engine
	closed bool
	Began  int64     // by Clock
	Now    time.Time // time as data
}

// Begin begins a turn of clients: meanwhile a replica's log may grow.
func (e *Engine) Begin() Turn {
	e.turn.Lock()
	e.begin()
	if rules.CatchUpFirst && e.behind.Load() {
		e.settle(true)
	}
	e.open = true
	return Turn{e, false, e.began, e.Now()}
}

// BeginAlone begins a turn in which the log ends where the data does.
func (e *Engine) BeginAlone() Turn {
	e.Lock()
	return Turn{e, true, e.began, e.Now()}
}

// Commit ends a turn. In this order: what it did goes into the log, who waits for what it changed is answered, the
// log's readers are shown all of that at once, and what it wrote for clients is staged. Then the lock is given up, the
// log is published, and whoever was written to is woken. It answers when the lock was given up, by Clock.
func (t *Turn) Commit() (ended int64) {
	e := t.e
	if !e.Effects.Empty() {
		e.Append()
	}
	e.serveBlocked()
	e.flush()
	e.stage()
	e.noteEviction()
	if t.closed {
		e.appending.Unlock()
	}
	ended, woken := e.leave()
	e.Publish()
	wake(woken)
	return ended
}

// noteEviction has keys evicted in the background if that is due.
func (e *Engine) noteEviction() {
	if !e.EvictionDue {
		return
	}
	select {
	case e.evictions <- struct{}{}:
	default:
	}
}

// Evictions gives a token when keys are to be evicted in the background.
func (e *Engine) Evictions() <-chan struct{} { return e.evictions }

// serveBlocked answers who waits for what was executed.
func (e *Engine) serveBlocked() { e.Clients.ServeBlocked() }

// stage has what was written for clients moved to their outputs.
func (e *Engine) stage() { e.woken = e.Clients.Stage(e.woken) }

// Do is a turn in which f executes alone.
func (e *Engine) Do(f func(now time.Time)) {
	t := e.BeginAlone()
	f(t.Now)
	t.Commit()
}

// Held is for how long the turn in hand has held the lock.
func (e *Engine) Held() time.Duration { return time.Duration(e.Clock() - e.began) }

// Longest is the longest that one turn has held the lock. It needs the lock.
func (e *Engine) Longest() time.Duration { return time.Duration(e.longest) }

// ForgetLongest begins that measurement again. It needs the lock.
func (e *Engine) ForgetLongest() { e.longest = 0 }

// NoteRole looks at what the node is; it belongs behind whatever changes that within a turn.
func (e *Engine) NoteRole() {
	role := e.Node.Role()
	if e.role.Logs && !role.Logs {
		e.flush() // from here on somebody else appends
	}
	e.role, e.Effects.Off = role, !role.Logs
}

// Append moves what was just executed into the log, if anybody is to read it, and answers the log's new end.
func (e *Engine) Append() (end int64) {
	e.executed += int64(e.Effects.Count())
	if e.Effects.Off {
		e.Effects.Drop()
		e.changes.drop()
		return e.Log.End()
	}
	e.Effects.Flush(func(p []byte) { end = e.Log.Append(p) })
	e.changes.mark(end)
	e.grown = true
	return end
}

// MaxUncommitted bounds how many bytes of the log may wait for the commit point before clients' commands add to it.
const MaxUncommitted = 64 << 20

// HasRoom reports whether clients' commands may add to the log. It needs no lock.
func (e *Engine) HasRoom() bool { return e.Log.End()-MaxUncommitted <= e.Log.Commit() }

// Executed is how many effects there ever were. It needs the lock.
func (e *Engine) Executed() int64 { return e.executed }

// AppendMarker appends a PING to the log: once it is committed, this node was still the master when it was appended.
func (e *Engine) AppendMarker() (end int64) {
	end = e.Log.Append(pingWire)
	e.grown = true
	e.flush()
	return end
}

var pingWire = []byte("*1\r\n$4\r\nPING\r\n")

// flush shows the log's readers what was appended. It needs the lock.
func (e *Engine) flush() {
	if e.grown {
		e.grown = false
		e.Log.Flush()
	}
}

// Publish brings what was appended to the log to those who are to have it: the disk, and, once it is there, the
// followers. It belongs behind every turn, outside the lock; Commit and Apply see to it.
func (e *Engine) Publish() {
	if !e.Disk.Write() {
		e.Feeder.Push()
	}
}

// Stored says that the disk has the log from first to end: the commit point may pass it, and the followers get it.
func (e *Engine) Stored(first, end int64) {
	e.Log.Stored(first, end)
	e.Feeder.Push()
}
