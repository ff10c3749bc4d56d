package member

import (
	"time"

	"holdfast/cluster"
	"holdfast/internal/steps"
)

// Adopt takes over a newer epoch of the group (rule 4: from here on nothing of an older one is accepted). Under the
// execution lock, which it takes, so that every write belongs to one epoch.
func (r *Replication) Adopt(g cluster.Group) {
	r.persist.Rebuild.Lock() // nobody leads, nor follows anybody else, with data that is there in part
	defer r.persist.Rebuild.Unlock()
	turn := r.engine.BeginAlone()
	c, newer := r.agent.Adopt(g, r.engine.Broken() != nil)
	if !newer {
		turn.Commit()
		return
	}
	r.leavePlace(&c)
	r.agent.Enter(&c)
	switch {
	case !c.Follow:
	case r.following == nil:
		r.followMember(&c.After)
	default:
		r.following.SetEpoch(g.Epoch)
	}
	r.Handover.stop()
	r.Confirmations.reconsider()
	r.clients.Push(r.Pauses.end()...)
	r.SetPlace(c.After) // now that all else belongs to it
	turn.Commit()
	after := &c.After
	r.Steps.At(steps.AdoptedAs(string(after.Role())))
	r.Logger.Info("adopted an epoch", "epoch", g.Epoch, "role", after.Role(), "position", after.Position, "following",
		after.Upstream.Addr, "offset", r.Log.End())
	r.persist.NoteIdentity()
	r.agent.Adopted(&c)
}

// leavePlace does what a change of place asks for before the log goes by the new epoch.
func (r *Replication) leavePlace(c *Change) {
	if c.StepDown {
		r.stepDown()
	}
	if c.EndHeld {
		r.dropHeld("this node is not in the chain any more")
	}
	if c.Unfollow {
		r.stopFollowing()
	}
	if c.DropData {
		r.persist.DropData()
		r.engine.Mended()
	}
	if c.TakeOver {
		r.takeOver()
	}
	if c.NoteEpoch {
		r.Epochs.Log.Store(c.After.Epoch())
	}
}

// takeOver makes a replica the master: it goes on with the log it has, under a new replication id. That holds for an
// empty log too, whose id the old master may have written under.
func (r *Replication) takeOver() {
	r.persist.NewHistory()
	r.engine.Effects.Reselect()
}

// stepDown makes a master a replica: what was not committed is never confirmed, and clients are sent away so that they
// look for the new master. Those that are blocked get no answer either: an error is nothing that clients try again
// after.
func (r *Replication) stepDown() {
	r.deposedAt = time.Now()
	r.engine.LoseGates()
	r.engine.Effects.Drop()
	r.Pauses.forgetAll()
	for _, s := range r.clients.Clients.All() {
		s.Unpark()
		s.Abort("this node is no longer the master")
	}
}

// dropHeld ends the clients whose replies wait for the commit point of a chain that may go on without this node, and
// without the writes that they saw.
func (r *Replication) dropHeld(reason string) {
	r.engine.LoseGates()
	for _, s := range r.clients.Clients.All() {
		if s.Gate > 0 || !s.Out.Idle() {
			s.Unpark()
			s.Abort(reason)
		}
	}
}
