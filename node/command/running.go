package command

import "holdfast/resp"

// quick reports whether the time that a command takes does not depend on how much data there is, only on the length of
// the command itself.
func quick(cmd *Command) bool {
	if cmd.Flags&resp.Fast != 0 {
		return true
	}
	switch cmd.Name {
	case "set", "del", "mset":
		return true
	}
	return false
}

// mayTakeLong notes which command is about to run.
func (e *Env) mayTakeLong(cmd *Command) {
	e.running.Store(cmd)
	if e.onLong != nil {
		e.onLong(cmd.FullName())
	}
}

// Running names the command that is running, or ran last in this turn, if it is one that may take long; "" when there
// is none. It needs no lock.
func (e *Env) Running() string {
	if cmd := e.running.Load(); cmd != nil {
		return cmd.FullName()
	}
	return ""
}
