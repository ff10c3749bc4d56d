package cluster

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"holdfast/internal/rules"
)

// Member is one start of one node: a chain names incarnations, not machines, so a node that restarted (with its data or
// without) is another member and comes back as a learner.
type Member struct {
	Name        string `json:"name"`        // stable across restarts: kept on the node's disk
	Incarnation string `json:"incarnation"` // the run id: 40 random hex digits of this start
	Addr        string `json:"addr"`        // host:port announced to clients and peers
}

// Is reports whether both are the same start of the same node.
func (m Member) Is(o Member) bool {
	return m.Name == o.Name && (!rules.TellIncarnations || m.Incarnation == o.Incarnation)
}

// Group is the agreed state of one replicated data set: the chain in force and who is on the way into it. It is a
// value: the With… methods return changed copies, each with the next epoch.
type Group struct {
	Name string `json:"name"`
	// every change of the chain is a new epoch; 0 = no chain was ever agreed
	Epoch    uint64   `json:"epoch"`
	Chain    []Member `json:"chain"`              // head (master) first, tail last
	Learners []Member `json:"learners,omitempty"` // follow the tail, don't count yet
	// the epoch since which each chain has begun with a survivor of the one before it
	Began    uint64   `json:"began,omitempty"`
	Settings Settings `json:"settings"`
	Features Features `json:"features,omitzero"`

	// Slow counts, by name, how often of late a node was taken out of the chain for holding it up. A node in it joins
	// again only after it has kept pace for a while, see Probation.
	Slow map[string]int `json:"slow,omitempty"`
}

// Settings are the tunables of a group that SENTINEL SET changes; all sentinels share them.
type Settings struct {
	DownAfterMs       int64 `json:"down_after_ms"`       // rule 5: fence timeout, and the length of a lease
	FailoverTimeoutMs int64 `json:"failover_timeout_ms"` // bound on one planned handover
	Quorum            int   `json:"quorum"`              // reported to clients; decisions always need a majority
	ParallelSyncs     int   `json:"parallel_syncs"`      // reported to clients
	ChainSlowMs       int64 `json:"chain_slow_ms"`       // how long a slow member may hold up the chain; 0: for ever
	// how long one command may run before its member is taken out; 0: for ever
	BusyCommandMs int64 `json:"busy_command_ms"`

	FeatureLevel Level `json:"feature_level,omitempty"` // the highest that the group may be of; 0: any
}

// DefaultBusyCommand is how long one command may run where nobody has said otherwise, as in a group that was stored
// before there was a setting.
const DefaultBusyCommand = 30 * time.Second

// UnmarshalJSON reads settings, also of a version that had fewer.
func (s *Settings) UnmarshalJSON(text []byte) error {
	type plain Settings
	read := plain{BusyCommandMs: DefaultBusyCommand.Milliseconds()}
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	*s = Settings(read)
	return nil
}

// ChainSlow is how long a slow member may hold up the chain; 0 is for ever.
func (s Settings) ChainSlow() time.Duration { return time.Duration(s.ChainSlowMs) * time.Millisecond }

// maxProbation times ChainSlow is the longest that a learner has to keep pace.
const maxProbation = 16

// Probation is for how long without a break a learner of that name must have kept pace with the tail before it joins:
// not at all, unless it was slow; else once ChainSlow, and twice as long each time that it was slow again.
func (g Group) Probation(name string) time.Duration {
	n := g.Slow[name]
	if n == 0 {
		return 0
	}
	return g.Settings.ChainSlow() * time.Duration(min(1<<min(n-1, 10), maxProbation))
}

// Head is the master. ok is false when no chain was agreed yet.
func (g Group) Head() (m Member, ok bool) {
	if len(g.Chain) == 0 {
		return Member{}, false
	}
	return g.Chain[0], true
}

// Tail is the last member of the chain.
func (g Group) Tail() (m Member, ok bool) {
	if len(g.Chain) == 0 {
		return Member{}, false
	}
	return g.Chain[len(g.Chain)-1], true
}

// Position is m's index in the chain, -1 when this incarnation is not in it.
func (g Group) Position(m Member) int { return slices.IndexFunc(g.Chain, m.Is) }

// IsLearner reports whether this incarnation of m is a learner.
func (g Group) IsLearner(m Member) bool { return slices.IndexFunc(g.Learners, m.Is) >= 0 }

// Predecessor is whom m follows: the member before it, or the tail when m is a learner.
func (g Group) Predecessor(m Member) (p Member, ok bool) {
	switch i := g.Position(m); {
	case i > 0:
		return g.Chain[i-1], true
	case i < 0 && g.IsLearner(m):
		return g.Tail()
	}
	return Member{}, false
}

// Successor is the chain member whose acknowledgement m waits for; none for the tail and for learners.
func (g Group) Successor(m Member) (s Member, ok bool) {
	if i := g.Position(m); i >= 0 && i+1 < len(g.Chain) {
		return g.Chain[i+1], true
	}
	return Member{}, false
}

// Lookup finds the member or learner of that name, whatever its incarnation.
func (g Group) Lookup(name string) (m Member, ok bool) {
	for _, list := range [][]Member{g.Chain, g.Learners} {
		if i := slices.IndexFunc(list, func(m Member) bool { return m.Name == name }); i >= 0 {
			return list[i], true
		}
	}
	return Member{}, false
}

// next is a copy with the next epoch whose slices are its own.
func (g Group) next() Group {
	g.Epoch++
	g.Chain = slices.Clone(g.Chain)
	g.Learners = slices.Clone(g.Learners)
	return g
}

// WithChain replaces the chain and drops its members from the learners.
func (g Group) WithChain(chain []Member) Group {
	g = g.next()
	g.Chain = slices.Clone(chain)
	g.Learners = slices.DeleteFunc(g.Learners, func(l Member) bool { return g.Position(l) >= 0 })
	return g
}

// Restarted is a chain of one that need not have what the chain before it had, with all other nodes as learners.
func (g Group) Restarted(head Member, learners []Member) Group {
	g = g.WithChain([]Member{head})
	g.Learners, g.Began = learners, g.Epoch
	return g
}

// Without removes these incarnations from chain and learners; the order of the others stays.
func (g Group) Without(gone ...Member) Group {
	g = g.next()
	isGone := func(m Member) bool { return slices.ContainsFunc(gone, m.Is) }
	g.Chain = slices.DeleteFunc(g.Chain, isGone)
	g.Learners = slices.DeleteFunc(g.Learners, isGone)
	return g
}

// WithLearner adds a learner, in place of an older incarnation of the same name.
func (g Group) WithLearner(m Member) Group {
	g = g.next()
	g.Learners = slices.DeleteFunc(g.Learners, func(l Member) bool { return l.Name == m.Name })
	g.Learners = append(g.Learners, m)
	return g
}

// WithTail appends a learner that has caught up to the chain.
func (g Group) WithTail(m Member) Group { return g.WithChain(append(slices.Clone(g.Chain), m)) }

// WithSlow notes, in the same epoch, that these nodes have been slow once more; anew forgets who was so before.
func (g Group) WithSlow(anew bool, nodes ...Member) Group {
	slow := map[string]int{}
	if !anew {
		maps.Copy(slow, g.Slow)
	}
	for _, m := range nodes {
		slow[m.Name]++
	}
	g.Slow = slow
	return g
}

// Refreshed is the same chain in a new epoch: it lifts the fences of the old one.
func (g Group) Refreshed() Group { return g.next() }
