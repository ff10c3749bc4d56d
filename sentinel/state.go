package sentinel

import (
	"maps"
	"slices"

	"holdfast/cluster"
)

// State is what the sentinels have agreed on. It is immutable: apply returns a changed copy.
type State struct {
	Groups    map[string]cluster.Group `json:"groups"`
	Ignored   map[string]bool          `json:"ignored"`           // groups taken out of care by SENTINEL REMOVE; they keep their epoch
	Sentinels map[string]string        `json:"sentinels"`         // id → address for clients
	Voters    []Voter                  `json:"voters"`            // the Raft configuration as committed
	Removed   map[string]bool          `json:"removed,omitempty"` // ids of sentinels that were removed for good
}

// Voter is a sentinel whose vote counts.
type Voter struct {
	ID   string `json:"id"`
	Addr string `json:"addr"` // for Raft
}

// Entry is one entry of the sentinels' log: exactly one of its fields is set.
type Entry struct {
	Decision *Decision      `json:"decision,omitempty"`
	Tune     *Tune          `json:"tune,omitempty"`
	Monitor  *Monitor       `json:"monitor,omitempty"`
	Ignore   *Ignore        `json:"ignore,omitempty"`
	Sentinel *SentinelEntry `json:"sentinel,omitempty"`
	Remove   *Removal       `json:"remove,omitempty"`
}

// Decision replaces the chain of a group if the group is still in the epoch that the decider saw.
type Decision struct {
	Expect uint64        `json:"expect"`
	Group  cluster.Group `json:"group"`
	Reason string        `json:"reason"`
}

// Tune changes settings of a group; a nil field leaves the setting alone. The epoch stays.
type Tune struct {
	Group             string `json:"group"`
	DownAfterMs       *int64 `json:"down_after_ms,omitempty"`
	FailoverTimeoutMs *int64 `json:"failover_timeout_ms,omitempty"`
	Quorum            *int   `json:"quorum,omitempty"`
	ParallelSyncs     *int   `json:"parallel_syncs,omitempty"`
	ChainSlowMs       *int64 `json:"chain_slow_ms,omitempty"`
}

// Monitor takes a group into care: a new one, or one that was ignored.
type Monitor struct {
	Group    string           `json:"group"`
	Settings cluster.Settings `json:"settings"`
}

// Ignore ends the care for a group: nothing is decided about it any more.
type Ignore struct {
	Group string `json:"group"`
}

// SentinelEntry says where clients reach a sentinel.
type SentinelEntry struct {
	ID   string `json:"id"`
	Addr string `json:"addr"`
}

// Removal has everybody forget a sentinel for good.
type Removal struct {
	ID string `json:"id"`
}

// Result is what applying an entry gave.
type Result struct {
	Conflict bool   // the entry came too late and changed nothing
	Epoch    uint64 // of the group now
}

func newState() *State {
	return &State{Groups: map[string]cluster.Group{}, Ignored: map[string]bool{}, Sentinels: map[string]string{}, Removed: map[string]bool{}}
}

func (s *State) clone() *State {
	return &State{
		Groups: maps.Clone(s.Groups), Ignored: maps.Clone(s.Ignored), Sentinels: maps.Clone(s.Sentinels),
		Voters: slices.Clone(s.Voters), Removed: maps.Clone(s.Removed),
	}
}

func (s *State) isVoter(id string) bool {
	return slices.ContainsFunc(s.Voters, func(v Voter) bool { return v.ID == id })
}

// group is a group in care.
func (s *State) group(name string) (cluster.Group, bool) {
	g, ok := s.Groups[name]
	return g, ok && !s.Ignored[name]
}

// names lists the groups in care in order.
func (s *State) names() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(s.Groups)) {
		if !s.Ignored[name] {
			names = append(names, name)
		}
	}
	return names
}

// apply is the whole meaning of the log. It must depend on nothing but its arguments. An entry it does not know is one of a
// newer program: going on without it would make this sentinel's state differ from the others', so it panics.
func (s *State) apply(e Entry) (*State, Result) {
	next := s.clone()
	switch {
	case e.Decision != nil:
		return next.decide(*e.Decision)
	case e.Tune != nil:
		g, ok := next.group(e.Tune.Group)
		if !ok {
			return s, Result{Conflict: true}
		}
		e.Tune.change(&g.Settings)
		next.Groups[g.Name] = g
		return next, Result{Epoch: g.Epoch}
	case e.Monitor != nil:
		return next.monitor(*e.Monitor)
	case e.Ignore != nil:
		if _, ok := next.group(e.Ignore.Group); !ok {
			return s, Result{Conflict: true}
		}
		next.Ignored[e.Ignore.Group] = true
		return next, Result{Epoch: next.Groups[e.Ignore.Group].Epoch}
	case e.Sentinel != nil:
		if !s.Removed[e.Sentinel.ID] {
			next.Sentinels[e.Sentinel.ID] = e.Sentinel.Addr
		}
		return next, Result{}
	case e.Remove != nil:
		delete(next.Sentinels, e.Remove.ID)
		next.Removed[e.Remove.ID] = true
		return next, Result{}
	}
	panic("sentinel: log entry of unknown kind")
}

func (s *State) decide(d Decision) (*State, Result) {
	old, exists := s.Groups[d.Group.Name]
	if old.Epoch != d.Expect || s.Ignored[d.Group.Name] || d.Group.Epoch <= d.Expect {
		return s, Result{Conflict: true, Epoch: old.Epoch}
	}
	g := d.Group
	if exists {
		g.Settings = old.Settings // they may have been tuned since the decider looked
	}
	s.Groups[g.Name] = g
	return s, Result{Epoch: g.Epoch}
}

func (s *State) monitor(m Monitor) (*State, Result) {
	g, exists := s.Groups[m.Group]
	if exists && !s.Ignored[m.Group] {
		return s, Result{Conflict: true, Epoch: g.Epoch}
	}
	g.Name, g.Settings = m.Group, m.Settings
	s.Groups[m.Group] = g
	delete(s.Ignored, m.Group)
	return s, Result{Epoch: g.Epoch}
}

func (t Tune) change(s *cluster.Settings) {
	set(&s.DownAfterMs, t.DownAfterMs)
	set(&s.FailoverTimeoutMs, t.FailoverTimeoutMs)
	set(&s.Quorum, t.Quorum)
	set(&s.ParallelSyncs, t.ParallelSyncs)
	set(&s.ChainSlowMs, t.ChainSlowMs)
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// withVoters is the state after a change of the Raft configuration.
func (s *State) withVoters(voters []Voter) *State {
	next := s.clone()
	next.Voters = voters
	return next
}
