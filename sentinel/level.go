package sentinel

import (
	"fmt"
	"time"

	"holdfast/cluster"
	"holdfast/resp"
	"holdfast/sentinel/plan"
)

// tendLevel has a group use what all of its members understand. It is the leader's work.
func (s *Sentinel) tendLevel(v plan.View) (held string) {
	if v.Group.Epoch == 0 {
		return ""
	}
	agreed := v.Group.Features
	next, held := v.Features(s.cfg.Level)
	e := plan.Entry{Raise: &plan.Raise{Group: v.Group.Name, Expect: v.Group.Epoch, Level: next.Level,
		Change: next.Change}}
	if next == agreed || max(next.Level, e.Needs()) > v.Level { // the sentinels go first
		return held
	}
	result, err := s.quorum.propose(e)
	switch {
	case err != nil:
		s.log.Warn("cannot change the feature level", "group", v.Group.Name, "level", next.Level, "error", err)
	case !result.Conflict:
		s.log.Info("the group has another feature level", "group", v.Group.Name, "level", next.Level, "before",
			agreed.Level.OrBase())
	}
	return held
}

// tendSentinelLevel has the sentinels agree on what all of them understand. It is the leader's work.
func (s *Sentinel) tendSentinelLevel(voters []plan.Voter) {
	after := s.quorum.machine.applied.Load() // before the state, which then may be newer and is refused
	s.mu.Lock()
	state := s.state
	want, held := state.SentinelLevel(s.cfg.Level, voters, s.saysLevel(s.now()))
	s.held = held
	s.mu.Unlock()
	if want == state.Level.OrBase() {
		return
	}
	if _, err := s.raiseSentinels(want, state, after); err != nil {
		s.log.Warn("cannot change the feature level of the sentinels", "level", want, "error", err)
	}
}

// raiseSentinels has them be of another level, unless something else was agreed on after the state that is known here.
func (s *Sentinel) raiseSentinels(to cluster.Level, state *plan.State, after uint64) (agreed bool, err error) {
	result, err := s.quorum.propose(plan.Entry{Raise: &plan.Raise{Level: to, State: state, After: after}})
	if agreed = err == nil && !result.Conflict; agreed {
		s.log.Info("the sentinels have another feature level", "level", to, "before", state.Level.OrBase())
	}
	return agreed, err
}

// saysLevel is what a voter has said of late that it understands. The caller holds mu.
func (s *Sentinel) saysLevel(now time.Time) func(plan.Voter) (cluster.Level, bool) {
	return func(v plan.Voter) (cluster.Level, bool) {
		got, ok := s.reports[v.ID]
		return got.report.Level.OrBase(), ok && now.Sub(got.at) < max(s.cfg.DownAfter, time.Second)
	}
}

// reach has the sentinels be of a level that what an operator asks for needs, on the leader, if all of them understand
// it. One that leads for a moment only has not heard from all of them yet; whoever was asked waits for the answer no
// longer than forwardPatience.
func (s *Sentinel) reach(level cluster.Level) error {
	for until := s.now().Add(min(max(s.cfg.DownAfter, time.Second), forwardPatience/2)); ; {
		voters, after := s.quorum.voters(), s.quorum.machine.applied.Load()
		s.mu.Lock()
		state := s.state
		now := state.Level.OrBase()
		_, held := plan.Understood(level, now, voters, s.saysLevel(s.now()))
		s.mu.Unlock()
		switch {
		case now >= level:
			return nil
		case !s.quorum.isLeader():
			return errNotLeader
		case held == "":
			if agreed, err := s.raiseSentinels(level, state, after); err != nil || agreed {
				return err
			}
			held = "they agree on something else just now, try again"
		}
		if !s.now().Before(until) || !s.sleep(s.pace(), nil) {
			return resp.Error(fmt.Sprintf("ERR all sentinels must understand feature level %d first: %s", level, held))
		}
	}
}
