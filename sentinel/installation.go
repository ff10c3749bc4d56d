package sentinel

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/cluster"
	"holdfast/membership"
	"holdfast/resp"
	"holdfast/sentinel/plan"
)

// The installation's id is drawn by the first leader, agreed on in the log, and kept by every sentinel in its storage.
// As long as no group was ever agreed on, it may be replaced by the one that nodes bring, whose sentinels were lost:
// from the first chain on it stays.

// keepInstallation notes what was agreed, on disk if it is for good, and tells the gossip. Only watchLoop calls it.
func (s *Sentinel) keepInstallation() {
	s.mu.Lock()
	id, tentative := s.installation()
	s.mu.Unlock()
	if !tentative && id != "" && s.self.installation() != id {
		if err := s.cfg.Storage.stable.Set(keyInstalled, []byte(id)); err != nil {
			s.log.Debug("cannot store the installation", "error", err)
			return
		}
		s.self.firm.Store(&id)
		s.log.Info("belongs to an installation", "installation", id)
	}
	if now := (announcement{id, tentative}); now != s.announced {
		if err := s.gossip.Announce(id, tentative); err != nil {
			s.log.Debug("cannot announce the installation", "error", err)
			return
		}
		s.announced = now
	}
}

// announcement is what the gossip was told of the installation.
type announcement struct {
	id        string
	tentative bool
}

// installation is what this sentinel belongs to, and whether that may still change. The caller holds mu.
func (s *Sentinel) installation() (id string, tentative bool) {
	if s.state.Installation == "" {
		return s.self.installation(), false
	}
	return s.state.Installation, !s.state.IsFounded()
}

// found has the quorum agree on the installation's id, on the leader. It reports whether groups may come into being.
func (s *Sentinel) found() bool {
	s.mu.Lock()
	now, state := s.now(), s.state
	brought, led := s.brought(now)
	s.mu.Unlock()
	if state.Installation != "" && state.IsFounded() {
		return true
	}
	for _, id := range s.gossip.Brought() {
		if !slices.Contains(brought, id) {
			brought = append(brought, id)
		}
	}
	slices.Sort(brought)
	id := state.Installation
	switch {
	case len(brought) > 1:
		s.sayOnce(fmt.Sprintf("no group is made: the nodes that are there are of installations %s; stop those of all "+
			"but one", strings.Join(brought, ", ")))
		return state.IsFounded()
	case len(brought) == 1 && slices.Contains(led, brought[0]):
		s.sayOnce(fmt.Sprintf("no group is made: the nodes that are there are of installation %s, which has "+
			"sentinels; one of the two has a wrong --join", brought[0]))
		return state.IsFounded()
	case len(brought) == 1:
		id = brought[0]
	case id == "":
		id = randomID(s.cfg.Rand)
	}
	if id == state.Installation {
		return true
	}
	result, err := s.quorum.propose(plan.Entry{Install: &plan.Installation{ID: id, Replaces: state.Installation}})
	if err != nil || result.Conflict {
		return false
	}
	s.log.Info("the sentinels agreed on their installation", "installation", id, "brought", len(brought) == 1)
	return true
}

