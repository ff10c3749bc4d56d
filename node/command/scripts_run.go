package command

import (
	"time"

	"holdfast/node/engine"
	"holdfast/node/programs"
	"holdfast/node/script"
	"holdfast/resp"
	"holdfast/server/session"
)

// scripts are the scripts of a node, and what runs them: one at a time.
type scripts struct {
	cache     *script.Cache
	runner    *script.Runner
	libraries *script.Libraries
	run       scriptRun
	notKept   resp.Sparing // was told of
	mayDebug  bool         // DEBUG SET-DISABLE-DENY-SCRIPTS
}

func newScripts(e *Env) *scripts {
	s := &scripts{cache: script.NewCache(&e.Store.Programs)}
	s.run.e = e
	s.runner = script.NewRunner(script.Config{
		Host: &s.run, Hook: s.run.hook, Logger: e.Logger, Seed: int32(e.Rand.Uint32()),
		Limit: e.Config.LuaMemoryLimit,
	})
	s.libraries = s.runner.NewLibraries(&e.Store.Programs)
	return s
}

// adopt has the scripts and functions be those that go with another data set.
func (s *scripts) adopt(set *programs.Set) {
	s.cache.Adopt(set)
	s.libraries.Adopt(set)
}

// code is what the libraries of functions take.
func (s *scripts) code() int64 {
	_, code := s.run.e.Store.Programs.Memory()
	return code
}

// memory is what scripts and functions take that are known.
func (s *scripts) memory() int64 { return s.cache.Memory() + s.code() }

// report writes the lines of INFO about scripts and functions.
func (s *scripts) report(r *report) {
	eval, functions := s.runner.Memory(), s.libraries.Memory()
	scripts := s.cache.Memory()
	libraries, count := s.libraries.Count()
	r.add("used_memory_lua", eval)
	r.add("used_memory_vm_eval", eval)
	r.add("used_memory_lua_human", humanBytes(eval))
	r.add("used_memory_scripts_eval", scripts)
	r.add("number_of_cached_scripts", s.cache.Len())
	r.add("number_of_functions", count)
	r.add("number_of_libraries", libraries)
	r.add("used_memory_vm_functions", functions)
	r.bytes("used_memory_vm_total", eval+functions)
	r.add("used_memory_functions", s.code())
	r.bytes("used_memory_scripts", s.memory())
}

// scriptRun is the script that runs: its commands run as those of a client of its own, which may not wait.
type scriptRun struct {
	e        *Env
	c        *Context // in which the commands run; nil: no script has run yet
	caller   *Context
	readOnly bool // it may not write
	allowOOM bool // it may take memory while that is short
	read     bool // it has read
	dirty    bool // it has written: now nothing must keep it from going on
	gated    bool
	quiet    int64

	began    int64 // by the engine's clock
	name     string
	args     [][]byte // of the command that runs it
	function bool
	busy     bool // it runs for so long that other clients are told so
	killed   bool
	ended    bool // since the node is to end
}

// flagsOf are the flags of a command as it is called: those of one that runs a script depend on the script. One that
// says nothing of itself is not held to what it may do before it does it; but what it may read must be fresh.
func (e *Env) flagsOf(cmd *Command, args [][]byte) resp.Flag {
	f := cmd.Flags
	if f&resp.RunsScript == 0 {
		return f
	}
	flags, ok := e.flagsOfScript(cmd, args)
	if !ok || flags&script.Plain != 0 {
		return f &^ resp.Stale // that a script or a function is not known is read from the data, too
	}
	f &^= resp.Stale | resp.DenyOOM | resp.Write | resp.MayReplicate
	if flags&script.AllowStale != 0 {
		f |= resp.Stale
	}
	if flags&script.NoWrites == 0 {
		f |= resp.Write
		if flags&script.AllowOOM == 0 {
			f |= resp.DenyOOM
		}
	}
	return f
}

// flagsOfScript are the flags of the script that a command runs, if it is known which one that is.
func (e *Env) flagsOfScript(cmd *Command, args [][]byte) (flags script.Flags, ok bool) {
	switch cmd.Name {
	case "fcall", "fcall_ro":
		if f := e.scripts.libraries.Find(args[1]); f != nil {
			return f.Flags, true
		}
		return 0, false
	case "eval", "eval_ro":
		if s := e.scripts.cache.FindBody(args[1]); s != nil {
			return s.Flags, true
		}
		flags, err := script.ReadFlags(args[1])
		return flags, err == nil
	}
	if s := e.scripts.cache.Find(args[1]); s != nil {
		return s.Flags, true
	}
	return 0, false
}

