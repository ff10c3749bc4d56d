package command

import (
	"errors"
	"time"

	"holdfast/lua"
	"holdfast/resp"
)

// A script that runs for longer than busy-reply-threshold lets other clients in, as guests of the engine: they are told
// that it does, and may end it, or the node.

const busyText = "BUSY Redis is busy running a script. You can only call "

const (
	errBusyScript   = resp.Error(busyText + "SCRIPT KILL or SHUTDOWN NOSAVE.")
	errBusyFunction = resp.Error(busyText + "FUNCTION KILL or SHUTDOWN NOSAVE.")
	errKilled       = resp.Error("ERR Script killed by user with SCRIPT KILL...")
	errEnding       = resp.Error("ERR the script was ended with the node")
	errNotBusy      = resp.Error("NOTBUSY No scripts in execution right now.")
	errUnkillable   = resp.Error("UNKILLABLE Sorry the script already executed write commands against the dataset. " +
		"You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE " +
		"command.")
)

// errHalfDone is why the data of a node that ended a script is shown to nobody.
var errHalfDone = errors.New("a script that had written was ended half way, with the node")

// busyError is what clients are told.
func (r *scriptRun) busyError() error {
	if r.function {
		return errBusyFunction
	}
	return errBusyScript
}

// StretchOfScript is what OnLong is told, now and then, while a script runs.
const StretchOfScript = "stretch of a script"

// hook is called by a script every now and then.
func (r *scriptRun) hook(l *lua.State) error {
	err := r.interrupt()
	if err != nil {
		r.e.scripts.runner.NotePlace(l)
	}
	return err
}

// interrupt lets guests in when the script has run for too long, and says why it is to end. Where a log has it run, as
// older Redis's have scripts in them, nobody stands at the entrance whom it could let in.
func (r *scriptRun) interrupt() error {
	e := r.e
	if e.onLong != nil {
		e.onLong(StretchOfScript)
	}
	limit := e.Config.BusyReplyThreshold()
	if limit > 0 && r.caller != e.log && e.clock()-r.began >= limit*int64(time.Millisecond) {
		if !r.busy {
			r.busy = true
			e.Engine.LetGo()
			e.Logger.Warn("a script holds up everybody: SCRIPT KILL ends it", "script", r.name, "for",
				time.Duration(e.clock()-r.began))
		}
		changer, back := e.changer, e.Tracking.Aside()
		e.Engine.Interlude()
		e.changer = changer
		back()
	}
	switch {
	case r.killed:
		return errKilled
	case e.Engine.Stopping() || r.outlasts(e.Engine.StopsAt()):
		r.ended = true
		return errEnding
	}
	return nil
}

// outlasts reports whether a script goes on for too long on a node that is to end: one that has written may finish
// until then, one that has not only as long as it does not hold up others.
func (r *scriptRun) outlasts(then int64) bool {
	return then > 0 && (r.busy && !r.dirty || r.e.clock() >= then)
}

// ScriptTime is the time of the script that runs, in unix milliseconds: for its guests nothing expires that has not for
// it.
func (e *Env) ScriptTime() int64 { return e.scripts.run.c.Now }

// kill has the script, or the function, end that runs, unless it has written.
func (r *scriptRun) kill(function bool) error {
	switch {
	case r.caller == nil:
		return errNotBusy
	case r.dirty:
		return errUnkillable
	case r.function != function:
		return r.busyError()
	}
	r.killed = true
	return nil
}

// undo has nothing of a script that had written, and was ended half way with the node, reach anybody: it goes into no
// log, and what is here is neither shown nor saved. Nor does its client hear anything.
func (r *scriptRun) undo() {
	e := r.e
	e.Effects.Drop()
	e.Engine.DropChanges()
	e.Engine.Spoil(errHalfDone)
	r.caller.S.Abort(errHalfDone.Error())
}
