package command

import (
	"time"

	"holdfast/node/session"
	"holdfast/resp"
)

// onData are the flags of the commands that work on the data, and on nothing else.
const onData = resp.Write | resp.ReadOnly

// admission is what holds for all commands of a pipeline alike, worked out once for them.
type admission struct {
	admitted  resp.Flag // commands with one of these flags need no look at the client's and the node's state
	maxMemory int64     // but at this limit, unless it is 0
	gated     bool      // replies wait for the commit point
	quiet     int64     // nanoseconds: who takes no longer is of no interest to those who look on
}

// observeAll in place of admission.quiet: everything is of interest.
const observeAll = -1

// Admit works out which commands of c's pipeline can run as they come, since nothing about the client or the node is such
// that a command on the data could be refused, deferred or queued for it, or has to be followed by more than usual. The
// execution lock is held from here on, so only a command of another kind can change that: Execute calls it again after each.
//
// A replica that may answer reads now may do so for all of the pipeline, which has come before: nothing that was committed until
// then is missing here, and while the lock is held nothing changes.
func (e *Env) Admit(c *Context) {
	c.admission = admission{}
	if s := c.S; !s.Authenticated || s.Tx != nil || s.Monitor || s.Reply != session.ReplyOn || s.InPubSub() {
		return
	}
	if e.clientMemoryLimit() > 0 || e.tracking.Clients() > 0 || !e.tracking.Idle() || e.Node.Loading() {
		return
	}
	if until, _ := e.Node.PauseState(); !until.IsZero() {
		return
	}
	if e.Node.IsMaster() {
		c.admitted, c.maxMemory = resp.ReadOnly, e.Config.MaxMemory()
		if !e.tooFewReplicas() && !e.Node.SaveFailed() && e.Node.WriteError() == nil {
			c.admitted |= resp.Write
		}
	} else if e.Node.Freshness(c.Confirmation) == Fresh {
		c.admitted = resp.ReadOnly
	}
	if c.admitted == 0 {
		return
	}
	c.DB, c.gated, c.quiet = e.Store.DB(c.S.DB), e.Node.Gated(), e.unobserved()
	e.noteTime(c.Now)
}

// withinMemory reports whether Evict would find that all is well.
func (e *Env) withinMemory(limit int64) bool {
	return limit == 0 || !e.eviction.due && e.eviction.since == 0 && e.UsedMemory() <= limit
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
