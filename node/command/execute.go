package command

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"holdfast/node/engine"
	"holdfast/resp"
	"holdfast/server"
	"holdfast/server/session"
)

// errSentAway ends a connection without a reply: a client that came back to a master that was deposed a moment ago,
// before anybody could tell it of the new one, is to look again, not to fail with an error; so are the readers of a
// node that stops.
var errSentAway = errors.New("clients are sent away from a node that was deposed or stops")

// Outcome says what became of a command that was handed to Execute.
type Outcome int

// The outcomes.
const (
	Done        Outcome = iota // it ran, was queued, or was refused; the reply is written
	Deferred                   // clients are paused: it must be handed in again later
	Unconfirmed                // the chain must confirm that it stands, then it must be handed in again
)

// NewContext is the context in which s's commands run; the node sets Now before each.
func (e *Env) NewContext(s *session.Session) *Context {
	return &Context{Env: e, S: s, DB: e.Store.DB(s.DB)}
}

// Execute runs one command of a client: the one way in. In this order: the row is looked up, the client's right to call
// it is checked (authentication, role, state, subscription), a pause or a chain that has to confirm may defer it, an
// open MULTI queues it, and only then it runs. What Admit has seen to for a whole pipeline runs at once.
func (e *Env) Execute(c *Context, args [][]byte) Outcome {
	if c.admitted != 0 {
		cmd, err := e.table.Lookup(args)
		if err == nil && cmd.Flags&c.admitted != 0 && cmd.Flags&resp.RunsScript == 0 && cmd.Level <= c.upTo &&
			(cmd.Flags&resp.MayReplicate == 0 || c.admitted&resp.Write != 0) && e.withinMemory(c.maxMemory) {
			e.call(c, cmd, args, c.gated, c.quiet)
			return Done
		}
	}
	cmd, outcome := e.execute(c, args)
	if cmd == nil || cmd.Flags&onData == 0 {
		e.Admit(c) // what that went by may have changed
	}
	if t := c.S.Tracking; t != nil && t.Caching && outcome == Done && c.S.Tx == nil &&
		(cmd == nil || !strings.HasPrefix(cmd.FullName(), "client|")) {
		t.Caching = false // it was said of one command, or of one transaction
	}
	return outcome
}

func (e *Env) execute(c *Context, args [][]byte) (*Command, Outcome) {
	s, w := c.S, &c.S.W
	c.DB = e.Store.DB(s.DB)
	e.noteTime(c.Now)
	if e.LimitClients(); s.Aborted() {
		return nil, Done // it was itself too large
	}
	cmd, err := e.table.Lookup(args)
	var flags resp.Flag
	switch {
	case s.Standing != session.Client && !server.MayStay(e.Server, s, cmd, isOfMembers(cmd), e.Config.RequirePass(),
		args):
		e.Reject(s)
		return nil, Done
	case err == nil:
		flags = e.flagsOf(cmd, args)
		err = e.admit(c, cmd, flags)
	case resp.IsHTTP(args):
		if e.warnedOfHTTP.Due(time.UnixMilli(c.Now), time.Minute) {
			e.Logger.Warn(resp.HTTPWarning, "addr", s.Addr)
		}
		s.Abort("it speaks HTTP")
		return nil, Done
	default:
		cmd = e.table.Find(args) // known, perhaps, but with a wrong number of arguments
	}
	e.LimitTracking()
	switch {
	case err == nil:
	case errors.Is(err, engine.ErrUnconfirmed):
		return cmd, Unconfirmed
	case errors.Is(err, engine.ErrPaused):
		return cmd, Deferred
	default:
		e.refuse(c, cmd, args, err)
		return cmd, Done
	}
	reply := s.BeginReply(cmd.FullName())
	if s.Tx != nil && cmd.Flags&resp.NotQueued == 0 {
		queueCommand(s, cmd, flags, args)
		w.Simple("QUEUED")
	} else {
		e.changer = s.ID
		e.Tracking.Begin(s.ID)
		e.Call(c, cmd, args)
		e.changer = 0
	}
	s.EndReply(reply)
	e.Tracking.Finish()
	return cmd, Done
}

// Call runs a command that was admitted, and passes on what it changed.
func (e *Env) Call(c *Context, cmd *Command, args [][]byte) {
	e.call(c, cmd, args, e.Engine.Gated(), observeAll)
}

// call is Call, told whether the node is gated, and for how many nanoseconds a command may take that nobody who looks
// on is shown.
func (e *Env) call(c *Context, cmd *Command, args [][]byte, gated bool, quiet int64) {
	start := e.Engine.Tick
	if !quick(cmd) {
		e.mayTakeLong(cmd)
	}
	outer := c.Cmd
	c.Cmd, c.Dirty, c.replaced = cmd, 0, false
	e.accounted = e.Stats.ErrorReplies
	err := cmd.Run(c, args, &c.S.W)
	if gated && cmd.Flags&onData != 0 {
		c.reveal(cmd, args)
	}
	if cmd.Flags&resp.Write != 0 && c.Dirty > 0 && !c.replaced {
		e.Effects.AddLasting(c.DB.Index(), args)
	}
	if cmd.Flags&resp.TouchesArbitraryKeys != 0 && !c.InExec {
		e.Effects.Loosen() // keys that it happened upon and found expired have nothing to do with each other
	}
	if cmd.Flags&(resp.ReadOnly|resp.RunsScript) == resp.ReadOnly && c.S.Tracking != nil {
		e.remember(c, cmd, args)
	}
	c.Cmd = outer
	stat := e.statOf(cmd)
	stat.Calls++
	e.Engine.Tick = e.clock()
	took := e.Engine.Tick - start
	stat.nanos += took
	blocked := c.S.Blocked() != nil
	if !blocked {
		stat.Latency.Observe(time.Duration(took))
	}
	if took > quiet || blocked || len(c.call.Secret) > 0 {
		e.observe(c, cmd, args, time.Duration(took))
	}
	if err != nil {
		c.fail(err)
	}
	if e.Stats.ErrorReplies > e.accounted { // its own, or others' that it caused
		stat.Failed++
	}
	e.accounted = e.Stats.ErrorReplies
	e.Stats.Commands++
	c.S.Commands++
	c.S.LastCommand = cmd.FullName()
}

