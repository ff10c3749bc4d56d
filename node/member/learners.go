package member

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"holdfast/cluster"
	"holdfast/membership"
	"holdfast/replication"
	"holdfast/resp"
)

// learners are those that the tail has to meet, for all who have to do with them.
type learners struct {
	mu       sync.Mutex
	meetings Meetings
}

// met says whether the tail has met a learner.
func (a *Agent) met(m cluster.Member) bool {
	l := &a.learners
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.meetings.Met(m)
}

// unmet are the learners that don't join as they are not where they say to be.
func (a *Agent) unmet() []cluster.Unmet {
	l := &a.learners
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.meetings.Unmet()
}

// forgetLearners is for who is not the tail any more.
func (a *Agent) forgetLearners() {
	l := &a.learners
	l.mu.Lock()
	defer l.mu.Unlock()
	l.meetings.Keep(cluster.Group{})
}

// meetLearners looks for the learners that follow the node and that it has not met yet, while they catch up. It waits
// for nobody.
func (a *Agent) meetLearners(g cluster.Group, followers []replication.FollowerStatus) {
	l := &a.learners
	l.mu.Lock()
	defer l.mu.Unlock()
	l.meetings.Keep(g)
	for _, m := range g.Learners {
		for _, f := range followers {
			if f.Info.IsMember && f.Info.Member.Is(m) && l.meetings.Due(m, time.Now()) {
				a.spawn(func() { a.meetLearner(m) })
				break
			}
		}
	}
}

// meetLearner looks for a learner at its address, within the time in which a member that is down is missed, and tells
// the sentinels.
func (a *Agent) meetLearner(m cluster.Member) {
	patience := a.DownAfter()
	ctx, cancel := context.WithTimeout(a.ctx, patience)
	defer cancel()
	err := a.meet(ctx, m)
	if a.ctx.Err() != nil {
		return
	}
	why := ""
	if err != nil {
		why = fmt.Sprintf("%s, behind which it would join, does not meet it at %s (%s): if this does not pass, "+
			"announce another address (--port, --announce-ip, --announce-port)",
			a.self.Label(), m.Addr, whyUnmet(err))
	}
	a.learners.mu.Lock()
	news := a.learners.meetings.Ended(m, why, time.Now().Add(patience))
	a.learners.mu.Unlock()
	if !news {
		return
	}
	if why != "" {
		a.cfg.Logger.Warn("a learner does not join the chain", "learner", m.Label(), "because", why)
	}
	a.Nudge()
}

// meet says hello to whoever is at a member's address, as who follows would, until it is in this node's epoch. All
// versions answer that with who they are not, or, if they are who is meant, that they are not to be followed.
func (a *Agent) meet(ctx context.Context, m cluster.Member) error {
	for {
		err := a.hail(ctx, a.Hello(a.Standing(), m))
		switch {
		case errors.Is(err, ErrNotSuccessor):
			return nil
		case err == nil:
			return errFollows
		case !replication.IsOtherEpoch(err):
			return err
		}
		if !untilAskedAgain(ctx) {
			return err
		}
	}
}

// errFollows is said of who would have the tail follow it: it knows another chain of the same epoch.
var errFollows = errors.New("it takes this node for the one behind it")

// hail says hello once, over a connection of its own, as whoever refuses it ends that.
func (a *Agent) hail(ctx context.Context, h replication.Hello) (err error) {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	client, err := a.dial(ctx, h.To)
	if err != nil {
		return err
	}
	_, err = client.Do(ctx, "REPLCONF", "holdfast", text)
	_ = client.Close() // there is nothing more to hear
	return err
}

// whyUnmet says what went wrong in words that are the same each time: no ports of connections are among them.
func whyUnmet(err error) string {
	var reply resp.Error
	var unproven *membership.ProofError
	var network net.Error
	var op *net.OpError
	switch {
	case errors.As(err, &reply):
		return fmt.Sprintf("it answers %q", string(reply[:min(len(reply), maxReason)]))
	case errors.As(err, &unproven) && errors.As(err, &network):
		return unproven.Reason
	case errors.As(err, &unproven):
		return unproven.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &network) &&
		network.Timeout():
		return "no answer"
	case errors.As(err, &op):
		return op.Err.Error()
	}
	return err.Error()
}
