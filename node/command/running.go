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
	e.Engine.Runs(cmd.FullNameRef())
	if e.onLong != nil {
		e.onLong(cmd.FullName())
	}
}
