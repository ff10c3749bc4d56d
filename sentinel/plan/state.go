package plan

import (
	"errors"
	"maps"
	"slices"

	"holdfast/cluster"
)

// State is what the sentinels have agreed on. It is immutable: apply returns a changed copy.
type State struct {
	Groups map[string]cluster.Group `json:"groups"`
	// groups taken out of care by SENTINEL REMOVE; they keep their epoch
	Ignored   map[string]bool   `json:"ignored"`
	Sentinels map[string]string `json:"sentinels"`         // id → address for clients
	Voters    []Voter           `json:"voters"`            // the Raft configuration as committed
	Removed   map[string]bool   `json:"removed,omitempty"` // ids of sentinels that were removed for good

	Level cluster.Level `json:"level,omitempty"` // what may be agreed on, and of which level sentinels must be

	// id; empty in the state of an older version, until the leader draws one
	Installation string `json:"installation,omitempty"`
}

// Voter is a sentinel whose vote counts.
type Voter struct {
	ID   string `json:"id"`
	Addr string `json:"addr"` // for Raft, when it got its vote
}

// Entry is one entry of the sentinels' log: exactly one of its fields is set.
type Entry struct {
	Decision *Decision      `json:"decision,omitempty"`
	Tune     *Tune          `json:"tune,omitempty"`
	Monitor  *Monitor       `json:"monitor,omitempty"`
	Ignore   *Ignore        `json:"ignore,omitempty"`
	Sentinel *SentinelEntry `json:"sentinel,omitempty"`
	Remove   *Removal       `json:"remove,omitempty"`
	Install  *Installation  `json:"install,omitempty"`
	Raise    *Raise         `json:"raise,omitempty"`

	Level cluster.Level `json:"level,omitempty"` // that who takes it in must understand
}

// errEntry says that an entry cannot be understood.
var errEntry = errors.New("an entry of the sentinels' log must say one thing, and of whom")

// level is that of what an entry says.
func (e Entry) Needs() cluster.Level {
	if e.Raise != nil || e.Tune != nil && e.Tune.FeatureLevel != nil {
		return 2
	}
	return cluster.LevelBase
}

// Check refuses an entry that says nothing, or more than one thing, or what a sentinel of that level can't understand.
func (e Entry) Check(level cluster.Level) error {
	if err := cluster.TooOld("this sentinel", level, max(e.Level, e.Needs())); err != nil {
		return err
	}
	subjects := []string{}
	if e.Decision != nil {
		subjects = append(subjects, e.Decision.Group.Name)
	}
	if e.Tune != nil {
		subjects = append(subjects, e.Tune.Group)
	}
	if e.Monitor != nil {
		subjects = append(subjects, e.Monitor.Group)
	}
	if e.Ignore != nil {
		subjects = append(subjects, e.Ignore.Group)
	}
	if e.Sentinel != nil {
		subjects = append(subjects, e.Sentinel.ID)
	}
	if e.Remove != nil {
		subjects = append(subjects, e.Remove.ID)
	}
	if e.Install != nil {
		subjects = append(subjects, e.Install.ID)
	}
	if e.Raise != nil {
		subject := "sentinels"
		if e.Raise.Group != "" {
			subject = e.Raise.Group
		}
		if e.Raise.Level < cluster.LevelBase || e.Raise.Group == "" &&
			(e.Raise.State == nil || !e.Raise.State.IsWhole()) {
			return errEntry
		}
		subjects = append(subjects, subject)
	}
	if len(subjects) != 1 || subjects[0] == "" {
		return errEntry
	}
	return nil
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
	BusyCommandMs     *int64 `json:"busy_command_ms,omitempty"`

	FeatureLevel *cluster.Level `json:"feature_level,omitempty"`
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

// Installation gives the installation its id, in the place of the one that the proposer saw. Once there is a group it
// stays.
type Installation struct {
	ID       string `json:"id"`
	Replaces string `json:"replaces,omitempty"`
}

// Raise sets the feature level of a group that is still in the epoch that the decider saw; or, without a group, that of
// the sentinels. A group's is never above theirs, as it is they who keep the group. It may also be lower than before.
type Raise struct {
	Group  string        `json:"group,omitempty"`
	Expect uint64        `json:"expect,omitempty"`
	Level  cluster.Level `json:"level"`
	Change uint64        `json:"change,omitempty"` // see cluster.Features

	// State is what the decider has of the sentinels, as of the entry After: whoever was of an earlier version when it
	// took in what came before has left out what it did not understand, of entries and of its snapshots, and has it
	// from here on.
	State *State `json:"state,omitempty"`
	After uint64 `json:"after,omitempty"`
}

// Result is what applying an entry gave.
type Result struct {
	Conflict bool   // the entry came too late and changed nothing
	Epoch    uint64 // of the group now
}

func NewState() *State {
	return &State{Groups: map[string]cluster.Group{}, Ignored: map[string]bool{}, Sentinels: map[string]string{},
		Removed: map[string]bool{}}
}

// IsWhole says whether a state that was read has all that others rely on.
func (s *State) IsWhole() bool { return s.Groups != nil && s.Ignored != nil && s.Sentinels != nil }

func (s *State) clone() *State {
	return &State{
		Groups: maps.Clone(s.Groups), Ignored: maps.Clone(s.Ignored), Sentinels: maps.Clone(s.Sentinels),
		Voters: slices.Clone(s.Voters), Removed: maps.Clone(s.Removed), Level: s.Level, Installation: s.Installation,
	}
}

// IsForeign says whether a node that is of this installation is none of the sentinels'. Before there is a group they
// may still take it over.
func (s *State) IsForeign(installation string) bool {
	return installation != "" && installation != s.Installation && s.IsFounded()
}

// IsFounded says whether a group of nodes was ever agreed on: from then on the installation's id is what nodes know it
// by.
func (s *State) IsFounded() bool {
	for _, g := range s.Groups {
		if g.Epoch > 0 {
			return true
		}
	}
	return false
}

func (s *State) IsVoter(id string) bool {
	return slices.ContainsFunc(s.Voters, func(v Voter) bool { return v.ID == id })
}

// Group is a group in care.
func (s *State) Group(name string) (cluster.Group, bool) {
	g, ok := s.Groups[name]
	return g, ok && !s.Ignored[name]
}

// Names lists the groups in care in order.
func (s *State) Names() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(s.Groups)) {
		if !s.Ignored[name] {
			names = append(names, name)
		}
	}
	return names
}