// runScript runs a script, and writes its reply.
func (c *Context) runScript(s *script.Script, command, keys, args [][]byte, w *resp.Writer) error {
	// Else the log stands still, or has no room for what does not wait for that: it is kept when it runs next.
	if c.Engine.Pause() == engine.NoPause && c.Engine.HasRoom() {
		if err := c.keepScript(s); err != nil {
			c.scripts.tellNotKept(c, err)
		}
	}
	if c.Engine.Gated() { // its client may take it for known; others may have made it so
		c.gate = max(c.gate, c.Engine.LastProgramsChange())
	}
	return c.run(s.SHA, command, s.Flags, false, func() script.Outcome {
		return c.scripts.runner.Eval(s, keys, args, w)
	})
}

// tellNotKept tells, not too often, that scripts run which the next master may not know by their SHA1.
func (s *scripts) tellNotKept(c *Context, err error) {
	if s.notKept.Due(time.UnixMilli(c.Now), time.Minute) {
		c.Logger.Warn("a script runs that will not be known by its SHA1 after a failover", "err", err)
	}
}

// keepScript has a script that is run be known on every member, also after a failover: it goes into the log, when it is
// not there yet, or is about to be forgotten.
func (c *Context) keepScript(s *script.Script) error {
	limit := c.Config.ScriptCacheBytes()
	if !c.Engine.Master() || c.level() < levelOfPrograms || !c.scripts.cache.Use(s, limit) {
		return nil
	}
	if levelOfPrograms > c.needs {
		if err := c.noteNeed(levelOfPrograms); err != nil {
			return err
		}
	}
	body := []byte(s.Body)
	c.scripts.cache.Keep(body, limit)
	c.Engine.ProgramsChanged()
	if !c.Engine.Lasts() {
		return nil // a snapshot has it; who reads this log knows scripts of his own, as Redis does
	}
	alone := c.Effects.Empty()
	c.Effects.Add(-1, []byte("SCRIPT"), []byte("LOAD"), body)
	if alone {
		c.Effects.Loosen()
	}
	return nil
}

// run runs a script or a function. All that it does is one execution.
func (c *Context) run(name string, args [][]byte, flags script.Flags, function bool,
	f func() script.Outcome) error {
	readOnly := c.Cmd.Flags&resp.ReadOnly != 0
	plain := flags&script.Plain != 0
	if readOnly && !plain && flags&script.NoWrites == 0 {
		return resp.Error("ERR Can not execute a script with write flag using *_ro command.")
	}
	run := &c.scripts.run
	run.begin(c, name, args)
	run.function = function
	run.readOnly = readOnly || !plain && flags&script.NoWrites != 0
	run.allowOOM = !plain && flags&script.AllowOOM != 0
	cmd := c.Cmd
	out := f()
	run.end()
	for _, text := range out.Errors {
		c.Stats.Error(text)
	}
	if out.Failed && len(out.Errors) == 0 {
		c.statOf(cmd).Failed++ // its error was counted where it came from
	}
	return nil
}

// begin gives the script's commands what they are to know of the client that runs it.
func (r *scriptRun) begin(c *Context, name string, args [][]byte) {
	if r.c == nil {
		s := session.New(0, "", "", r.e.Started, func() {})
		s.W.Pieces, s.Authenticated = false, true
		r.c = r.e.NewContext(s)
		r.c.InExec, r.c.scripted = true, true
	}
	r.name, r.args, r.read = name, args, false
	r.caller, r.dirty, r.busy, r.killed, r.ended, r.began = c, false, false, false, false, r.e.clock()
	r.gated, r.quiet = r.e.Engine.Gated(), r.e.unobserved()
	s, of := r.c.S, c.S
	s.ID, s.Addr, s.LocalAddr, s.Name, s.User, s.DB = of.ID, of.Addr, of.LocalAddr, of.Name, of.User, of.DB
	s.NoTouch, s.ImportSource, s.Tracking = of.NoTouch, of.ImportSource, of.Tracking
	r.c.Now, r.c.Confirmation = c.Now, c.Confirmation
	r.c.Begin()
}

