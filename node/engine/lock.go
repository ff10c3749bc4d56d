package engine

import "sync"

// Locker is a lock that can be tried.
type Locker interface {
	sync.Locker
	TryLock() bool
}

// The execution lock. Who has it sees the data as the log says.
//
// While clients' commands run, a replica's log may get ahead of its data: what comes from the predecessor is appended
// at once, so that it is passed on and acknowledged however long a command takes, and left behind to be executed.
// Whoever has the lock next does that first, and nobody but a client's command goes on while more is appended. So what
// is acknowledged is in the log, and is in the data before anybody reads it, makes a snapshot, or leads; and a client
// who came before something was acknowledged need not see it.

// Lock takes the execution lock for a change of state that executes nothing, and has the log end where the data does as
// long as it is held. Who executes begins a Turn.
func (e *Engine) Lock() {
	e.turn.Lock()
	e.begin()
	e.settleAll(true)
}

// TryLock is Lock where nobody has to be waited for.
func (e *Engine) TryLock() bool {
	if e.behind.Load() || !e.turn.TryLock() {
		return false
	}
	e.begin()
	e.appending.Lock()
	if e.behind.Load() {
		e.Unlock()
		return false
	}
	return true
}

// Unlock gives up what Lock took.
func (e *Engine) Unlock() {
	e.appending.Unlock()
	_, woken := e.leave()
	wake(woken)
}

// begin notes that the lock was taken.
func (e *Engine) begin() {
	e.began = e.Clock()
	e.since.Store(max(e.began, 1))
	e.Tick = e.began
	if e.running.Load() != nil {
		e.running.Store(nil)
	}
	e.NoteRole()
}

// leave gives up the lock, and answers when that was: every way of holding it ends here.
func (e *Engine) leave() (now int64, woken []Waker) {
	now = e.Clock()
	e.longest = max(e.longest, now-e.began)
	woken = e.woken
	e.woken, e.open = nil, false
	if e.told.Load() != 0 {
		e.tellEnd()
	}
	e.since.Store(0)
	e.turn.Unlock()
	if e.behind.Load() {
		e.catchUp()
	}
	return now, woken
}

func wake(woken []Waker) {
	for _, w := range woken {
		w.Wake()
	}
}

// StandStill has the log end where the data does until release is called, within a turn in which more may be appended.
func (e *Engine) StandStill() (release func()) {
	if !e.open {
		return func() {}
	}
	e.open = false
	e.settleAll(false)
	return func() {
		e.appending.Unlock()
		e.open = true
	}
}
