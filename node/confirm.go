package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"holdfast/node/command"
	"holdfast/node/session"
	"holdfast/replication"
	"holdfast/resp"
)

// confirmations is the other half of rule 5, for replicas: without a lease they answer a read once the chain has confirmed, after
// the read came, that its epoch still stands. A replica asks the master, which has a marker go through the chain and
// answers when it is committed: then every member of the chain has been in that epoch meanwhile. Nothing less will do; see
// docs/architecture.md, "Reads".
//
// One question at a time is on its way, and serves all reads that came before it was sent. The node's execution lock guards it.
type confirmations struct {
	due     chan struct{}        // a token: some wait
	waiting map[*driver]struct{} // for the next question
	asked   map[*driver]struct{} // for the answer to the present one
	abandon context.CancelFunc   // gives up the present one; nil: there is none
}

const (
	// confirmRetry is how soon a master that refused is asked again: it, or this node, is about to learn of another epoch.
	confirmRetry = 20 * time.Millisecond
	// confirmIdle is for how long the connection to the master is kept while no read has to be confirmed.
	confirmIdle = time.Second
)

// awaitConfirmation holds a driver's commands back until the chain has confirmed. It needs the execution lock.
func (n *Node) awaitConfirmation(d *driver) {
	n.confirms.waiting[d] = struct{}{}
	select {
	case n.confirms.due <- struct{}{}:
	default:
	}
}

// reconsider has reads that wait for a question that is on its way looked at again: what it was about has changed. It needs the
// execution lock.
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
	to := &masterLink{n: n}
	defer to.close()
	var idle <-chan time.Time
	for {
		select {
		case <-n.confirms.due:
			n.confirmRound(to)
			idle = time.After(confirmIdle)
		case <-idle:
			to.close()
			idle = nil
		case <-n.stopped:
			return
		}
	}
}

// confirmRound asks once for all that wait, and lets them go on with the answer. It takes no longer than the sentinels take to find
// out that a node is down: then another epoch is due, unless they are away too.
func (n *Node) confirmRound(to *masterLink) {
	n.mu.Lock()
	c, p := &n.confirms, n.place
	c.asked, c.waiting = c.waiting, map[*driver]struct{}{}
	ctx, cancel := context.WithTimeout(n.ctx, n.agent.downAfterNow())
	defer cancel()
	c.abandon = cancel
	n.mu.Unlock()

	err := to.ask(ctx, p)

	n.mu.Lock()
	var verdict command.Confirmation
	switch {
	case err == nil:
		verdict.Epoch = p.group.Epoch
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		verdict.Refused = true
		n.logger.Debug("reads are refused: the chain does not confirm its epoch", "epoch", p.group.Epoch, "clients", len(c.asked), "err", err)
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

// masterLink is the connection on which a replica asks the master. One goroutine uses it.
type masterLink struct {
	n      *Node
	addr   string
	client *resp.Client // nil: not connected
}

// ask asks the master of the place's epoch until it confirms, or ctx ends.
func (l *masterLink) ask(ctx context.Context, p place) error {
	head, ok := p.group.Head()
	if !ok {
		return errNoMaster
	}
	question, err := json.Marshal(replication.Hello{Group: p.group.Name, Epoch: p.group.Epoch, Member: l.n.self, To: head})
	if err != nil {
		return fmt.Errorf("asking the master: %w", err)
	}
	for {
		err := l.askOnce(ctx, head.Addr, question)
		if err == nil {
			return nil
		}
		retry := time.NewTimer(confirmRetry)
		select {
		case <-retry.C:
		case <-ctx.Done():
			retry.Stop()
			return err
		}
	}
}

var errNoMaster = errors.New("no master is known")

func (l *masterLink) askOnce(ctx context.Context, addr string, question []byte) (err error) {
	defer func() {
		if reply := resp.Error(""); err != nil && !errors.As(err, &reply) {
			l.close()
		}
	}()
	if l.addr != addr {
		l.close()
	}
	if l.client == nil {
		if l.client, err = resp.Dial(ctx, l.n.network, addr); err != nil {
			return fmt.Errorf("asking the master: %w", err)
		}
		l.addr = addr
		if pass := l.n.settings.MasterAuth(); pass != "" {
			args := []any{"AUTH", pass}
			if user := l.n.settings.MasterUser(); user != "" {
				args = []any{"AUTH", user, pass}
			}
			if _, err := l.client.Do(ctx, args...); err != nil {
				l.close()
				return fmt.Errorf("asking the master: %w", err)
			}
		}
	}
	if _, err := l.client.Do(ctx, "REPLCONF", "confirm", question); err != nil {
		return fmt.Errorf("asking the master: %w", err)
	}
	return nil
}

// close ends the connection, if there is one.
func (l *masterLink) close() {
	if l.client != nil {
		_ = l.client.Close() // there is nothing more to hear
		l.client = nil
	}
}

// ConfirmEpoch judges a replica's question whether the epoch still stands. With no error the answer is yes, once a marker that
// is appended now is committed.
func (n *Node) ConfirmEpoch(question []byte) error {
	h, err := replication.ParseHello(question)
	if err != nil {
		return err
	}
	g := n.place.group
	if err := h.Check(g.Name, g.Epoch, n.self); err != nil {
		return err
	}
	if !n.place.master || g.Position(h.Member) < 0 || !n.chained() {
		return errNoConfirmation
	}
	if !n.pause.drain.IsZero() {
		return errDraining // another member may be given this log as it is
	}
	return nil
}

// The refusals of a replica's question.
const (
	errNoConfirmation = resp.Error("STALEEPOCH this node is not the master of a chain that you are in")
	errDraining       = resp.Error("STALEEPOCH a handover is under way, ask again")
)
