package sentinel

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/membership"
	"holdfast/resp"
	"holdfast/sentinel/plan"
)

// A sentinel is removed for good in three steps: Raft's configuration goes on without it, so that majorities are
// counted anew; the state names it, so that everybody forgets it and nodes count its word no more; and it is told, so
// that it stops.
//
// One that cannot be told may live on, cut off, and let leases live that the others take away. One such is harmless: a
// majority of n that it is in still meets every majority of the n-1 others. Two are not, so before the next removal all
// the others must know of the earlier ones: whoever then accepts a heartbeat tells the node whose word counts no more.

// errHandsOver is the answer of a leader that is asked to remove itself.
const errHandsOver = resp.Error("TRYAGAIN the sentinel to remove leads the others and hands that over first, ask again")

// leavePatience is for how long a removed sentinel tries to tell the others that it goes.
const leavePatience = time.Second

// reportLife is how old a sentinel's last report may be for it to count as living.
const reportLife = 2 * time.Second

// removeSentinelCommand is HOLDFAST SENTINEL-REMOVE id|host:port [FORCE].
func removeSentinelCommand(c *call, args [][]byte, w *resp.Writer) error {
	force := len(args) == 4 && strings.EqualFold(string(args[3]), "force")
	if len(args) > 4 || len(args) == 4 && !force {
		return resp.ErrSyntax
	}
	return c.onLeader(args, w, func() error {
		id, addr, err := c.knownSentinel(string(args[2]))
		if err != nil {
			return err
		}
		if err := c.removeSentinel(id, addr, force); err != nil {
			return err
		}
		w.OK()
		return nil
	})
}

// knownSentinel finds a sentinel by its id, by the beginning of one that nobody else's has, or by the address for
// clients.
func (s *Sentinel) knownSentinel(text string) (id, addr string, err error) {
	known := map[string]string{s.id: s.addr}
	for _, p := range s.gossip.Peers() {
		known[p.ID] = p.Addr
	}
	s.mu.Lock()
	for _, v := range s.state.Voters {
		if known[v.ID] == "" {
			known[v.ID] = s.state.Sentinels[v.ID]
		}
	}
	s.mu.Unlock()
	for i, a := range known {
		if a != text && (text == "" || !strings.HasPrefix(i, text)) {
			continue
		}
		if id != "" {
			return "", "", resp.Error("ERR More than one sentinel is called '" + text + "', give more of its id")
		}
		id, addr = i, a
	}
	if id == "" {
		return "", "", resp.Error("ERR No such sentinel '" + text +
			"', give its id or its address as holdfast status shows it")
	}
	return id, addr, nil
}

// removeSentinel does it, on the leader. It can be asked for again when it was interrupted.
func (s *Sentinel) removeSentinel(id, addr string, force bool) error {
	votes := slices.ContainsFunc(s.quorum.voters(), func(v plan.Voter) bool { return v.ID == id })
	err := s.mayRemove(id, votes, force)
	for began := time.Now(); err != nil && time.Since(began) < reportLife && s.sleep(s.pace(), nil); {
		err = s.mayRemove(id, votes, force) // a leader that has just begun to lead has not heard of all yet
	}
	if err != nil {
		return err
	}
	if id == s.id {
		if err := s.quorum.stepDown(); err != nil {
			return err
		}
		return errHandsOver
	}
	if votes {
		if err := s.quorum.removeVoter(id); err != nil {
			return fmt.Errorf("not confirmed: %w; look at holdfast status and ask again", err)
		}
	}
	if _, err := s.quorum.propose(plan.Entry{Remove: &plan.Removal{ID: id}}); err != nil {
		return fmt.Errorf("it has no vote any more, but not all have forgotten it: %w; ask again", err)
	}
	s.log.Warn("a sentinel was removed for good", "id", id, "addr", addr, "sentinels", len(s.quorum.voters()))
	if err := s.tellRemoved(id, addr); err != nil {
		s.log.Info("the removed sentinel was not told; stop it if it runs", "id", id, "addr", addr, "error", err)
	}
	return nil
}

func (s *Sentinel) mayRemove(id string, votes, force bool) error {
	if !votes {
		return nil
	}
	voters, now := s.quorum.voters(), s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	return mayRemove(id, voters, s.reports, len(s.state.Removed), force, now)
}

