package sim

import (
	"fmt"
	"slices"
	"time"

	"holdfast/internal/memfs"
	"holdfast/sentinel"
)

// freshIP is an address that nobody has had.
func (g *group) freshIP() string {
	g.moves++
	return fmt.Sprintf("10.0.3.%d", g.moves)
}

// moveNode has a machine that is down be another one, to which its directory was brought: at times even the lock of
// that is another.
func (f *faults) moveNode(m *machine, ip string) {
	f.story.tell("FAULT", "%s moves from %s to %s", m.name, m.ip(), ip)
	m.moveTo(ip)
	m.cut = false
	if f.rng.IntN(2) == 0 {
		m.lock = m.name + " at " + ip
	}
}

func (f *faults) moveSentinel(w *watcher, ip string) {
	f.story.tell("FAULT", "%s moves from %s to %s", w.name, w.ip(), ip)
	w.moveTo(ip)
	w.moved = time.Now()
}

// publishing is how long it takes at most until the sentinels have agreed on where one of them is that has moved.
const publishing = 3 * time.Second

// moveOne has a member come back elsewhere, sooner or later than it is missed.
func (f *faults) moveOne() bool {
	chain := f.spare()
	if chain == nil {
		return false
	}
	m := chain[f.rng.IntN(len(chain))]
	f.kill(m)
	f.sleep(f.between(0, 2*time.Second))
	f.moveNode(m, f.freshIP())
	f.restart(m)
	return true
}

// exchanged are the addresses that some have after a move: fresh ones, or each other's.
func (f *faults) exchanged(ips []string) []string {
	ips = slices.Clone(ips)
	if f.rng.IntN(2) == 0 {
		return append(ips[1:], ips[0])
	}
	for i := range ips {
		ips[i] = f.freshIP()
	}
	return ips
}

func (f *faults) moveNodes() {
	var ips []string
	for _, m := range f.nodes {
		ips = append(ips, m.ip())
	}
	for i, ip := range f.exchanged(ips) {
		f.moveNode(f.nodes[i], ip)
	}
}

func (f *faults) moveSentinels() {
	var ips []string
	for _, w := range f.sentinels {
		ips = append(ips, w.ip())
	}
	for i, ip := range f.exchanged(ips) {
		f.moveSentinel(f.sentinels[i], ip)
	}
}

// moveAllNodes kills all nodes; they come back with their directories, elsewhere.
func (f *faults) moveAllNodes() bool {
	if f.fsync == "" || f.guests.hasPlace(f.group) {
		return false
	}
	f.heal()
	for _, m := range f.nodes {
		if m.n != nil {
			f.kill(m)
		}
	}
	f.moveNodes()
	return f.comeBack()
}

// settledIn says whether each sentinel that lost its directory has a vote again. Until then it is known by its address
// alone, so it must not move.
func (f *faults) settledIn() bool {
	f.wiped = f.wiped && !f.quorate(f.views())
	return !f.wiped
}

// moveOneSentinel has a sentinel come back elsewhere with what it had.
func (f *faults) moveOneSentinel() bool {
	w := f.sentinels[f.rng.IntN(size)]
	if w.s == nil || !f.settledIn() {
		return false
	}
	f.killSentinel(w)
	f.sleep(f.between(0, time.Second))
	f.moveSentinel(w, f.freshIP())
	f.startSentinel(w)
	return true
}

// moveAllSentinels does so with all of them at once.
func (f *faults) moveAllSentinels() bool {
	if !f.settledIn() {
		return false
	}
	f.heal()
	for _, w := range f.sentinels {
		if w.s != nil {
			f.killSentinel(w)
		}
	}
	f.moveSentinels()
	f.sleep(f.between(0, 2*time.Second))
	for _, i := range f.rng.Perm(size) {
		f.startSentinel(f.sentinels[i])
		f.sleep(f.between(0, 300*time.Millisecond))
	}
	return true
}

// moveAll is a whole installation that is started again under other addresses.
func (f *faults) moveAll() bool {
	if f.fsync == "" || f.guests.hasPlace(f.group) || !f.settledIn() {
		return false
	}
	f.heal()
	for i := range size {
		if w := f.sentinels[i]; w.s != nil {
			f.killSentinel(w)
		}
		if m := f.nodes[i]; m.n != nil {
			f.kill(m)
		}
	}
	f.moveNodes()
	f.moveSentinels()
	for _, i := range f.rng.Perm(2 * size) {
		f.sleep(f.between(0, 500*time.Millisecond))
		if i < size {
			f.startSentinel(f.sentinels[i])
		} else {
			f.restart(f.nodes[i-size])
		}
	}
	return true
}

// wipeSentinel has a sentinel lose its directory. One at a time: of three sentinels two must always know what was
// agreed.
func (f *faults) wipeSentinel() bool {
	if !f.quorate(f.views()) {
		return false
	}
	w := f.sentinels[f.rng.IntN(size)]
	if l := f.leader(); l != nil && f.rng.IntN(2) == 0 {
		w = l
	}
	if time.Since(w.moved) < publishing {
		return false // one that is wiped before the others know where it is has to be removed by hand: docs/running.md
	}
	f.killSentinel(w)
	f.story.tell("FAULT", "%s loses its directory", w.name)
	w.storage, f.wiped = sentinel.NewMemoryStorage(), true
	f.sleep(f.between(0, 3*time.Second))
	f.startSentinel(w)
	return true
}

// wipeNode has a member lose its directory, and come back where it was or elsewhere.
func (f *faults) wipeNode() bool {
	chain := f.spare()
	if chain == nil || f.fsync == "" {
		return false
	}
	m := chain[f.rng.IntN(len(chain))]
	f.kill(m)
	f.story.tell("FAULT", "%s loses its directory", m.name)
	m.disk, f.lostDisk = memfs.New(), true
	f.sleep(f.between(0, 2*time.Second))
	if f.rng.IntN(2) == 0 {
		f.moveNode(m, f.freshIP())
	}
	f.restart(m)
	return true
}