// Apply is the whole meaning of the log. It must depend on nothing but its arguments. The entry has been checked.
func (s *State) Apply(e Entry) (*State, Result) {
	next := s.clone()
	switch {
	case e.Decision != nil:
		return next.decide(*e.Decision)
	case e.Tune != nil:
		g, ok := next.Group(e.Tune.Group)
		if !ok {
			return s, Result{Conflict: true}
		}
		e.Tune.change(&g.Settings)
		next.Groups[g.Name] = g
		return next, Result{Epoch: g.Epoch}
	case e.Monitor != nil:
		return next.monitor(*e.Monitor)
	case e.Ignore != nil:
		if _, ok := next.Group(e.Ignore.Group); !ok {
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
	case e.Install != nil:
		if s.Installation != e.Install.Replaces || s.Installation != "" && s.IsFounded() {
			return s, Result{Conflict: true}
		}
		next.Installation = e.Install.ID
		return next, Result{}
	case e.Raise != nil:
		return next.raise(*e.Raise)
	}
	return s, Result{Conflict: true}
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
	// Likewise; and a decider of an older version knows of none. A group that these sentinels don't know brings them
	// along.
	g.Features = old.Features.Newest(g.Features)
	s.Groups[g.Name] = g
	return s, Result{Epoch: g.Epoch}
}

func (s *State) raise(r Raise) (*State, Result) {
	if r.Group == "" {
		return s.raiseSentinels(r)
	}
	g, ok := s.Group(r.Group)
	if !ok || g.Epoch != r.Expect || r.Level > s.Level.OrBase() || r.Change <= g.Features.Change {
		return s, Result{Conflict: true, Epoch: g.Epoch}
	}
	g.Features = cluster.Features{Level: r.Level, Change: r.Change}
	s.Groups[g.Name] = g
	return s, Result{Epoch: g.Epoch}
}

func (s *State) raiseSentinels(r Raise) (*State, Result) {
	for name, g := range s.Groups {
		if r.State.Groups[name].Epoch != g.Epoch || r.Level < s.Level.OrBase() && r.Level < g.Features.Level {
			return s, Result{Conflict: true}
		}
	}
	next := r.State.clone()
	next.Voters, next.Level = s.Voters, r.Level
	if next.Removed == nil {
		next.Removed = map[string]bool{}
	}
	return next, Result{}
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
	set(&s.BusyCommandMs, t.BusyCommandMs)
	set(&s.FeatureLevel, t.FeatureLevel)
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// WithVoters is the state after a change of the Raft configuration.
func (s *State) WithVoters(voters []Voter) *State {
	next := s.clone()
	next.Voters = voters
	return next
}
