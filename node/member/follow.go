package member

import (
	"context"
	"io"

	"holdfast/internal/rules"
	"holdfast/membership"
	"holdfast/node/engine"
	"holdfast/node/persist"
	"holdfast/replication"
	"holdfast/resp"
)

const errGoverned = resp.Error(
	"ERR the sentinels of this group decide who is master: use SENTINEL FAILOVER, or holdfast failover")

// following is one run of a follower, and its applier. Nothing more is taken from it as soon as the node follows
// somebody else.
type following struct {
	*replication.Follower
	config replication.FollowConfig
	cancel context.CancelFunc
	source engine.Source
	r      *Replication
}

// MayBeTold refuses to let anybody but the sentinels of a group say whom its members follow.
func (r *Replication) MayBeTold() error {
	if r.Grouped {
		return errGoverned
	}
	return nil
}

// ReplicaOf follows another server, or nobody when host is "". In a group it is refused.
func (r *Replication) ReplicaOf(host string, port int) error {
	if err := r.MayBeTold(); err != nil {
		return err
	}
	defer r.engine.StandStill()()
	r.stopFollowing()
	if host == "" {
		if !r.Place().Master {
			r.SetPlace(Alone(true))
			r.takeOver()
			r.engine.NoteRole()
		}
		return nil
	}
	if !r.engine.Effects.Empty() { // of the same transaction: the data has them
		r.engine.Append()
	}
	addr := joinAddr(host, port)
	r.SetPlace(Following(addr))
	r.engine.NoteRole()
	r.Feeder.DropAll(engine.ErrSuperseded) // they must learn the new history
	_, own := splitAddr(r.self.Addr)
	r.follow(replication.FollowConfig{Addr: addr, AnnounceIP: r.Settings.AnnounceIP(), AnnouncePort: own})
	return nil
}

// followMember follows the predecessor in a chain.
func (r *Replication) followMember(p *Place) {
	host, port := splitAddr(r.self.Addr)
	c := replication.FollowConfig{
		Addr: p.Upstream.Addr, AnnounceIP: host, AnnouncePort: port, Beat: r.agent.beat,
		Chain: true, Group: p.Group.Name, Epoch: p.Epoch(), Member: r.self, Upstream: p.Upstream,
		Installation: r.Identity.Installation(),
		Level:        r.Features.Understood(),
	}
	if r.proof.Member != nil {
		c.Proof, c.ProofOf = r.proof.Member, membership.Peer{Kind: membership.Node, Name: p.Upstream.Name}
	} else {
		c.User, c.Password = r.Settings.MasterUser(), r.Settings.MasterAuth()
	}
	r.follow(c)
}

// follow starts to follow.
func (r *Replication) follow(c replication.FollowConfig) {
	f := &following{r: r}
	c.Network, c.Log, c.Applier, c.Logger, c.Steps = r.Network, r.Log, f, r.Logger, r.Steps
	c.Timeout = r.timeout
	c.Loops = r.Loops
	c.Traffic = &r.Traffic
	up := false
	c.OnState = func(s replication.FollowStatus) {
		if now := s.DownSince.IsZero(); now != up { // what is in between tells the sentinels nothing
			up = now
			r.agent.Nudge()
		}
	}
	ctx, cancel := context.WithCancel(r.Context)
	f.Follower, f.config, f.cancel = replication.NewFollower(c), c, cancel
	if err := r.engine.Broken(); err != nil {
		f.CopyAnew(err)
	}
	r.engine.Follow(&f.source)
	r.following = f
	r.followed.Store(f)
	r.Go(func() { f.Run(ctx) })
}

// stopFollowing ends the link to the predecessor; not one more of its bytes is applied.
func (r *Replication) stopFollowing() {
	if r.following != nil {
		if rules.FenceOldEpochs {
			r.following.cancel()
		}
		r.engine.Follow(nil)
		r.following = nil
		r.followed.Store(nil)
	}
}

// Unlink ends the link to the predecessor, so that nothing is appended, until relink is called, which needs no lock.
func (r *Replication) Unlink() (relink func()) {
	f := r.following
	if f == nil {
		return func() {}
	}
	r.stopFollowing()
	return func() {
		r.engine.Lock()
		defer r.engine.Unlock()
		if r.following == nil && !r.Place().Master && r.Context.Err() == nil {
			r.follow(f.config)
			r.following.SetEpoch(r.Place().Epoch())
		}
	}
}

// linked reports whether a replica is in touch with whom it follows.
func (r *Replication) linked() bool {
	return r.following != nil && r.following.Status().State == replication.FollowConnected
}

// What comes over the link: replication.Applier.

// Apply appends a batch as it stands to the node's own log, same bytes, same offsets, and has it executed.
func (f *following) Apply(batch []replication.Entry) error { return f.r.engine.Apply(batch, &f.source) }

// Continue has the log go on under the predecessor's id.
func (f *following) Continue(id string) error { return f.r.persist.ContinueAs(id, &f.source) }

// Load builds a data set from a snapshot beside the present one and swaps them when it is whole.
func (f *following) Load(from io.Reader, pos replication.Position) error {
	s := f.Status()
	return f.r.persist.LoadCopy(from, persist.Copy{By: &f.source, From: s.Addr, Bytes: max(s.SyncTotal, 0),
		Position: pos})
}

// Rewind drops the log's end from offset on, which was never committed.
func (f *following) Rewind(offset int64) error { return f.r.persist.Rewind(offset, &f.source) }
