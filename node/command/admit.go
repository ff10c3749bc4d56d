package command

import (
	"fmt"
	"time"

	"holdfast/node/engine"
	"holdfast/node/member"
	"holdfast/resp"
	"holdfast/server"
	"holdfast/server/session"
)

// condition is something about the client, the node or the command for which some commands don't run now.
type condition uint32

const (
	debugOff condition = 1 << iota
	unauthenticated
	inMulti
	redirected         // the client goes to the master when it is told where that is
	redirectedReads    // and has not said READONLY
	memoryShort        // nothing can be evicted
	memoryShortInMulti // the same, in a transaction
	levelTooLow        // not all members of the group understand the command yet
	sentAway
	sentAwayUnsure // the same, and what is here may be old
	replicaReadOnly
	busy // a script runs for too long
	stale
	unconfirmed
	fewReplicas
	saveFailed
	writeFailed
	subscribed
	loading
	monitoring
	pausedWrites
	pausedAll
	draining
)

// rule says which commands don't run while a condition holds: those with one of the flags in only, if there are any,
// unless they have one of those in but.
type rule struct {
	while condition
	only  resp.Flag
	but   resp.Flag
	err   error // nil: explain knows it
}

// admissionPolicy is all that stands between a command and its execution, in Redis's order of checks: the first rule
// that applies decides. A command is known by the flags of its row alone. What engine answers is no refusal: the
// command is to be handed in again.
var admissionPolicy = []rule{
	{while: debugOff, only: resp.Protected, err: errNoDebug},
	{while: unauthenticated, but: resp.NoAuth, err: ErrNoAuth},
	{while: inMulti, only: resp.NoMulti, err: ErrNoMulti},
	{while: redirected, only: resp.Write},
	{while: redirectedReads, only: resp.ReadOnly | resp.RunsScript},
	{while: memoryShort, only: resp.DenyOOM, err: ErrOOM},
	{while: memoryShortInMulti, but: resp.EndsMulti, err: ErrOOM},
	{while: levelTooLow},
	{while: sentAway, only: resp.Write, err: errSentAway},
	{while: sentAwayUnsure, but: resp.Stale, err: errSentAway},
	{while: replicaReadOnly, only: resp.Write, err: ErrReadOnly},
	{while: busy, but: resp.AllowBusy},
	{while: stale, but: resp.Stale, err: ErrMasterDown},
	{while: unconfirmed, but: resp.Stale | resp.PassesPause | resp.AllowBusy, err: engine.ErrUnconfirmed},
	{while: fewReplicas, only: resp.Write, err: ErrNoReplicas},
	{while: saveFailed, only: resp.Write | resp.Probe, err: ErrSaveFailed},
	{while: writeFailed, only: resp.Write | resp.Probe},
	{while: subscribed, but: resp.WhileSubscribed},
	{while: loading, but: resp.Loading, err: resp.ErrLoading},
	{while: monitoring, only: resp.Write | resp.ReadOnly | resp.MayReplicate,
		err: resp.Error("ERR Replica can't interact with the keyspace")},
	{while: pausedWrites, only: resp.Write | resp.MayReplicate, err: engine.ErrPaused},
	{while: pausedAll, but: resp.PassesPause, err: engine.ErrPaused},
	{while: draining, but: resp.PassesPause | resp.PassesDrain, err: engine.ErrPaused},
}

// decide is the first rule that keeps commands with such flags from running while such conditions hold; nil: there is
// none.
func decide(f resp.Flag, hold condition) *rule {
	for i := range admissionPolicy {
		r := &admissionPolicy[i]
		if hold&r.while != 0 && (r.only == 0 || f&r.only != 0) && f&r.but == 0 {
			return r
		}
	}
	return nil
}

