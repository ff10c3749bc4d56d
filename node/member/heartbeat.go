package member

import (
	"time"

	"holdfast/cluster"
	"holdfast/replication"
)

// Facts are how a node is at one moment, as far as the sentinels need to know.
type Facts struct {
	Now          time.Time
	Group        string // its name; also before a group of that name was adopted
	Self         cluster.Member
	Place        Place
	Installation string
	Replaces     []string // incarnations of earlier starts that have ended for sure

	Position    replication.Position
	Commit      int64
	LogEpoch    uint64 // in which the log was last written
	Awaits      bool   // the commit point is the chain's, see ack-mode
	JoiningHeld bool   // the learner that is let join has acknowledged all that is committed
	AckDelay    time.Duration
	StoreDelay  time.Duration
	Unheard     time.Duration
	AckedAt     time.Time // when the last acknowledgement came
	MinReplicas int

	Leased    bool
	Relinking bool
	Leaving   bool
	Order     uint64 // the epoch in which the node is about to drain; 0: none
	Drained   uint64 // and in which it last told that it has
	Unmet     []cluster.Unmet

	Link  *replication.FollowStatus // to the predecessor; nil: it follows nobody
	Fault error                     // why the data is not what the log says; nil: it is

	FaultSince time.Time

	Busy    time.Duration // for how long one turn has kept all others waiting
	Command string        // the command that does, where it is one that may take long

	Memory   int64
	Priority int
	Version  string
	Level    cluster.Level
	Needs    cluster.Level
	Features cluster.Features

	DownAfter time.Duration
}

// maxReason is how much of the reason why a node is broken is said: who reads it wants the beginning.
const maxReason = 300

// Heartbeat is what a node says of itself.
func (f Facts) Heartbeat() cluster.Heartbeat {
	p := &f.Place
	h := cluster.Heartbeat{
		Group: f.Group, Member: f.Self, Epoch: p.Epoch(), LogEpoch: f.LogEpoch, Role: p.Role(),
		ReplID: f.Position.ID, Offset: f.Position.Offset, Commit: f.Commit, Async: !f.Awaits,
		Lease: f.Leased, Forming: f.Relinking, Leaving: f.Leaving, Draining: f.Order,
		AckDelay: f.AckDelay.Milliseconds(), StoreDelay: f.StoreDelay.Milliseconds(),
		Unheard: f.Unheard.Milliseconds(), Floor: f.MinReplicas,
		Memory: f.Memory, Priority: f.Priority, Version: f.Version,
		Level: f.Level, Needs: f.Needs, Features: f.Features,
		Unmet: f.Unmet, Installation: f.Installation,
	}
	if p.Master && f.Drained == p.Epoch() {
		h.Drained = p.Epoch()
	}
	if f.Link != nil {
		h.LinkUp, h.Upstream = f.Link.DownSince.IsZero(), f.Link.Upstream
		if !h.LinkUp {
			h.LinkDownMs = f.Now.Sub(f.Link.DownSince).Milliseconds()
		}
	}
	if f.Fault != nil {
		text := f.Fault.Error()
		h.Broken = text[:min(len(text), maxReason)]
		// So do sentinels see that it can't be counted on which know no broken ones.
		h.LinkUp, h.Upstream = false, cluster.Member{}
		h.LinkDownMs = max(f.Now.Sub(f.FaultSince).Milliseconds(), h.LinkDownMs)
	}
	if !p.InGroup() {
		h.Replaces = f.Replaces
	}
	if f.JoiningHeld {
		h.Joining = p.Joining
	}
	h.Committing = p.Master && (len(p.Group.Chain) == 1 || h.Commit == h.Offset && h.Lease ||
		f.Now.Sub(f.AckedAt) < f.DownAfter)
	if h.Busy = f.Busy.Milliseconds(); h.Busy > 0 {
		h.Command = f.Command
	}
	return h
}

// Unheard is for how long nothing has come over the link from whom the oldest byte waits for, which is to be heard
// several times in a down-after; no longer than it has waited.
func (p *Place) Unheard(self cluster.Member, followers []replication.FollowerStatus, waited time.Duration,
	now time.Time) time.Duration {
	from, ok := p.Group.Successor(self)
	if !ok {
		from = p.Joining
	}
	for _, f := range followers {
		if !f.Info.Member.Is(from) {
			continue
		}
		silence := f.Lag
		if silence < 0 {
			silence = now.Sub(f.Since)
		}
		waited = min(waited, silence)
	}
	return waited
}
