package sim

import (
	"fmt"
	"slices"
	"time"

	"holdfast/internal/memfs"
	"holdfast/sentinel"
)

// lasting are the kinds of faults that may take a member out of the chain at any time until they are undone.
var lasting = []string{
	"trouble with a disk", "fill and free", "cut between sentinels", "a slow link", "a slow node", "a slow member",
	"a long command", "flapping", "unheard news",
	"wild gossip", "cut one of a pair", "crash at a step", "join and die",
}

// troubled says whether a member may lose its place by what was done before.
func (f *faults) troubled() bool {
	return slices.ContainsFunc(f.did, func(name string) bool { return slices.Contains(lasting, name) })
}

// startGuest starts a node that is none of the three.
func (g *group) startGuest(o *guest, join []string, announce string) {
	g.t.Helper()
	n := g.newNode(o.m, join, announce)
	o.m.n = n
	g.guests.come(o)
	if err := n.Start(); err != nil {
		g.t.Fatal(err)
	}
}

// twin starts a copy of a member beside it: of its directory, of its configuration with the address in it, or of both.
// It gets no place as long as the other is there. It may stay when that one dies later, and is refused no more then.
func (f *faults) twin() bool {
	chain := f.spare()
	if len(chain) < size || len(f.guests.there()) > 0 {
		return false
	}
	of := chain[f.rng.IntN(size)]
	o := &guest{m: newMachine("twin", f.freshIP()), of: of}
	announce, what := o.m.ip(), "directory"
	switch how := f.rng.IntN(3); {
	case f.fsync == "" || how == 0:
		announce, what = of.ip(), "configuration"
		if f.fsync != "" {
			o.m.disk = memfs.New()
		}
	case how == 1:
		o.m.disk = of.disk.Copy()
	default:
		announce, what = of.ip(), "directory and configuration"
		o.m.disk = of.disk.Copy()
	}
	o.refused.Store(!f.troubled())
	f.story.tell("FAULT", "a copy of the %s of %s is started", what, of.name)
	f.startGuest(o, f.gossipSeeds(), announce)
	f.sleep(f.between(300*time.Millisecond, 3*time.Second))
	o.refused.Store(false)
	if f.rng.IntN(2) == 0 {
		f.endGuests()
	}
	return true
}

// endGuests ends all guests; one that is a member only when another member has all that it has.
func (f *faults) endGuests() {
	if f.guests.hasPlace(f.group) {
		for f.revive() {
			f.sleep(20 * time.Millisecond)
		}
		f.until("others have what a copy has that took a place", together, func() bool {
			for _, m := range f.agreed().Chain {
				if slices.ContainsFunc(f.nodes[:],
					func(o *machine) bool { return o.n != nil && o.n.RunID() == m.Incarnation && m.LinkUp }) {
					return true
				}
			}
			return !f.guests.hasPlace(f.group)
		})
	}
	f.guests.leave(f.group)
}

// neighbour is another installation in the same network, with the same group-key: a sentinel and a node.
type neighbour struct {
	w *watcher
	o *guest
}

const neighboursKey, neighboursValue = "whose", "the neighbours'"

// startNeighbour starts one, and waits until it serves. Between the two everything takes so long, if it is set.
func (f *faults) startNeighbour(latency time.Duration) *neighbour {
	n := &neighbour{w: &watcher{name: "other-sentinel", storage: sentinel.NewMemoryStorage(), alone: true},
		o: &guest{m: newMachine("other-node", f.freshIP())}}
	n.w.moveTo(f.freshIP())
	n.w.asked = &inquiry{w: n.w, g: f.group}
	if f.fsync != "" {
		n.o.m.disk = memfs.New()
	}
	n.o.refused.Store(true)
	if latency > 0 {
		f.net.SetLatency(n.w.ip(), n.o.m.ip(), latency, 0)
	}
	f.startSentinelTo(n.w, n.seeds())
	f.startGuest(n.o, n.seeds(), n.o.m.ip())
	f.until("another installation", 10*time.Second, func() bool {
		_, err := f.ask(n.o.m.addr(), "SET", neighboursKey, neighboursValue)
		return err == nil
	})
	return n
}

