package sim

import (
	"context"
	"time"
)

// faults does harm to a group, within what Holdfast promises to survive: a chain never loses its last member, unless the
// nodes have disks.
type faults struct {
	*group
}

// kinds of faults, each answering whether it was possible now.
var kinds = []func(f *faults) bool{
	(*faults).killMaster, (*faults).killMaster, (*faults).killSlave, (*faults).crashMaster, (*faults).cutMaster, (*faults).cutMaster,
	(*faults).cutSlave, (*faults).cutLink, (*faults).killLeader, (*faults).bounceMaster, (*faults).bounceSlave, (*faults).revive,
	(*faults).failover, (*faults).failover, (*faults).leaveMaster, (*faults).healNow, (*faults).killAll, (*faults).blackout, (*faults).blackout,
}

// one does the next fault that is possible.
func (f *faults) one() {
	for range 50 {
		if kinds[f.rng.IntN(len(kinds))](f) {
			return
		}
	}
	f.story.tell("FAULT", "none is possible now")
}

// steady is a margin: a node that was started or healed within it may still be about to be dropped from the chain.
const steady = 3 * time.Second

// spare is the chain, when one of its members can be taken away: at least two are surely there.
func (f *faults) spare() []*machine {
	chain := f.chain()
	sure := 0
	for _, m := range chain {
		if !m.cut && time.Since(m.since) > steady/2 {
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

// killAll kills all nodes at once; they come back with their disks.
func (f *faults) killAll() bool {
	if !f.disks {
		return false
	}
	for _, m := range f.nodes {
		if m.n != nil {
			f.kill(m)
		}
	}
	return f.comeBack()
}

// blackout takes the power from all nodes at once.
func (f *faults) blackout() bool {
	if !f.disks {
		return false
	}
	var up []*machine
	for _, m := range f.nodes {
		if m.n != nil {
			up = append(up, m)
		}
	}
	f.powerLoss(up...)
	return f.comeBack()
}

// comeBack starts all nodes, one after the other.
func (f *faults) comeBack() bool {
	f.sleep(f.between(0, 3*time.Second))
	for _, i := range f.rng.Perm(size) {
		if m := f.nodes[i]; m.n == nil {
			f.restart(m)
			f.sleep(f.between(0, 500*time.Millisecond))
		}
	}
	return true
}

// cutLink cuts between two neighbours in the chain, which both still reach the sentinels.
func (f *faults) cutLink() bool {
	chain := f.spare()
	if len(chain) < size {
		return false
	}
	i := f.rng.IntN(len(chain) - 1)
	f.story.tell("FAULT", "cut between %s and %s", chain[i].name, chain[i+1].name)
	chain[i].cut, chain[i+1].cut = true, true
	f.net.Cut(chain[i].ip, chain[i+1].ip)
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
	for f.revive() {
		f.sleep(f.between(0, 100*time.Millisecond))
	}
}