// end has the client wait for what its script has seen.
func (r *scriptRun) end() {
	if r.c.revealed {
		r.caller.revealed = true
		r.caller.gate = max(r.caller.gate, r.c.gate)
	}
	if r.read && r.caller.S.Tracking != nil {
		r.e.remember(r.caller, r.caller.Cmd, r.args) // as Redis does; what it has read is remembered anyhow
	}
	if r.ended && r.dirty {
		r.undo()
	}
	r.caller, r.c.S.Tracking, r.busy, r.args = nil, nil, false, nil
	if cap(r.c.S.W.Buf) > maxScriptReply {
		r.c.S.W.Buf = nil
	}
}

// maxScriptReply bounds the buffer for replies to scripts that is kept.
const maxScriptReply = 64 << 10

// Call runs a command of the script.
func (r *scriptRun) Call(args [][]byte, proto int, check bool) (reply []byte, err error) {
	e, c := r.e, r.c
	cmd, err := e.table.Lookup(args)
	if check {
		if e.table.Find(args) == nil {
			return nil, err
		}
		return nil, nil
	}
	if err != nil {
		if cmd = e.table.Find(args); cmd == nil {
			err = resp.Error("ERR Unknown Redis command called from script")
		} else {
			err = resp.Error("ERR Wrong number of args calling Redis command from script")
		}
	} else if !r.mayDebug(args) {
		err = r.admit(cmd)
	}
	if err != nil {
		e.Stats.Error(replyText(err))
		if cmd != nil {
			e.statOf(cmd).Rejected++
			e.accounted = e.Stats.ErrorReplies
		}
		return nil, err
	}
	c.DB = e.Store.DB(c.S.DB)
	c.S.W.Truncate(0)
	c.S.W.Proto = proto
	r.read = r.read || cmd.Flags&resp.ReadOnly != 0
	e.Engine.Tick = e.clock()
	e.call(c, cmd, args, r.gated, r.quiet)
	if !quick(cmd) {
		e.Engine.Runs(r.caller.Cmd.FullNameRef())
	}
	return c.S.W.Buf, nil
}

// duringScripts are the conditions for which a script's first write is refused; others were looked at before it began.
const duringScripts = replicaReadOnly | fewReplicas | saveFailed | writeFailed

// mayDebug is true for DEBUG PROTOCOL and DEBUG SLEEP after DEBUG SET-DISABLE-DENY-SCRIPTS 1. In Redis a script may run
// everything then; what else it could run here could wait, or change what the script stands on.
func (r *scriptRun) mayDebug(args [][]byte) bool {
	return r.e.scripts.mayDebug && len(args) == 3 && isWord(args[0], "debug") &&
		(isWord(args[1], "protocol") || isWord(args[1], "sleep"))
}

// admit says why a script may not run a command now.
func (r *scriptRun) admit(cmd *Command) error {
	f, held := cmd.Flags, r.caller.held
	if f&(resp.NoScript|resp.Write|resp.MayReplicate|resp.DenyOOM) == 0 && held&stale == 0 && cmd.Level == 0 {
		return nil
	}
	switch {
	case f&resp.NoScript != 0:
		return resp.Error("ERR This Redis command is not allowed from script")
	case held&stale != 0 && f&resp.Stale == 0:
		return resp.Error("ERR Can not execute the command on a stale replica")
	case cmd.Level > 0 && cmd.Level > r.e.level():
		return r.e.explain(levelTooLow, cmd, cmd.Level)
	case r.readOnly && f&(resp.Write|resp.MayReplicate) != 0:
		return resp.Error("ERR Write commands are not allowed from read-only scripts.")
	}
	if !r.dirty {
		if rule := decide(resp.Write, held&duringScripts); rule != nil && f&resp.Write != 0 {
			if rule.err != nil {
				return rule.err
			}
			return r.e.explain(rule.while, cmd, cmd.Level)
		}
		if held&memoryShort != 0 && f&resp.DenyOOM != 0 && !r.allowOOM {
			return ErrOOM
		}
	}
	if f&resp.Write == 0 {
		return nil
	}
	if cmd.Level > r.e.needs {
		if err := r.e.noteNeed(cmd.Level); err != nil {
			return err
		}
	}
	r.dirty = true
	return nil
}
