package sim

import (
	"math/rand/v2"
	"time"

	"holdfast/internal/memfs"
)

// killAll kills all nodes at once; they come back with their disks.
func (f *faults) killAll() bool {
	if f.fsync == "" || f.guests.hasPlace(f.group) {
		return false
	}
	f.endGuests() // a copy that is back before the one it copies stands in for it
	for _, m := range f.nodes {
		if m.n != nil {
			f.kill(m)
		}
	}
	return f.comeBack()
}

// blackout takes the power from all nodes at once, and at times from one of them its disk for good. Where a log is
// synced once a second, one of a chain only dies, so that what was acknowledged is still somewhere.
func (f *faults) blackout() bool {
	if f.guests.hasPlace(f.group) {
		return false
	}
	f.endGuests()
	switch f.fsync {
	case "always":
	case "everysec":
		return f.unevenLoss()
	default:
		return false
	}
	var up []*machine
	for _, m := range f.nodes {
		if m.n != nil {
			up = append(up, m)
		}
	}
	chain := f.spare()
	if f.rng.IntN(3) == 0 { // what no disk takes any more nobody may be told of
		if len(chain) == size && f.rng.IntN(2) == 0 { // nor what the only disk doesn't that is left in the chain
			f.kill(chain[1])
			f.kill(chain[2])
			f.sleep(f.between(1200*time.Millisecond, 2*time.Second))
			up, chain = chain[:1], nil
		}
		for _, m := range up {
			f.trouble(m)
		}
		f.sleep(f.between(0, 600*time.Millisecond))
	}
	f.powerLoss(up...)
	if len(chain) == size && f.rng.IntN(3) == 0 {
		f.loseDisk(chain[f.rng.IntN(size)])
	}
	return f.comeBack()
}

// unevenLoss kills one member, and a moment later the others lose their power, and at times one of them its disk. Any
// of them may come back first; when all have, the one that was only killed has everything.
func (f *faults) unevenLoss() bool {
	chain := f.spare()
	if f.fsync == "" || len(chain) < 2 {
		return false
	}
	f.heal() // who can't be heard when it is back is not waited for
	f.endGuests()
	kept := chain[f.rng.IntN(len(chain))]
	f.kill(kept)
	f.sleep(f.between(0, 300*time.Millisecond))
	var others []*machine
	for _, m := range f.nodes {
		if m.n != nil {
			others = append(others, m)
		}
	}
	f.powerLoss(others...)
	if f.rng.IntN(3) == 0 {
		f.loseDisk(others[f.rng.IntN(len(others))])
	}
	if f.rng.IntN(2) == 0 {
		return f.comeBack()
	}
	f.sleep(f.between(1200*time.Millisecond, 3*time.Second)) // until all are known to be dead
	for _, m := range append(others, kept) {
		f.restart(m)
		f.sleep(f.between(0, 400*time.Millisecond))
	}
	return true
}

// outsiderFirst takes a member out, for good as far as the chain knows; after a while that goes on without it, all die,
// and that one is back before any of those who have what was acknowledged meanwhile.
func (f *faults) outsiderFirst() bool {
	chain := f.spare()
	if f.fsync == "" || len(chain) < size {
		return false
	}
	f.endGuests()
	out := chain[f.rng.IntN(size)]
	f.kill(out)
	f.sleep(f.between(1200*time.Millisecond, 2500*time.Millisecond))
	for _, m := range f.nodes {
		if m.n != nil {
			f.kill(m)
		}
	}
	f.sleep(f.between(0, 2*time.Second))
	f.restart(out)
	f.sleep(f.between(0, 3*time.Second))
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

// loseDisk has a node that is down come back without what it had.
func (f *faults) loseDisk(m *machine) {
	if m.disk != nil {
		f.story.tell("FAULT", "the disk of %s is lost", m.name)
		m.disk, f.lostDisk = memfs.New(), true
	}
}

// troubleDisk has a node's disk run full or fail at times, until it is mended: perhaps when the node is started again.
func (f *faults) troubleDisk() bool {
	m := f.nodes[f.rng.IntN(size)]
	if f.fsync == "" || m.n == nil {
		return false
	}
	f.trouble(m)
	return true
}

// fillAndFree has the disks of some nodes, or of all, run full in the middle of a write, and gives them room again,
// once or twice; what is acknowledged after that is there when they are killed and started again.
func (f *faults) fillAndFree() bool {
	if f.fsync == "" || f.guests.hasPlace(f.group) {
		return false
	}
	f.endGuests()
	var full []*machine
	for _, i := range f.rng.Perm(size)[:1+f.rng.IntN(size)] {
		if m := f.nodes[i]; m.n != nil {
			full = append(full, m)
		}
	}
	for range 1 + f.rng.IntN(2) {
		for _, m := range full {
			f.fill(m)
		}
		f.sleep(f.between(100*time.Millisecond, time.Second))
		f.story.tell("FAULT", "there is room again on all disks")
		f.mendDisks()
		f.sleep(f.between(100*time.Millisecond, time.Second))
	}
	if len(full) < size && f.spare() == nil {
		return true
	}
	for _, m := range full {
		if m.n != nil {
			f.kill(m)
		}
	}
	return f.comeBack()
}

// fill leaves so little room on a disk that the next write, or the one after it, is a short one.
func (f *faults) fill(m *machine) {
	room := f.rng.Int64N(200)
	f.story.tell("FAULT", "the disk of %s has room for %d bytes", m.name, room)
	m.disk.SetRoom(room)
}

func (f *faults) trouble(m *machine) {
	switch f.rng.IntN(6) {
	case 0, 1, 2:
		room := f.rng.Int64N(4096)
		f.story.tell("FAULT", "the disk of %s has room for %d bytes", m.name, room)
		m.disk.SetRoom(room)
	case 3:
		more := f.rng.IntN(3)
		f.story.tell("FAULT", "the disk of %s has room for %d files", m.name, more)
		m.disk.SetFiles(more)
	default:
		share := 0.5 * f.rng.Float64()
		f.story.tell("FAULT", "the disk of %s fails, %.0f of 100 times", m.name, 100*share)
		m.disk.Fail(share, rand.New(rand.NewPCG(f.rng.Uint64(), 5)))
	}
}

func (f *faults) mendDisks() {
	for _, m := range f.nodes {
		m.mendDisk()
	}
}

func (m *machine) mendDisk() {
	if m.disk != nil {
		m.disk.SetRoom(-1)
		m.disk.SetFiles(-1)
		m.disk.Fail(0, nil)
	}
}
