package member

import (
	"context"
	"errors"
	"net"
	"strconv"
	"time"

	"holdfast/replication"
	"holdfast/resp"
	"holdfast/server/session"
)

const (
	errNoMasterLink = resp.Error("NOMASTERLINK Can't SYNC while not connected with my master")
	errAgreedID     = resp.Error("ERR the members of a group agree on the replication id")
)

var errKilled = errors.New("CLIENT KILL")

// hello reads what a member says of itself, who must have proven that the connection is its own.
func (r *Replication) hello(s *session.Session, text []byte) (replication.Hello, error) {
	h, err := replication.ParseHello(text)
	if err == nil {
		err = r.proof.Proven(s, h.Member)
	}
	return h, err
}

// AcceptReplica judges what a chain member says of itself in REPLCONF.
func (r *Replication) AcceptReplica(s *session.Session, chain []byte) error {
	h, err := r.hello(s, chain)
	if err != nil {
		return err
	}
	return r.Place().MayFollow(h, r.Identity.Installation(), r.Features.Asked(), r.self)
}

// ConfirmEpoch judges a replica's question whether the epoch still stands. With no error the answer is yes, once a
// marker that is appended now is committed.
func (r *Replication) ConfirmEpoch(s *session.Session, question []byte) error {
	h, err := r.hello(s, question)
	if err != nil {
		return err
	}
	if err := h.Check(r.Identity.Installation(), r.Place().Group, r.Features.Heard().Level, r.self); err != nil {
		return err
	}
	return r.Place().MayConfirm(h.Member, r.Chained(), r.agent.Drain())
}

// ServeReplica turns the session's connection into a replica's link (PSYNC); the reply is written by the link.
func (r *Replication) ServeReplica(s *session.Session, id string, offset int64) error {
	if r.Grouped && !r.Place().InGroup() {
		return errNoMasterLink
	}
	info := replication.FollowerInfo{
		IP: s.Replica.IP, ListeningPort: s.Replica.ListeningPort,
		CapaEOF: s.Replica.EOF, CapaPSYNC2: s.Replica.PSync2, PlainSync: id == "",
	}
	if info.IP == "" {
		info.IP, _, _ = net.SplitHostPort(s.Addr)
	}
	if len(s.Replica.Chain) > 0 {
		h, err := replication.ParseHello(s.Replica.Chain)
		if err != nil {
			return err
		}
		info.IsMember, info.Epoch, info.Member = true, h.Epoch, h.Member
	}
	ask, _ := replication.ParsePSYNC(id, strconv.FormatInt(offset, 10))
	if !r.backlog {
		r.backlog = true
		r.engine.NoteRole()
		r.engine.Effects.Reselect() // the log begins now
	}
	s.Hijack(func(conn net.Conn, buffered []byte) {
		err := r.Feeder.ServeFollower(r.Context, conn, buffered, info, ask)
		r.Logger.Info("replica gone", "replica", joinAddr(info.IP, info.ListeningPort), "reason", err)
	})
	return nil
}

// Snapshot fixes an image of the data, for a follower. It needs no lock.
func (r *Replication) Snapshot(ctx context.Context) (replication.Snapshot, error) {
	return r.persist.Snapshot(ctx)
}

// KillReplicas ends some of the links of replicas, and counts them. They come back by themselves.
func (r *Replication) KillReplicas(which func(ReplicaState) bool) int {
	return r.Feeder.Drop(errKilled, func(f replication.FollowerStatus) bool { return which(asReplicaState(f)) })
}

// GoodReplicas counts replicas that acknowledged anything within the last lag seconds. In a chain every member
// acknowledges every write, so all of them count.
func (r *Replication) GoodReplicas(lag int64) int {
	if r.Chained() {
		return len(r.Place().Group.Chain) - 1
	}
	return r.Feeder.Good(time.Duration(lag) * time.Second)
}

// ReplicaAcks counts replicas that have acknowledged offset: those that follow this node, and in a chain, where only
// one does, all members behind it once the offset is committed.
func (r *Replication) ReplicaAcks(offset int64) int {
	acked := r.Feeder.Acked(offset)
	if r.Chained() && r.Place().Master && r.Log.Commit() >= offset {
		acked = max(acked, len(r.Place().Group.Chain)-1)
	}
	return acked
}

// ChangeReplicationID has the log go on under another id; refused in a group, whose members agree on it.
func (r *Replication) ChangeReplicationID() error {
	if r.Grouped {
		return errAgreedID
	}
	r.persist.NewHistory()
	return nil
}
