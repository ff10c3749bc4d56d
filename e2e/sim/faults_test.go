package sim

import (
	"context"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"
)

// faults does harm to a group, within what Holdfast promises to survive: a chain never loses its last member, unless
// the nodes have disks.
type faults struct {
	*group
	done  *[]fault
	slow  bool      // a member was slow: twice would keep it out for longer than a group has to be whole again
	busy  time.Time // until when members execute what takes long
	wiped bool      // a sentinel lost its directory, and may not have a vote yet
}

// fault is one of a schedule. What it does follows from its seed, and from how the group stands when its time comes.
type fault struct {
	kind  *kind // nil: any that is possible then
	seed  uint64
	pause time.Duration // after it
}

// kind is a kind of faults; do answers whether it was possible now, and otherwise did nothing.
type kind struct {
	name  string
	share int // of all that are drawn
	do    func(f *faults) bool
}

var kinds = []kind{
	{"kill the master", 2, (*faults).killMaster},
	{"kill a slave", 1, (*faults).killSlave},
	{"crash the master's machine", 1, (*faults).crashMaster},
	{"cut the master off", 2, (*faults).cutMaster},
	{"cut a slave off", 1, (*faults).cutSlave},
	{"cut between neighbours", 1, (*faults).cutLink},
	{"kill the leading sentinel", 1, (*faults).killLeader},
	{"restart the master at once", 1, (*faults).bounceMaster},
	{"restart a slave at once", 1, (*faults).bounceSlave},
	{"start what is down", 1, (*faults).revive},
	{"failover", 2, (*faults).failover},
	{"the master leaves", 1, (*faults).leaveMaster},
	{"heal", 1, (*faults).healNow},
	{"kill all nodes", 1, (*faults).killAll},
	{"power loss", 2, (*faults).blackout},
	{"trouble with a disk", 1, (*faults).troubleDisk},
	{"fill and free", 3, (*faults).fillAndFree},
	{"pause a node", 1, (*faults).pause},
	{"cut one way", 1, (*faults).cutOneWay},
	{"cut off from the sentinels", 1, (*faults).cutPartly},
	{"a slow link", 1, (*faults).slowLink},
	{"a slow node", 1, (*faults).slowNode},
	{"a slow member", 1, (*faults).slowMember},
	{"a long command", 3, (*faults).longCommand},
	{"a slow script", 4, (*faults).slowScript},
	{"flapping", 2, (*faults).flapping},
	{"crash at a step", 3, (*faults).crashAtStep},
	{"restart without a leader", 2, (*faults).bounceUnseen},
	{"join and die", 4, (*faults).joinAndDie},
	{"unheard news", 5, (*faults).unheard},
	{"uneven loss", 4, (*faults).unevenLoss},
	{"an outsider first", 2, (*faults).outsiderFirst},
	{"cut one of a pair", 2, (*faults).cutPair},
	{"cut between sentinels", 2, (*faults).cutSentinels},
	{"wild gossip", 1, (*faults).wildGossip},
	{"a stranger", 2, (*faults).stranger},
	{"a node moves", 2, (*faults).moveOne},
	{"all nodes move", 1, (*faults).moveAllNodes},
	{"a sentinel moves", 2, (*faults).moveOneSentinel},
	{"all sentinels move", 2, (*faults).moveAllSentinels},
	{"all move", 2, (*faults).moveAll},
	{"a sentinel loses its directory", 3, (*faults).wipeSentinel},
	{"a node loses its directory", 2, (*faults).wipeNode},
	{"a twin", 4, (*faults).twin},
	{"a wrong join", 3, (*faults).wrongJoin},
	{"no places", 3, (*faults).takePlaces},
	{"noise on every port", 2, (*faults).noise},
}

// one does a fault: of its kind if it has one and that is possible, else the next that is.
func (f *faults) one(x fault) {
	if x.kind != nil {
		f.try(x)
		return
	}
	drawn := drawnKinds()
	all := 0
	for _, k := range drawn {
		all += k.share
	}
	draw := rand.New(rand.NewPCG(x.seed, 7))
	for range 50 {
		i, at := 0, draw.IntN(all)
		for ; at >= drawn[i].share; i++ {
			at -= drawn[i].share
		}
		if f.try(fault{kind: &drawn[i], seed: draw.Uint64(), pause: x.pause}) {
			return
		}
	}
	f.story.tell("FAULT", "none is possible now")
}

// drawnKinds are the kinds whose names have what FAULTS says in them, parted by commas; all of them when it says
// nothing.
var drawnKinds = sync.OnceValue(func() (drawn []kind) {
	for _, k := range kinds {
		for text := range strings.SplitSeq(os.Getenv("FAULTS"), ",") {
			if strings.Contains(k.name, text) {
				drawn = append(drawn, k)
				break
			}
		}
	}
	return drawn
})

// try does a fault if it is possible. It draws from a source of its own, so that a list without another one repeats it.
func (f *faults) try(x fault) bool {
	was, before := f.rng, *f.done
	defer func() { f.rng = was }()
	f.rng = rand.New(rand.NewPCG(x.seed, 6))
	*f.done = append(before, x)
	if !x.kind.do(f) {
		*f.done = before
		return false
	}
	f.did = append(f.did, x.kind.name)
	return true
}