// mayRemove says why a voter must not be removed now, if it must not.
func mayRemove(id string, voters []plan.Voter, reports map[string]received, removed int, force bool,
	now time.Time) error {
	left, living, unaware := 0, 0, 0
	for _, v := range voters {
		if v.ID == id {
			continue
		}
		left++
		r, ok := reports[v.ID]
		if ok && now.Sub(r.at) < reportLife {
			living++
		}
		if removed > 0 && (!ok || r.report.Removed < removed) {
			unaware++
		}
	}
	switch {
	case left == 0:
		return resp.Error("ERR It is the only sentinel")
	case force:
		return nil
	case living < plan.Majority(left):
		return resp.Error(fmt.Sprintf("ERR Of the %d sentinels that would be left %d answer, too few to decide "+
			"anything: start others first, or say FORCE if the silent ones will be back", left, living))
	case unaware > 0:
		return resp.Error(fmt.Sprintf("ERR %d of the sentinels that would be left may not know of those removed "+
			"before: wait until they answer, or say FORCE if all that are silent are dead for good", unaware))
	}
	return nil
}

// tellRemoved tells a sentinel that it has been removed.
func (s *Sentinel) tellRemoved(id, addr string) error {
	ctx, cancel := context.WithTimeout(s.ctx, consentPatience)
	defer cancel()
	client, err := s.dialSentinel(ctx, id, addr)
	if err != nil {
		return err
	}
	// Its answer changes nothing.
	defer func() { _ = client.Close() }()
	_, err = client.Do(ctx, "HOLDFAST", "REMOVED", id)
	return err
}

// removedCommand is what a sentinel is told that was removed: it notes it, so that no later start goes on, and stops.
func removedCommand(c *call, args [][]byte, w *resp.Writer) error {
	if err := c.fromMember(membership.Sentinel, c.link.conn.Peer().Name); err != nil {
		return err
	}
	if string(args[2]) != c.id {
		return resp.Error("ERR That is not my id")
	}
	if !c.agreedRemoved(c.ctx) {
		return resp.Error("ERR The others do not say that it is agreed")
	}
	if err := c.retire(); err != nil {
		return err
	}
	w.OK()
	return nil
}

// isRemovedCommand answers 1 when this sentinel's log says that another was removed.
func isRemovedCommand(c *call, args [][]byte, w *resp.Writer) error {
	if err := c.fromMember(membership.Sentinel, c.link.conn.Peer().Name); err != nil {
		return err
	}
	if c.isRemoved(string(args[2])) {
		w.Int(1)
	} else {
		w.Int(0)
	}
	return nil
}

// agreedRemoved says whether this sentinel was removed: its log says so, or those of a majority of the other voters
// that it knows. Whoever told it may be wrong. Before it was a voter it knows whom the gossip knows.
func (s *Sentinel) agreedRemoved(ctx context.Context) bool {
	if s.isRemoved(s.id) {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, consentPatience/2)
	defer cancel()
	s.mu.Lock()
	voters := slices.Clone(s.state.Voters)
	s.mu.Unlock()
	if len(voters) == 0 {
		for _, p := range s.gossip.Peers() {
			voters = append(voters, plan.Voter{ID: p.ID})
		}
	}
	voters = slices.DeleteFunc(voters, func(v plan.Voter) bool { return v.ID == s.id })
	var asked sync.WaitGroup
	var agree atomic.Int32
	for _, v := range voters {
		asked.Go(func() {
			if addr, ok := s.sentinelAddr(v.ID); ok && s.askRemoved(ctx, v.ID, addr) {
				agree.Add(1)
			}
		})
	}
	asked.Wait()
	return len(voters) > 0 && int(agree.Load()) >= plan.Majority(len(voters))
}

// askRemoved asks another sentinel, until it says yes or ctx ends: it may be about to learn of it.
func (s *Sentinel) askRemoved(ctx context.Context, id, addr string) bool {
	client, err := s.dialSentinel(ctx, id, addr)
	if err != nil {
		return false
	}
	// The answer is all that was wanted.
	defer func() { _ = client.Close() }()
	for ctx.Err() == nil {
		v, err := client.Do(ctx, "HOLDFAST", "IS-REMOVED", s.id)
		if err != nil || v.Int == 1 {
			return err == nil
		}
		select {
		case <-time.After(removedRetry):
		case <-ctx.Done():
		}
	}
	return false
}

// removedRetry is how often that is asked.
const removedRetry = 20 * time.Millisecond

// retire ends this sentinel for good.
func (s *Sentinel) retire() error {
	if err := s.cfg.Storage.stable.Set(keyRemoved, []byte{1}); err != nil {
		return fmt.Errorf("note that this sentinel was removed: %w", err)
	}
	s.retired.Store(true)
	s.log.Warn("this sentinel was removed for good and stops; to have it back, start it with another --dir")
	s.shutdown()
	return nil
}

// Survival says in plain words how many of n sentinels may fail, if another number were wiser; empty if not.
func Survival(n int) string {
	switch {
	case n == 1:
		return "1 sentinel survives the loss of none: run three"
	case n == 2:
		return "2 sentinels survive the loss of none, as 1 does: run three"
	case n > 0 && n%2 == 0:
		return fmt.Sprintf("%d sentinels survive the loss of %d, as %d do: run an odd number", n, n-plan.Majority(n),
			n-1)
	}
	return ""
}
