package node

import (
	"context"
	"errors"
	"time"

	"holdfast/node/command"
	"holdfast/node/member"
	"holdfast/replication"
	"holdfast/server/session"
)

// confirmations is the other half of rule 5, for replicas: without a lease they answer a read once the chain has
// confirmed, after the read came, that its epoch still stands. A replica asks the master, which has a marker go through
// the chain and answers when it is committed: then every member of the chain has been in that epoch meanwhile. Nothing
// less will do; see docs/architecture.md, "Reads".
//
// One question at a time is on its way, and serves all reads that came before it was sent. The node's execution lock
// guards it.
type confirmations struct {
	due     chan struct{}        // a token: some wait
	waiting map[*driver]struct{} // for the next question
	asked   map[*driver]struct{} // for the answer to the present one
	abandon context.CancelFunc   // gives up the present one; nil: there is none
}

// confirmIdle is for how long the connection to the master is kept while no read has to be confirmed.
const confirmIdle = time.Second

// awaitConfirmation holds a driver's commands back until the chain has confirmed. It needs the execution lock.
func (n *Node) awaitConfirmation(d *driver) {
	n.confirms.waiting[d] = struct{}{}
	select {
	case n.confirms.due <- struct{}{}:
	default:
	}
}

// reconsider has reads that wait for a question that is on its way looked at again: what it was about has changed. It
// needs the execution lock.
func (c *confirmations) reconsider() {
	if c.abandon != nil {
		c.abandon()
	}
}

// forget takes out a driver that has ended.
func (c *confirmations) forget(d *driver) {
	delete(c.waiting, d)
	delete(c.asked, d)
}

// confirm asks whenever reads wait, until the node ends.
func (n *Node) confirm() {
	to := n.agent.NewMasterLink()
	defer to.Close()
	var idle <-chan time.Time
	for {
		select {
		case <-n.confirms.due:
			n.confirmRound(to)
			idle = time.After(confirmIdle)
		case <-idle:
			to.Close()
			idle = nil
		case <-n.stopped:
			return
		}
	}
}

// confirmRound asks once for all that wait, and lets them go on with the answer. It takes no longer than the sentinels
// take to find out that a node is down: then another epoch is due, unless they are away too.
func (n *Node) confirmRound(to *member.MasterLink) {
	n.mu.Lock()
	c, p := &n.confirms, n.place()
	c.asked, c.waiting = c.waiting, map[*driver]struct{}{}
	ctx, cancel := context.WithTimeout(n.ctx, n.agent.DownAfter())
	defer cancel()
	c.abandon = cancel
	n.mu.Unlock()

	err := to.Ask(ctx, p)

	n.mu.Lock()
	var verdict command.Confirmation
	switch {
	case err == nil:
		verdict.Epoch = p.Epoch()
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		verdict.Refused = true
		n.logger.Debug("reads are refused: the chain does not confirm its epoch", "epoch", p.Epoch(), "clients",
			len(c.asked), "err", err)
	}
	woken := make([]*session.Session, 0, len(c.asked))
	for d := range c.asked {
		d.ctx.Confirmation = verdict
		d.s.Postponed = false
		woken = append(woken, d.s)
	}
	c.asked, c.abandon = nil, nil
	n.mu.Unlock()
	for _, s := range woken {
		s.Wake()
	}
}

// ConfirmEpoch judges a replica's question whether the epoch still stands. With no error the answer is yes, once a
// marker that is appended now is committed.
func (n *Node) ConfirmEpoch(s *session.Session, question []byte) error {
	h, err := replication.ParseHello(question)
	if err == nil {
		err = n.proven(s, h.Member)
	}
	if err != nil {
		return err
	}
	if err := h.Check(n.identity.Installation(), n.place().Group, n.features.Heard().Level, n.self); err != nil {
		return err
	}
	return n.place().MayConfirm(h.Member, n.chained(), n.agent.Drain())
}
