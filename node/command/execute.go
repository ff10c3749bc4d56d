package command

import (
	"errors"
	"strings"
	"time"

	"holdfast/node/session"
	"holdfast/resp"
)

// errSentAway ends a connection without a reply: a client that came back to a master that was deposed a moment ago, before
// anybody could tell it of the new one, is to look again, not to fail with an error; so are the readers of a node that stops.
var errSentAway = errors.New("clients are sent away from a node that was deposed or stops")

// Outcome says what became of a command that was handed to Execute.
type Outcome int

// The outcomes.
const (
	Done        Outcome = iota // it ran, was queued, or was refused; the reply is written
	Deferred                   // clients are paused: it must be handed in again later
	Unconfirmed                // the chain must confirm that it stands, then it must be handed in again
)

// errUnconfirmed is admit's way to say Unconfirmed.
var errUnconfirmed = errors.New("the chain has to confirm that it stands")

// NewContext is the context in which s's commands run; the node sets Now before each.
func (e *Env) NewContext(s *session.Session) *Context {
	return &Context{Env: e, S: s, DB: e.Store.DB(s.DB)}
}

// Execute runs one command of a client: the one way in. In this order: the row is looked up, the client's right to call it
// is checked (authentication, role, state, subscription), a pause or a chain that has to confirm may defer it, an open MULTI queues it, and only then it runs.
// What Admit has seen to for a whole pipeline runs at once.
func (e *Env) Execute(c *Context, args [][]byte) Outcome {
	if c.admitted != 0 {
		cmd, err := e.table.Lookup(args)
		if err == nil && cmd.Flags&c.admitted != 0 && e.withinMemory(c.maxMemory) {
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
	if e.EvictClients(); s.Aborted() {
		return nil, Done // it was itself too large
	}
	cmd, err := e.table.Lookup(args)
	if err == nil {
		err = e.admit(c, cmd, args)
	} else {
		cmd = e.table.ByName(args[0]) // known, perhaps, but with a wrong number of arguments
	}
	e.LimitTracking()
	if err != nil {
		if errors.Is(err, errUnconfirmed) {
			return cmd, Unconfirmed
		}
		e.refuse(c, cmd, args, err)
		return cmd, Done
	}
	if e.paused(c, cmd) {
		return cmd, Deferred
	}
	if s.Reply == session.ReplySkipNext && cmd.FullName() != "client|reply" {
		s.Reply = session.ReplySkip
	}
	mark := len(w.Buf)
	silent := s.Reply != session.ReplyOn
	if silent {
		s.Mute()
	}
	if s.Tx != nil && !runsInMulti(cmd) {
		queueCommand(s, cmd, args)
		w.Simple("QUEUED")
	} else {
		e.changer = s.ID
		e.tracking.Begin(s.ID)
		e.Call(c, cmd, args)
		e.changer = 0
	}
	if s.Reply != session.ReplyOn {
		w.Buf = w.Buf[:mark]
		if s.Reply == session.ReplySkip {
			s.Reply = session.ReplyOn
		}
	}
	if silent {
		s.Unmute()
	}
	e.tracking.Finish()
	return cmd, Done
}

// Call runs a command that was admitted, and passes on what it changed.
func (e *Env) Call(c *Context, cmd *Command, args [][]byte) {
	e.call(c, cmd, args, e.Node.Gated(), observeAll)
}

// call is Call, told whether the node is gated, and for how many nanoseconds a command may take that nobody who looks on is shown.
func (e *Env) call(c *Context, cmd *Command, args [][]byte, gated bool, quiet int64) {
	start := e.tick
	outer := c.Cmd
	c.Cmd, c.Dirty, c.replaced = cmd, 0, false
	err := cmd.Run(c, args, &c.S.W)
	if gated && cmd.Flags&onData != 0 {
		c.reveal(cmd, args)
	}
	if cmd.Flags&resp.Write != 0 && c.Dirty > 0 && !c.replaced {
		e.Effects.Add(c.DB.Index(), args...)
	}
	if cmd.Flags&resp.TouchesArbitraryKeys != 0 && !c.InExec {
		e.Effects.Loosen() // keys that it happened upon and found expired have nothing to do with each other
	}
	if cmd.Flags&resp.ReadOnly != 0 && c.S.Tracking != nil {
		e.remember(c, cmd, args)
	}
	c.Cmd = outer
	stat := e.statOf(cmd)
	stat.Calls++
	e.tick = e.clock()
	took := e.tick - start
	stat.nanos += took
	blocked := c.S.Blocked() != nil
	if !blocked {
		stat.Latency.Observe(time.Duration(took))
	}
	if took > quiet || blocked || len(c.redacted) > 0 {
		e.observe(c, cmd, args, time.Duration(took))
	}
	if err != nil {
		stat.Failed++
		c.fail(err)
	}
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
	if cmd != nil && cmd.Name == "exec" {
		// What is wrong with EXEC itself ends the transaction, and says why.
		e.discard(c.S)
		if len(e.monitors) > 0 {
			e.feedMonitors(c, args) // they saw MULTI, and none of what was queued
		}
		err = resp.Error("EXECABORT Transaction discarded because of: " + dropPrefix(replyText(err)))
	}
	mark := len(c.S.W.Buf)
	c.fail(err)
	if c.S.Reply == session.ReplyOff {
		c.S.W.Buf = c.S.W.Buf[:mark]
	}
}

func dropPrefix(text string) string {
	if len(text) > 4 && text[:4] == "ERR " {
		return text[4:]
	}
	return text
}

// admit says whether the client may run the command now, in Redis's order of checks.
func (e *Env) admit(c *Context, cmd *Command, args [][]byte) error {
	s, f := c.S, cmd.Flags
	if f&resp.Protected != 0 && !e.Config.EnableDebugCommand(isLocal(s)) {
		return errNoDebug
	}
	if !s.Authenticated && f&resp.NoAuth == 0 {
		if e.Config.RequirePass() != "" {
			return ErrNoAuth
		}
		s.Authenticated = true
	}
	if s.Tx != nil && f&resp.NoMulti != 0 {
		return ErrNoMulti
	}
	if e.Config.MaxMemory() > 0 && e.Evict(c.Now) == memoryFull && deniedWithoutMemory(s, cmd) {
		return ErrOOM
	}
	if cmd.Name == "exec" && s.Tx != nil { // it is what was queued
		f = (f | s.Tx.Any) &^ (s.Tx.Missing & (resp.Stale | resp.Loading))
	}
	write := f&resp.Write != 0
	if !e.Node.IsMaster() {
		fresh := Fresh
		if f&resp.Stale == 0 && !e.pingInGroup(cmd) {
			fresh = e.Node.Freshness(c.Confirmation)
		}
		queued := s.Tx != nil && !runsInMulti(cmd) // EXEC will see to it
		switch {
		case (write || fresh != Fresh) && e.Node.SendsAway():
			return errSentAway
		case write && e.Config.ReplicaReadOnly():
			return ErrReadOnly
		case fresh == Stale:
			return ErrMasterDown
		case fresh == Unknown && !queued && !passesPause(cmd):
			return errUnconfirmed
		}
	} else if write && e.tooFewReplicas() {
		return ErrNoReplicas
	}
	if write || cmd.Name == "ping" {
		if e.Node.IsMaster() && e.Node.SaveFailed() {
			return ErrSaveFailed
		}
		if err := e.Node.WriteError(); err != nil && e.Node.IsMaster() {
			return resp.Error("MISCONF Errors writing to the AOF file: " + err.Error())
		}
	}
	if s.InPubSub() && s.W.Proto < 3 && f&resp.PubSub == 0 && !allowedInPubSub(cmd) {
		return resp.Error("ERR Can't execute '" + cmd.FullName() + "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context")
	}
	if e.Node.Loading() && f&resp.Loading == 0 {
		return ErrLoading
	}
	if s.Monitor && f&(resp.Write|resp.ReadOnly|resp.MayReplicate) != 0 {
		return resp.Error("ERR Replica can't interact with the keyspace")
	}
	return nil
}

// deniedWithoutMemory names what is refused when nothing can be evicted: commands that would take more memory, and queueing any.
func deniedWithoutMemory(s *session.Session, cmd *Command) bool {
	if s.Tx != nil {
		switch cmd.Name {
		case "exec":
			return s.Tx.Any&resp.DenyOOM != 0
		case "discard", "quit", "reset":
			return false
		}
		return true
	}
	return cmd.Flags&resp.DenyOOM != 0
}

// pingInGroup: a member of a group answers PING whatever its place, to health checks and to the next in the chain.
func (e *Env) pingInGroup(cmd *Command) bool { return cmd.Name == "ping" && len(e.Config.Join()) > 0 }

func allowedInPubSub(cmd *Command) bool {
	switch cmd.FullName() {
	case "ping", "quit", "reset", "subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ssubscribe", "sunsubscribe":
		return true
	}
	return false
}

// tooFewReplicas: min-replicas-to-write counts replicas that acknowledged within min-replicas-max-lag.
func (e *Env) tooFewReplicas() bool {
	need, lag := e.Config.MinReplicasToWrite(), e.Config.MinReplicasMaxLag()
	return need > 0 && lag > 0 && e.Node.GoodReplicas(int64(lag)) < need
}

// paused reports whether CLIENT PAUSE (or a handover) holds the command back.
func (e *Env) paused(c *Context, cmd *Command) bool {
	until, kind := e.Node.PauseState()
	if until.IsZero() || c.S.Monitor {
		return false
	}
	if kind != PauseWrites {
		return !passesPause(cmd) && (kind != PauseDrain || !passesDrain(cmd))
	}
	f := cmd.Flags
	if cmd.Name == "exec" && c.S.Tx != nil {
		f |= c.S.Tx.Any
	}
	return f&(resp.Write|resp.MayReplicate) != 0
}

// passesPause names what neither a pause nor a missing confirmation holds back: it must be possible to stop a node, and to copy from it.
func passesPause(cmd *Command) bool {
	switch cmd.Name {
	case "shutdown", "replconf", "psync", "sync":
		return true
	}
	return false
}

// passesDrain names what comes before REPLCONF when a member links to the one that drains: without its acknowledgement nothing gets
// committed, and the drain would not end.
func passesDrain(cmd *Command) bool {
	switch cmd.Name {
	case "ping", "auth":
		return true
	}
	return false
}

// PauseKind is what a pause holds back.
type PauseKind int

// The kinds of pauses.
const (
	PauseWrites PauseKind = iota // CLIENT PAUSE WRITE: what changes data
	PauseAll                     // CLIENT PAUSE: everything but what is needed to stop the node and to copy from it
	PauseDrain                   // a handover: as PauseAll, but members can link
)

// runsInMulti names the commands that are not queued.
func runsInMulti(cmd *Command) bool {
	switch cmd.FullName() {
	case "exec", "discard", "multi", "watch", "quit", "reset":
		return true
	}
	return false
}

// ApplyEffect runs a command from the predecessor's log, as it stands: no checks, no reply, no lazy expiry.
func (e *Env) ApplyEffect(c *Context, args [][]byte) error {
	cmd, err := e.table.Lookup(args)
	if err != nil {
		return err
	}
	c.DB = e.Store.DB(c.S.DB)
	e.noteTime(c.Now)
	c.Cmd, c.Dirty, c.Apply = cmd, 0, true
	err = cmd.Run(c, args, &c.S.W)
	c.S.W.Buf = c.S.W.Buf[:0]
	e.Effects.Drop()
	return err
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
func (e *Env) clock() int64 { return int64(time.Since(e.base)) }
