package member

import "holdfast/cluster"

// Change is what a node has to do when it goes from one place to another, in the order of the fields.
type Change struct {
	Before, After Place

	// StepDown: it leads no more. What waits for a commit point is never confirmed, and clients look for another
	// master.
	StepDown bool
	// EndHeld: it is not in the chain any more. Nobody is told what it shows and has not committed: the chain may go on
	// without it.
	EndHeld bool
	// Unfollow: not one more byte of the previous predecessor is applied.
	Unfollow bool
	// DropData: the data is not what the log says, and nobody counts on it any more.
	DropData bool
	// TakeOver: it leads from here on, with the log that it has, under a new replication id. That holds for an empty
	// log too, whose id the old master may have written under.
	TakeOver bool
	// NoteEpoch: what the log gets from here on is written in this epoch.
	NoteEpoch bool
	// Follow: there is a predecessor, which learns of the epoch or, if it is another one, is linked to.
	Follow bool
}

// Adopt says how a node takes over a newer epoch of its group (rule 4: from here on nothing of an older one is
// accepted). ok is false for a group that is not newer: then nothing changes. broken says that the node's data is not
// what its log says.
func Adopt(before Place, g cluster.Group, self cluster.Member, broken bool) (c Change, ok bool) {
	if g.Epoch <= before.Epoch() {
		return Change{}, false
	}
	after := At(g, self)
	drop := broken && !after.InChain()
	return Change{
		Before: before, After: after,
		StepDown:  before.Master && !after.Master,
		EndHeld:   before.InChain() && !after.InChain(),
		Unfollow:  before.Upstream != after.Upstream || drop, // what comes by the link belongs behind what is dropped
		DropData:  drop,
		TakeOver:  after.Master && !before.Master,
		NoteEpoch: after.InChain(),
		Follow:    after.Upstream.Addr != "",
	}, true
}

// Relinking says whether a master has clients wait for the chain behind it to link: from when it takes over until the
// successor has acknowledged all that is committed. was is what it said before the change.
func (c Change) Relinking(was, held bool) bool {
	if c.Before.Master && c.After.Master {
		return was
	}
	return c.After.Master && !held
}