func (n *neighbour) seeds() []string { return []string{n.w.name + ":28379"} }

// end ends both.
func (n *neighbour) end(f *faults) {
	f.story.tell("FAULT", "the other installation goes")
	f.guests.leave(f.group)
	n.w.asked.close()
	f.killSentinel(n.w)
}

// wrongJoin starts another installation, and has a member of one of the two, or a new node, be told to join the other
// one, or both. Each keeps to its own, and a new node joins nobody.
func (f *faults) wrongJoin() bool {
	chain := f.spare()
	if len(f.guests.there()) > 0 {
		return false
	}
	n := f.startNeighbour(0)
	theirs, both := n.seeds(), append(f.gossipSeeds(), n.seeds()...)
	ours := f.gossipSeeds()
	if f.rng.IntN(2) == 0 {
		ours = both
	}
	var astray *machine
	var novice *guest
	how := f.rng.IntN(4)
	if how == 2 && (f.fsync == "" || len(chain) < size) { // a node without a directory is a new one
		how = 3
	}
	switch how {
	case 0:
		f.story.tell("FAULT", "a node of another installation is told to join %v", ours)
		n.o.m.host.Kill()
		f.closeNode(n.o.m)
		if f.fsync == "" {
			ours = both
		}
		f.startGuest(n.o, ours, n.o.m.ip())
	case 1:
		f.story.tell("FAULT", "a sentinel of another installation is told to join %v", ours)
		f.killSentinel(n.w)
		f.startSentinelTo(n.w, ours)
	case 2:
		astray = chain[1+f.rng.IntN(size-1)]
		f.kill(astray)
		f.story.tell("FAULT", "%s is told to join %v", astray.name, theirs)
		f.startNodeTo(astray, theirs)
	default:
		novice = &guest{m: newMachine("novice", f.freshIP())}
		if f.fsync != "" {
			novice.m.disk = memfs.New()
		}
		novice.refused.Store(true)
		f.story.tell("FAULT", "a new node is told to join %v", both)
		f.startGuest(novice, both, novice.m.ip())
	}
	f.sleep(f.between(500*time.Millisecond, 3*time.Second))
	f.checkNeighbour(n, how == 0 && f.fsync == "")
	if astray != nil {
		f.kill(astray)
	}
	n.end(f)
	if astray != nil {
		f.restart(astray)
	}
	return true
}

// checkNeighbour says that another installation has its own node in its chain, and that its data is its own.
func (f *faults) checkNeighbour(n *neighbour, novice bool) {
	s, err := n.w.asked.status()
	if err == nil && len(s.Groups) == 1 {
		for _, m := range append(s.Groups[0].Chain, s.Groups[0].Learners...) {
			if m.Addr != n.o.m.addr() {
				f.story.violated("identity", "another installation has %s in its chain", m.Addr)
			}
		}
	}
	// Gossip may still show sentinels as they were before they had an installation; these have no vote.
	votes := 0
	for _, o := range s.Sentinels {
		if o.Voter {
			votes++
		}
	}
	if err == nil && votes != 1 {
		f.story.violated("identity", "another installation has the sentinels %v", s.Sentinels)
	}
	if v, err := f.ask(n.o.m.addr(), "GET", neighboursKey); err == nil && string(v.Str) != neighboursValue &&
		!(novice && v.Null) {
		f.story.violated("identity", "another installation's data became %q (nil: %v)", v.Str, v.Null)
	}
	if v, err := f.ask(n.o.m.addr(), "EXISTS", "counter"); err == nil && v.Int != 0 {
		f.story.violated("identity", "another installation has this one's data")
	}
}

// compareGuests says that nobody is in the group who must not be.
func (g *group) compareGuests(w *watcher, s sentinel.GroupStatus) {
	for _, m := range append(slices.Clone(s.Chain), s.Learners...) {
		if o := g.guests.who(m.Incarnation); o != nil && o.refused.Load() {
			g.story.violated("identity", "%s has %s, %s, in the group of epoch %d", w.name, o.m.name,
				fmt.Sprintf("%.8s", m.Incarnation), s.Epoch)
		}
	}
}
