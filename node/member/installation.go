package member

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"holdfast/cluster"
	"holdfast/internal/rules"
)

// errTorn is why a new node that sees several installations talks to no sentinel.
var errTorn = errors.New("this node is new and would have to choose between installations")

// mayJoin says whether the node may talk to sentinels: it has an installation, or has looked at all that it was told to
// join and sees no two. Whose chain it gets into must not hang on who answers first.
func (a *Agent) mayJoin() bool {
	if a.cfg.Identity.Installation() != "" {
		return true
	}
	return a.gossip.Joined() && !a.isTorn()
}

// isTorn says whether a new node sees more than one installation, and tells the user when that is new.
func (a *Agent) isTorn() bool {
	seen := a.gossip.Installations()
	a.mu.Lock()
	for id := range maps.Keys(a.offered) {
		if !slices.Contains(seen, id) {
			seen = append(seen, id)
		}
	}
	slices.Sort(seen)
	if !rules.ChooseNoInstallation || len(seen) < 2 {
		seen = nil
	}
	text := strings.Join(seen, ", ")
	news := text != a.torn
	a.torn = text
	a.mu.Unlock()
	if news && text != "" {
		a.cfg.Logger.Error("this node is new and joins nobody: --join leads to more than one installation",
			"installations", text,
			"do", "name members of one alone, and start it again")
	}
	return text != ""
}

// belongs says whether a sentinel's word counts here: it is of the node's installation. A new node takes over the
// sentinel's.
func (a *Agent) belongs(l *sentinelLink, r cluster.HeartbeatReply) bool {
	ours := a.cfg.Identity.Installation()
	switch {
	case r.Installation == "" || r.Installation == ours:
	case ours == "":
		a.mu.Lock()
		a.offered[r.Installation] = true
		a.mu.Unlock()
		if a.isTorn() || !r.Tentative && !a.join(r.Installation) {
			return false
		}
	default:
		// Tentative: it may take over ours, as soon as it knows that our sentinels are lost.
		if err := cluster.Foreign("sentinel "+l.addr, r.Installation, ours); !r.Tentative && l.told != err.Error() {
			l.told = err.Error()
			a.cfg.Logger.Error("a sentinel of another installation is not listened to", "sentinel", l.addr, "err", err)
		}
		return false
	}
	// A sentinel that has no installation yet may get another one: what it says unasked does not count here before
	// that.
	a.mu.Lock()
	l.ours = r.Installation == a.cfg.Identity.Installation()
	a.mu.Unlock()
	return true
}

func (a *Agent) isOurs(l *sentinelLink) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return l.ours
}

// join makes the node one of an installation; it is noted on disk before anything else is taken from there.
func (a *Agent) join(id string) bool {
	if err := a.cfg.Identity.Join(id); err != nil {
		a.cfg.Logger.Debug("can't join before that can be written down", "installation", id, "err", err)
		return false
	}
	if a.cfg.Identity.Installation() != id {
		return false
	}
	a.cfg.Logger.Info("joined an installation", "installation", id)
	if err := a.gossip.Update(a.gossipSelf()); err != nil {
		a.cfg.Logger.Warn("the gossip goes on without this node's installation", "err", err)
	}
	return true
}

// gossipSelf is what others are told of this node.
func (a *Agent) gossipSelf() cluster.Node {
	self := a.self
	return cluster.Node{
		Kind: "node", Name: self.Name, Addr: self.Addr, Group: a.cfg.Settings.Group(), Incarnation: self.Incarnation,
		Installation: a.cfg.Identity.Installation(),
	}
}
