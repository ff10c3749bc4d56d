package engine

import "time"

// Guests are clients that are let in while a client's command goes on for too long: they execute nothing and see no
// data, they are only told so, or end it.
//
// Who executes for clients holds Entrance while he does, and takes the lock inside. Interlude gives up Entrance and not
// the lock: who comes in then is a guest.

// Interlude lets guests in who wait at the entrance. It is called in the middle of a client's command.
func (e *Engine) Interlude() {
	running := e.running.Load()
	e.guests = true
	e.Entrance.Unlock()
	e.Entrance.Lock()
	e.guests = false
	e.running.Store(running) // which a guest's command may have taken the place of
}

// LetGo has those go on who stand in the turn in hand beside a client whose command goes on for long. It needs the
// lock.
func (e *Engine) LetGo() {
	e.flush()
	e.Clients.LetGo()
	e.Go(e.Publish) // with the markers that their replies may wait for
}

// Guests reports that a client's command goes on: who has the entrance is a guest. It needs the
// entrance.
func (e *Engine) Guests() bool { return e.guests }

// Visit does something about clients, as a guest while a command goes on, and else with the lock.
func (e *Engine) Visit(f func()) {
	e.Entrance.Lock()
	defer e.Entrance.Unlock()
	if !e.guests {
		e.Lock()
		defer e.Unlock()
	}
	f()
}

// StopWithin has a command that goes on for long end within a time, as the node is to end then. It needs no lock.
func (e *Engine) StopWithin(d time.Duration) { e.stopsAt.CompareAndSwap(0, max(e.Clock()+int64(d), 1)) }

// StopsAt is when, by Clock, the time is over that StopWithin gave; 0: it was not called. It needs no lock.
func (e *Engine) StopsAt() int64 { return e.stopsAt.Load() }

// Stop has nothing more executed for clients, as the node ends, and a command that goes on for long end as soon as it
// can. It needs no lock; with it, what was done until then is all that clients are ever told of.
func (e *Engine) Stop() { e.stopping.Store(true) }

// Stopping reports that Stop was called. It needs no lock.
func (e *Engine) Stopping() bool { return e.stopping.Load() }
