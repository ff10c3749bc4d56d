package sentinel

import (
	"context"
	"time"

	"holdfast/cluster"
	"holdfast/sentinel/plan"
)

// lookupPatience is how long a question for a master that may be about to change waits for the change. Clients that
// were refused ask again at once and in a loop, or not for long after a number of refusals; and redis-py's manual gives
// sentinels 100 ms.
const lookupPatience = 80 * time.Millisecond

const (
	// missedBeats heartbeats that did not come make a master doubtful.
	missedBeats = 2
	beats       = 5 // in down-after
	// doubtFactor times down-after is how long a doubt is worth waiting for.
	doubtFactor = 2
)

// settled waits until the masters of the named groups, all groups when there are none, are not in doubt, or for as long
// as a client may be kept waiting: who asks now is likely to have lost the old master, and would be sent there again.
func (s *Sentinel) settled(ctx context.Context, names ...string) {
	ctx, cancel := context.WithTimeout(ctx, lookupPatience)
	defer cancel()
	for {
		s.mu.Lock()
		doubtful := s.anyDoubt(names, s.now())
		news := s.news
		s.mu.Unlock()
		if !doubtful {
			return
		}
		select {
		case <-news:
		case <-ctx.Done():
			return
		case <-s.ctx.Done():
			return
		}
	}
}

// tellNews wakes whoever waits for a doubt to end. The caller holds mu.
func (s *Sentinel) tellNews() {
	close(s.news)
	s.news = make(chan struct{})
}

func (s *Sentinel) anyDoubt(names []string, now time.Time) bool {
	if len(names) == 0 {
		names = s.state.Names()
	}
	for _, name := range names {
		if s.inDoubt(name, now) {
			return true
		}
	}
	return false
}

// inDoubt says whether the master that clients are sent to may be replaced soon. The caller holds mu.
func (s *Sentinel) inDoubt(name string, now time.Time) bool {
	g, ok := s.state.Group(name)
	m := s.masters[name]
	if !ok || m == nil {
		return false
	}
	after := plan.DownAfter(g.Settings)
	if m.next != nil || s.verdicts[name].Drain == g.Epoch && m.epoch <= g.Epoch && now.Sub(s.heardLead) < after {
		return true
	}
	w := s.watch(name, now)
	seen := w.nodes[m.member.Name]
	switch {
	case seen == nil:
		return false
	case seen.hb.Member.Is(m.member):
		return seen.doubtful(after, now)
	}
	return w.isReplaced(m.member) && now.Sub(seen.since) < doubtFactor*after
}

// doubtful says whether a master may have gone just now: it misses heartbeats, the connection they came by has ended,
// it is about to hand its place over, or it knows already that it is the master no more.
func (s *sighting) doubtful(after time.Duration, now time.Time) bool {
	silent := now.Sub(s.last)
	moving := s.hb.Role != cluster.RoleMaster || s.hb.Epoch != 0 &&
		(s.hb.Draining == s.hb.Epoch || s.hb.Drained == s.hb.Epoch)
	return silent < doubtFactor*after && (s.broken || moving || silent > missedBeats*after/beats)
}

// lost notes that the connection by which a node sent heartbeats has ended. The caller holds mu.
func (s *Sentinel) lost(l *link) {
	s.front.mu.Lock()
	group := l.beats.Group
	s.front.mu.Unlock()
	w := s.watches[group]
	if group == "" || w == nil {
		return
	}
	for _, seen := range w.nodes {
		if seen.origin.number == l.origin.number {
			seen.broken = true
		}
	}
}