// fail writes an error reply and counts it.
func (c *Context) fail(err error) {
	c.Stats.Error(replyText(err))
	c.S.W.Error(err)
}

func replyText(err error) string {
	if e, ok := errors.AsType[resp.Error](err); ok {
		return string(e)
	}
	return "ERR " + err.Error()
}

// refuse answers a command that may not run. Inside MULTI it spoils the transaction.
func (e *Env) refuse(c *Context, cmd *Command, args [][]byte, err error) {
	if errors.Is(err, errSentAway) {
		c.S.Abort(err.Error())
		return
	}
	if cmd != nil {
		e.statOf(cmd).Rejected++
	}
	if c.S.Tx != nil {
		c.S.Tx.Aborted = true
	}
	if cmd != nil && cmd.Flags&resp.RunsQueued != 0 {
		// What is wrong with EXEC itself ends the transaction, and says why.
		e.discard(c.S)
		if len(e.monitors) > 0 {
			e.feedMonitors(c, args) // they saw MULTI, and none of what was queued
		}
		err = resp.Error("EXECABORT Transaction discarded because of: " + dropPrefix(replyText(err)))
	}
	mark := c.S.W.Len()
	c.fail(err)
	if c.S.Reply == session.ReplyOff {
		c.S.W.Truncate(mark)
	}
}

func dropPrefix(text string) string {
	if len(text) > 4 && text[:4] == "ERR " {
		return text[4:]
	}
	return text
}

// NewLogContext is a context in which a log's commands run: its session is nobody's.
func (e *Env) NewLogContext() *Context {
	s := session.New(0, "", "", e.Started, func() {})
	s.Authenticated = true
	c := e.NewContext(s)
	c.Apply = true
	return c
}

// ApplyEffect executes a command from a log, as it stands: no checks, no reply, no lazy expiry. With onlyQuick one that
// may take long is left, and engine.ErrMayTakeLong the answer.
func (e *Env) ApplyEffect(c *Context, args [][]byte, onlyQuick bool) error {
	cmd, err := e.logged(args)
	if err == nil {
		switch cmd.Name {
		case "multi", "exec", "ping", "replconf":
			return nil // it changes nothing
		}
		err = e.applyEffect(c, cmd, args, onlyQuick)
	}
	if err != nil {
		return fmt.Errorf("applying %q: %w", Word(args[0]), err)
	}
	return nil
}

func (e *Env) applyEffect(c *Context, cmd *Command, args [][]byte, onlyQuick bool) error {
	if !quick(cmd) {
		if onlyQuick {
			return engine.ErrMayTakeLong
		}
		e.mayTakeLong(cmd)
	}
	if cmd.Level > e.needs {
		if err := e.need(cmd.Level); err != nil {
			return err
		}
		e.needs = cmd.Level
	}
	c.DB = e.Store.DB(c.S.DB)
	e.noteTime(c.Now)
	c.Cmd, c.Dirty, c.Apply = cmd, 0, true
	err := cmd.Run(c, args, &c.S.W)
	c.S.W.Truncate(0)
	e.Effects.Drop()
	return err
}

// Appends reports whether a client's command may add to the log. It needs no lock.
func (e *Env) Appends(args [][]byte) bool {
	cmd, err := e.table.Lookup(args)
	return err == nil && (cmd.Level > 0 || cmd.Flags&(resp.Write|resp.MayReplicate|resp.RunsQueued) != 0)
}

// Knows is the feature level that a command of a log needs, or why it can't be executed here whatever the data is. It
// needs no lock.
func (e *Env) Knows(args [][]byte) (level int, err error) {
	cmd, err := e.logged(args)
	if err != nil {
		return 0, err
	}
	return cmd.Level, nil
}

// logged is a command of a log. One that is not known was known to who wrote it.
func (e *Env) logged(args [][]byte) (*Command, error) {
	cmd, err := e.table.Lookup(args)
	if err != nil {
		return nil, fmt.Errorf("%w: it is of a newer version of Holdfast, or of another server", err)
	}
	return cmd, nil
}

func (e *Env) statOf(cmd *Command) *CommandStat {
	rows := e.Stats.byRow
	if rows == nil {
		rows = make([]*CommandStat, e.table.Len())
		e.Stats.byRow = rows
	}
	st := rows[cmd.Place()]
	if st == nil {
		st = &CommandStat{}
		rows[cmd.Place()] = st
		e.Stats.PerCommand[cmd.FullName()] = st
	}
	return st
}

// clock is monotonic, in nanoseconds.
func (e *Env) clock() int64 { return e.Engine.Clock() }