// steady is a margin: a node that was started or healed within it may still be about to be dropped from the chain.
const steady = 1500 * time.Millisecond

// spare is the chain, when one of its members can be taken away: at least two are surely there.
func (f *faults) spare() []*machine {
	chain := f.chain()
	sure := 0
	for _, m := range chain {
		if !m.cut && time.Since(m.since) > steady {
			sure++
		}
	}
	if sure < 2 || sure < len(chain) {
		return nil
	}
	return chain
}

func (f *faults) killMaster() bool {
	chain := f.spare()
	if chain == nil {
		return false
	}
	f.kill(chain[0])
	return true
}

func (f *faults) crashMaster() bool {
	chain := f.spare()
	if chain == nil {
		return false
	}
	f.crash(chain[0])
	return true
}

func (f *faults) killSlave() bool {
	chain := f.spare()
	if chain == nil {
		return false
	}
	f.kill(chain[1+f.rng.IntN(len(chain)-1)])
	return true
}

// bounceMaster kills the master and starts it again, empty, before anybody can have missed it.
func (f *faults) bounceMaster() bool {
	chain := f.spare()
	if chain == nil {
		return false
	}
	f.bounce(chain[0])
	return true
}

func (f *faults) bounceSlave() bool {
	chain := f.spare()
	if chain == nil {
		return false
	}
	f.bounce(chain[1+f.rng.IntN(len(chain)-1)])
	return true
}

func (f *faults) bounce(m *machine) {
	f.kill(m)
	if f.rng.IntN(3) == 0 {
		f.loseDisk(m)
	}
	f.sleep(f.between(0, 200*time.Millisecond))
	f.restart(m)
}

func (f *faults) cutMaster() bool {
	chain := f.spare()
	if chain == nil {
		return false
	}
	f.cut(chain[0])
	return true
}

func (f *faults) cutSlave() bool {
	chain := f.spare()
	if chain == nil {
		return false
	}
	f.cut(chain[1+f.rng.IntN(len(chain)-1)])
	return true
}

// cutLink cuts between two neighbours in the chain, which both still reach the sentinels; or between their machines, on
// each of which there is a sentinel too.
func (f *faults) cutLink() bool {
	chain := f.spare()
	if len(chain) < size {
		return false
	}
	i := f.rng.IntN(len(chain) - 1)
	near, far := []string{chain[i].ip()}, []string{chain[i+1].ip()}
	f.story.tell("FAULT", "cut between %s and %s", chain[i].name, chain[i+1].name)
	if f.rng.IntN(2) == 0 {
		with := f.rng.Perm(len(f.sentinels))
		a, b := f.sentinels[with[0]], f.sentinels[with[1]]
		f.story.tell("FAULT", "%s is with the former, %s with the latter", a.name, b.name)
		near, far = append(near, a.ip()), append(far, b.ip())
	}
	chain[i].cut, chain[i+1].cut = true, true
	for _, a := range near {
		for _, b := range far {
			f.net.Cut(a, b)
		}
	}
	return true
}

// killLeader kills the sentinel that decides; the two others are still a majority.
func (f *faults) killLeader() bool {
	for _, w := range f.sentinels {
		if w.s == nil {
			return false
		}
	}
	w := f.leader()
	if w == nil {
		return false
	}
	f.killSentinel(w)
	return true
}

// revive starts a node or sentinel that is down.
func (f *faults) revive() bool {
	for _, m := range f.nodes {
		if m.n == nil {
			f.restart(m)
			return true
		}
	}
	for _, w := range f.sentinels {
		if w.s == nil {
			f.story.tell("FAULT", "restart %s", w.name)
			f.startSentinel(w)
			return true
		}
	}
	return false
}

func (f *faults) healNow() bool {
	for _, m := range f.nodes {
		if m.cut {
			f.heal()
			return true
		}
	}
	return false
}

// failover asks a sentinel for a planned handover.
func (f *faults) failover() bool {
	w := f.sentinels[f.rng.IntN(size)]
	if w.s == nil {
		return false
	}
	_, err := f.ask(w.addr(), "SENTINEL", "FAILOVER", groupName)
	f.story.tell("FAULT", "SENTINEL FAILOVER at %s: %v", w.name, err)
	return err == nil
}

// leaveMaster ends the master as SIGTERM does, and starts it again when it has gone.
func (f *faults) leaveMaster() bool {
	chain := f.spare()
	if chain == nil {
		return false
	}
	f.leave(chain[0])
	return true
}

// leave has a node leave and end, as SIGTERM does, however long that takes.
func (g *group) leave(m *machine) {
	g.story.tell("FAULT", "%s leaves", m.name)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := m.n.Leave(ctx)
	g.story.tell("FAULT", "%s left: %v", m.name, err)
	g.closeNode(m)
}

// undo heals and restarts everything.
func (f *faults) undo() {
	f.heal()
	f.net.SetDefaultLatency(f.latency, f.jitter)
	f.net.SetDefaultLoss(0)
	f.net.SetDefaultDuplication(0)
	f.mendDisks()
	f.sleep(time.Until(f.busy))
	f.endGuests()
	for f.revive() {
		f.sleep(f.between(0, 100*time.Millisecond))
	}
	f.givePlaces()
}