// brought are the installations that nodes say they are of, and those of them that other sentinels lead. The caller
// holds mu.
func (s *Sentinel) brought(now time.Time) (ids, led []string) {
	note := func(hb cluster.Heartbeat) {
		if hb.Installation == "" {
			return
		}
		ids = append(ids, hb.Installation)
		if hb.Lease && !s.state.IsFounded() { // not by us
			led = append(led, hb.Installation)
		}
	}
	for _, w := range s.watches {
		for _, seen := range w.nodes {
			if now.Sub(seen.last) < s.cfg.DownAfter {
				note(seen.hb)
			}
		}
	}
	for _, r := range s.reports {
		for _, g := range r.report.Groups {
			for _, n := range g.Nodes {
				if now.Sub(r.at) < s.cfg.DownAfter {
					note(n.Heartbeat)
				}
			}
		}
	}
	for _, o := range s.strangers {
		if o.sentinel && o.installation != "" && now.Sub(o.at) < strangerLife {
			led = append(led, o.installation)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), led
}

// isTorn says whether this sentinel is new and sees several installations: then it belongs to none of them.
func (s *Sentinel) isTorn() bool {
	if !s.quorum.empty() || s.self.installation() != "" {
		return false
	}
	ids := s.gossip.Installations()
	if len(ids) < 2 {
		return false
	}
	s.sayOnce(fmt.Sprintf("this sentinel is new and joins nobody: --join leads to installations %s; name members of "+
		"one alone, and start it again", strings.Join(ids, ", ")))
	return true
}

// sayOnce tells the operator of something that lasts.
func (s *Sentinel) sayOnce(text string) {
	s.mu.Lock()
	news := s.said != text
	s.said = text
	s.mu.Unlock()
	if news {
		s.log.Error(text)
	}
}

// stranger is a member of another installation that was refused.
type stranger struct {
	installation string
	sentinel     bool
	tooOld       bool
	why          string
	at           time.Time
}

const (
	strangerLife = time.Minute      // after which it is not shown any more
	refusalQuiet = 10 * time.Minute // after which it is logged anew
	maxStrangers = 256
)

// refuse notes that somebody was refused, or refused this sentinel. Each is logged once.
func (s *Sentinel) refuse(who string, sentinel, logged bool, why error) {
	now, foreign := s.now(), (*cluster.ForeignError)(nil)
	o := stranger{why: why.Error(), sentinel: sentinel, tooOld: errors.As(why, new(*cluster.TooOldError)), at: now}
	if errors.As(why, &foreign) {
		o.installation = foreign.Theirs
	}
	s.mu.Lock()
	old, known := s.strangers[who]
	if known || len(s.strangers) < maxStrangers {
		s.strangers[who] = o
	}
	s.mu.Unlock()
	switch {
	case logged || known && old.why == o.why && now.Sub(old.at) < refusalQuiet:
	case o.installation != "":
		s.log.Error("refused a member of another installation", "who", who, "why", why)
	case o.tooOld:
		s.log.Error("a sentinel is too old", "who", who, "why", why)
	default:
		s.log.Info("a sentinel is not where it was", "where", who, "why", why)
	}
}

// refuseGossip notes whom the gossip did not let in, and has told of.
func (s *Sentinel) refuseGossip(n cluster.Node) {
	s.mu.Lock()
	ours, _ := s.installation()
	s.mu.Unlock()
	who := n.Kind + " " + n.Addr
	s.refuse(who, n.Kind == gossipKind, true, &cluster.ForeignError{Who: who, Theirs: n.Installation, Ours: ours})
}

// StrangerStatus is a member of another installation that tries to join this one, or a sentinel that is too old.
type StrangerStatus struct {
	Who          string `json:"who"`
	Installation string `json:"installation"`
	Why          string `json:"why"`
	AgoMs        int64  `json:"ago_ms"`
}

// strangerStatus lists who was refused of late. The caller holds mu.
func (s *Sentinel) strangerStatus(now time.Time) (list []StrangerStatus) {
	for who, o := range s.strangers {
		if age := now.Sub(o.at); (o.installation != "" || o.tooOld) && age < strangerLife {
			list = append(list, StrangerStatus{Who: who, Installation: o.installation, Why: o.why, AgoMs: millis(age)})
		}
	}
	slices.SortFunc(list, func(a, b StrangerStatus) int { return cmp.Compare(a.Who, b.Who) })
	return list
}

// helloCommand takes another sentinel's greeting, before it says anything else.
func helloCommand(c *call, args [][]byte, w *resp.Writer) error {
	var g greeting
	if err := json.Unmarshal(args[2], &g); err != nil {
		return fmt.Errorf("hello: %w", err)
	}
	if err := c.fromMember(membership.Sentinel, g.From); err != nil {
		return err
	}
	if err := c.self.check(g); err != nil {
		c.refuse("sentinel "+plan.ShortID(g.From), true, false, err)
		return resp.Error("ERR " + err.Error())
	}
	return writeJSON(w, answer{Level: c.self.level})
}