// admit says whether the client may run the command, which has such flags, now.
func (e *Env) admit(c *Context, cmd *Command, f resp.Flag) error {
	s, level := c.S, cmd.Level
	hold := e.conditions(c)
	if f&resp.Protected != 0 && !e.Config.EnableDebugCommand(s.IsLocal()) {
		hold |= debugOff
	}
	if f&resp.RunsQueued != 0 && s.Tx != nil { // it is what was queued
		f |= s.Tx.Any & (resp.Write | resp.ReadOnly | resp.DenyOOM | resp.MayReplicate | resp.RunsScript)
		f &^= s.Tx.Missing & (resp.Stale | resp.Loading)
		level = s.Tx.Level
	}
	if hold&busy != 0 { // who could let it go on would have to wait for the script, which it may be about to end
		hold &^= pausedWrites | pausedAll | draining
	}
	queued := s.Tx != nil && f&resp.NotQueued == 0
	if queued { // EXEC will see to it
		hold &^= unconfirmed
	}
	if f&resp.Probe != 0 && len(e.Config.Join()) > 0 {
		f |= resp.Stale // health checks, and the next in the chain, ask whatever the place in it
	}
	if hold&(unauthenticated|busy) == 0 && e.Config.MaxMemory() > 0 && e.Evict(c.Now) == memoryFull {
		if hold |= memoryShort; s.Tx != nil {
			hold |= memoryShortInMulti
		}
	}
	if level > 0 && level > e.level() {
		hold |= levelTooLow
	}
	if level == levelOfPrograms && hold&pausedWrites != 0 {
		f |= resp.MayReplicate // which scripts are known is in the log, although no row of Redis says so
	}
	if c.held = hold; f&resp.RunsScript != 0 && hold&busy == 0 {
		if err := scriptHeld(f, hold); err != nil {
			return err
		}
	}
	if r := decide(f, hold); r != nil {
		if r.err != nil {
			return r.err
		}
		return e.explain(r.while, cmd, level)
	}
	if f&resp.NoAuth == 0 {
		s.Authenticated = true // also where nobody has to say who he is
	}
	if f&resp.Write != 0 && level > e.needs && !queued {
		return e.noteNeed(level)
	}
	return nil
}

// scriptHeld is what holds a script back although it may run where what is read may be old: where the chain can still
// say that it isn't, it is asked; and one that may write is for the master.
func scriptHeld(f resp.Flag, hold condition) error {
	switch {
	case hold&sentAway != 0 && f&resp.MayReplicate != 0:
		return errSentAway
	case hold&unconfirmed != 0 && f&resp.Stale != 0:
		return engine.ErrUnconfirmed
	}
	return nil
}

// Refuses says why the node answers no reads, or no writes, whoever asks: the part of admission that is about no
// client.
func (e *Env) Refuses(write bool) error {
	f, hold := resp.ReadOnly, condition(0)
	if e.Engine.Master() {
		hold = e.masterConditions()
	} else {
		hold = e.replicaConditions(member.Confirmation{})
	}
	if write {
		f = resp.Write | resp.DenyOOM
		if e.Config.MaxMemory() > 0 && e.Evict(e.Engine.Now().UnixMilli()) == memoryFull {
			hold |= memoryShort
		}
	}
	switch r := decide(f, hold); {
	case r == nil:
		return nil
	case r.err != nil:
		return r.err
	default:
		return e.explain(r.while, nil, 0)
	}
}

// explain is the refusal for a condition of which there is more to say.
func (e *Env) explain(hold condition, cmd *Command, level int) error {
	switch hold {
	case levelTooLow:
		return resp.Error(fmt.Sprintf(
			"ERR '%s' needs feature level %d, and this group is of level %d: holdfast status says who holds it back",
			cmd.FullName(), level, e.level()))
	case redirected, redirectedReads:
		return e.redirection()
	case busy:
		return e.scripts.run.busyError()
	case writeFailed:
		return resp.Error("MISCONF Errors writing to the AOF file: " + e.Persist.WriteError().Error())
	}
	return server.ErrInPubSub(cmd.FullName())
}

// redirection sends a client to the master, which is known to be elsewhere.
func (e *Env) redirection() error {
	host, port := e.Replication.MasterAddr()
	return resp.Error(fmt.Sprintf("REDIRECT %s:%d", host, port))
}

// noteNeed notes that the data are about to need a feature level.
func (e *Env) noteNeed(level int) error {
	if err := e.need(level); err != nil {
		return resp.Error("ERR it can't be noted that the data need a newer version: " + err.Error())
	}
	e.needs = level
	return nil
}

// conditions are those that hold for the client and the node, whatever the command is.
func (e *Env) conditions(c *Context) (hold condition) {
	s := c.S
	if !s.Authenticated && e.Config.RequirePass() != "" {
		hold |= unauthenticated
	}
	if s.Tx != nil {
		hold |= inMulti
	}
	if s.Redirects {
		if master, _ := e.Replication.MasterAddr(); master != "" {
			if hold |= redirected; !s.ReadOnly {
				hold |= redirectedReads
			}
		}
	}
	if s.InPubSub() && s.W.Proto < 3 {
		hold |= subscribed
	}
	if s.Monitor {
		hold |= monitoring
	}
	if e.Engine.Loading() {
		hold |= loading
	}
	if e.scripts.run.busy {
		hold |= busy
	}
	if e.Engine.Master() {
		hold |= e.masterConditions()
	} else {
		hold |= e.replicaConditions(c.Confirmation)
	}
	if s.Monitor { // it is not held back
		return hold
	}
	switch e.Engine.Pause() {
	case engine.PauseWrites:
		hold |= pausedWrites
	case engine.PauseAll:
		hold |= pausedAll
	case engine.PauseDrain:
		hold |= draining
	}
	return hold
}

