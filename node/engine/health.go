package engine

import "time"

// fault is why the data is not to be shown, and since when.
type fault struct {
	err   error
	since time.Time
}

// fail has a full copy made, as the data is not what the log says any more. It needs turn and appending.
func (e *Engine) fail(err error) {
	e.caughtUp()
	e.spoil(err, true)
	e.Logger.Error("the log has what this node can't execute: it serves nobody before it has got a full copy", "err",
		err)
}

// Spoil says that the data is not what the log says: clients are told to wait, nothing is saved or handed on, and the
// sentinels let the node neither lead nor be counted on, until it is mended. It needs the lock.
func (e *Engine) Spoil(err error) { e.spoil(err, false) }

// spoil is Spoil; again: a full copy is to be made.
func (e *Engine) spoil(err error, again bool) {
	e.fault.Store(&fault{err: err, since: time.Now()})
	e.Data.Loading, e.Data.Partial = true, true
	e.Node.Spoilt(err, again)
	e.NoteRole()
}

// Broken is why the data is not to be shown; nil: it is sound. It needs no lock.
func (e *Engine) Broken() error {
	_, err := e.Fault()
	return err
}

// Fault is Broken, and since when it is so.
func (e *Engine) Fault() (since time.Time, err error) {
	if f := e.fault.Load(); f != nil {
		return f.since, f.err
	}
	return time.Time{}, nil
}

// Mended says that the data was replaced.
func (e *Engine) Mended() { e.fault.Store(nil) }

// Busy is for how long, and with which command, if it is one that may take long, the lock has been held by the one who
// has it now. It needs no lock.
func (e *Engine) Busy() (since time.Duration, name string) {
	began := e.since.Load()
	if began == 0 {
		return 0, ""
	}
	return time.Duration(max(e.Clock()-began, 0)), e.Running()
}

// Runs notes the name of a command that is about to run and may take long. It needs the lock.
func (e *Engine) Runs(name *string) { e.running.Store(name) }

// Running names the command that is running, or ran last in this turn, if it is one that may take long; "" when there
// is none. It needs no lock.
func (e *Engine) Running() string {
	if name := e.running.Load(); name != nil {
		return *name
	}
	return ""
}

// NoteLong tells once of a command that takes so long. It needs no lock.
func (e *Engine) NoteLong(limit time.Duration) {
	began := e.since.Load()
	if began == 0 || time.Duration(e.Clock()-began) < limit || e.told.Swap(began) == began {
		return
	}
	e.Logger.Warn("a command holds up all others; this node goes on as a member of its chain", "command",
		e.Running(), "for", limit)
}

// tellEnd tells that the command that NoteLong told of has ended. It needs the lock.
func (e *Engine) tellEnd() {
	began := e.since.Load()
	if e.told.Swap(0) == began {
		took := time.Duration(e.Clock() - began)
		e.Logger.Info("the command that held up all others has ended", "command", e.Running(), "took",
			took.Round(time.Millisecond))
	}
}
