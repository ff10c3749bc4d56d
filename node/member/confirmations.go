package member

import (
	"context"
	"errors"
	"time"

	"holdfast/server/session"
)

// Confirmation is what the chain said since a client's pipeline came.
type Confirmation struct {
	Epoch   uint64 // this one still stood; 0: nothing was said
	Refused bool   // it did not confirm in time
}

// Freshness says whether a replica's answer would be the master's.
type Freshness int

// The kinds of freshness.
const (
	Fresh   Freshness = iota
	Unknown           // the chain may go on without this replica: it has to confirm first
	Stale             // no answer: it has no link to a master, or no place in a chain, or the chain has not confirmed
)

// Confirmations is the other half of rule 5, for replicas: without a lease they answer a read once the chain has
// confirmed, after the read came, that its epoch still stands. A replica asks the master, which has a marker go through
// the chain and answers when it is committed: then every member of the chain has been in that epoch meanwhile. Nothing
// less will do; see docs/architecture.md, "Reads".
//
// One question at a time is on its way, and serves all reads that came before it was sent. The node's execution lock
// guards it.
type Confirmations struct {
	r       *Replication
	due     chan struct{}                      // a token: some wait
	waiting map[*session.Session]*Confirmation // for the next question; where the answer goes
	asked   map[*session.Session]*Confirmation // for the answer to the present one
	abandon context.CancelFunc                 // gives up the present one; nil: there is none
}

// confirmIdle is for how long the connection to the master is kept while no read has to be confirmed.
const confirmIdle = time.Second

// Await holds a client's commands back until the chain has confirmed, which answer will say.
func (c *Confirmations) Await(s *session.Session, answer *Confirmation) {
	c.waiting[s] = answer
	select {
	case c.due <- struct{}{}:
	default:
	}
}

// reconsider has reads that wait for a question that is on its way looked at again: what it was about has changed.
func (c *Confirmations) reconsider() {
	if c.abandon != nil {
		c.abandon()
	}
}

// Forget takes out a client that has gone.
func (c *Confirmations) Forget(s *session.Session) {
	delete(c.waiting, s)
	delete(c.asked, s)
}

// Run asks whenever reads wait, until the node ends. It needs no lock.
func (c *Confirmations) Run() {
	to := c.r.agent.NewMasterLink()
	defer to.Close()
	var idle <-chan time.Time
	for {
		select {
		case <-c.due:
			c.round(to)
			idle = time.After(confirmIdle)
		case <-idle:
			to.Close()
			idle = nil
		case <-c.r.Context.Done():
			return
		}
	}
}

// round asks once for all that wait, and lets them go on with the answer. It takes no longer than the sentinels take to
// find out that a node is down: then another epoch is due, unless they are away too.
func (c *Confirmations) round(to *MasterLink) {
	lock := c.r.engine
	lock.Lock()
	p := c.r.Place()
	c.asked, c.waiting = c.waiting, map[*session.Session]*Confirmation{}
	ctx, cancel := context.WithTimeout(c.r.Context, c.r.agent.DownAfter())
	defer cancel()
	c.abandon = cancel
	lock.Unlock()

	err := to.Ask(ctx, p)

	lock.Lock()
	var verdict Confirmation
	switch {
	case err == nil:
		verdict.Epoch = p.Epoch()
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		verdict.Refused = true
		c.r.Logger.Debug("reads are refused: the chain does not confirm its epoch", "epoch", p.Epoch(), "clients",
			len(c.asked), "err", err)
	}
	woken := make([]*session.Session, 0, len(c.asked))
	for s, answer := range c.asked {
		*answer = verdict
		s.Postponed = false
		woken = append(woken, s)
	}
	c.asked, c.abandon = nil, nil
	lock.Unlock()
	for _, s := range woken {
		s.Wake()
	}
}

// Freshness says whether a replica may answer reads. In a group one without a place in the chain must not, and one
// without a lease cannot know whether the chain goes on without it. Outside, and where users want no more than that,
// Redis's replica-serve-stale-data decides.
func (r *Replication) Freshness(c Confirmation) Freshness {
	switch {
	case !r.Grouped || r.readsAny():
		if !r.linked() && !r.Settings.ReplicaServeStaleData() {
			return Stale
		}
	case !r.Place().InChain():
		return Stale
	case r.Chained() && !r.Place().MayAnswer(r.Lease.Valid(), c.Epoch):
		if c.Refused {
			return Stale
		}
		return Unknown
	}
	return Fresh
}

// SendsAway reports that clients are better served elsewhere: the node was the master until a moment ago, or is
// leaving.
func (r *Replication) SendsAway() bool {
	return r.Lease.Leaving() && !r.Place().Master || !r.deposedAt.IsZero() && time.Since(r.deposedAt) < deposedGrace
}

// deposedGrace is how long clients may take to hear of a new master.
const deposedGrace = 2 * time.Second