// masterConditions are those for which a master refuses writes.
func (e *Env) masterConditions() (hold condition) {
	if e.tooFewReplicas() {
		hold |= fewReplicas
	}
	if e.Persist.SaveFailed() {
		hold |= saveFailed
	}
	if e.Persist.WriteError() != nil {
		hold |= writeFailed
	}
	return hold
}

// replicaConditions are those for which a replica does not answer.
func (e *Env) replicaConditions(said member.Confirmation) (hold condition) {
	switch e.Replication.Freshness(said) {
	case member.Stale:
		hold |= stale
	case member.Unknown:
		hold |= unconfirmed
	}
	if e.Replication.SendsAway() {
		if hold != 0 {
			hold |= sentAwayUnsure
		}
		hold |= sentAway
	}
	if e.Config.ReplicaReadOnly() {
		hold |= replicaReadOnly
	}
	return hold
}

// tooFewReplicas: min-replicas-to-write counts replicas that acknowledged within min-replicas-max-lag.
func (e *Env) tooFewReplicas() bool {
	need, lag := e.Config.MinReplicasToWrite(), e.Config.MinReplicasMaxLag()
	return need > 0 && lag > 0 && e.Replication.GoodReplicas(int64(lag)) < need
}

// onData are the flags of the commands that work on the data, and on nothing else.
const onData = resp.Write | resp.ReadOnly

// admission is what holds for all commands of a pipeline alike, worked out once for them.
type admission struct {
	admitted  resp.Flag // commands with one of these flags need no look at the client's and the node's state
	upTo      int       // but those of a higher feature level
	maxMemory int64     // but at this limit, unless it is 0
	gated     bool      // replies wait for the commit point
	quiet     int64     // nanoseconds: who takes no longer is of no interest to those who look on
}

// observeAll in place of admission.quiet: everything is of interest.
const observeAll = -1

// Admit works out which commands of c's pipeline can run as they come, since nothing about the client or the node is
// such that a command on the data could be refused, deferred or queued for it, or has to be followed by more than
// usual. The execution lock is held from here on, so only a command of another kind can change that: Execute calls it
// again after each.
//
// A replica that may answer reads now may do so for all of the pipeline, which has come before: nothing that was
// committed until then is missing here, and while the lock is held nothing changes.
func (e *Env) Admit(c *Context) {
	c.admission = admission{}
	s := c.S
	if s.Standing != session.Client || !s.Authenticated || s.Tx != nil || s.Monitor ||
		s.Reply != session.ReplyOn || s.InPubSub() ||
		e.clientMemoryLimit() > 0 || e.Tracking.Clients() > 0 || !e.Tracking.Idle() {
		return
	}
	admitted := onData
	if hold := e.conditions(c); hold != 0 {
		for _, f := range []resp.Flag{resp.ReadOnly, resp.Write} {
			if decide(f, hold) != nil {
				admitted &^= f
			}
		}
	}
	if e.Engine.Master() {
		c.maxMemory = e.Config.MaxMemory()
	} else {
		admitted &^= resp.Write
	}
	if c.admitted = admitted; admitted == 0 {
		return
	}
	c.upTo = min(e.level(), e.needs)
	c.DB, c.gated, c.quiet = e.Store.DB(c.S.DB), e.Engine.Gated(), e.unobserved()
	e.noteTime(c.Now)
}

// withinMemory reports whether Evict would find that all is well.
func (e *Env) withinMemory(limit int64) bool {
	return limit == 0 || !e.Engine.EvictionDue && e.eviction.since == 0 && e.limitedMemory() <= limit
}

// unobserved is for how many nanoseconds a command may run that observe has nothing to do with.
func (e *Env) unobserved() int64 {
	if len(e.monitors) > 0 {
		return observeAll
	}
	quiet := int64(time.Hour)
	if threshold := e.Config.LatencyMonitorThreshold(); threshold > 0 {
		quiet = min(quiet, threshold*int64(time.Millisecond))
	}
	if slower := e.Config.SlowlogLogSlowerThan(); slower >= 0 {
		quiet = min(quiet, slower*int64(time.Microsecond))
	}
	return quiet - 1
}
