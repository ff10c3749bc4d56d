package member

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"holdfast/cluster"
	"holdfast/internal/steps"
	"holdfast/netloop"
	"holdfast/node/config"
	"holdfast/node/engine"
	"holdfast/node/identity"
	"holdfast/node/persist"
	"holdfast/replication"
	"holdfast/server"
	"holdfast/server/session"
	"holdfast/transport"
)

// ReplicationConfig is what a Replication is made with.
type ReplicationConfig struct {
	Context  context.Context // ends with the node
	Settings *config.Config
	Network  transport.Network
	Loops    *netloop.Loops // serve the links
	Logger   *slog.Logger
	Steps    steps.Observer
	Go       func(f func()) // runs f in a goroutine that the node waits for when it ends
	Grouped  bool           // the node belongs to a group that sentinels govern
	OnAck    func()         // called, outside locks, when a follower has acknowledged more

	Log      *replication.Log
	Identity *identity.Identity
	Features *identity.Features
	Lease    *Lease
}

// Replication is a node's part in replication: whom it follows and who follows it, what it does when the group goes on
// with another chain, and what clients are told and refused because of that. The execution lock guards it, unless a
// method says that it needs none.
type Replication struct {
	ReplicationConfig
	Feeder *replication.Feeder
	Epochs persist.Epochs
	// Traffic is what the links have done.
	Traffic replication.Traffic
	Pauses  Pauses
	// Confirmations are reads that wait for the chain to confirm its epoch.
	Confirmations Confirmations
	Handover      Handover

	engine  *engine.Engine
	clients *server.Server
	persist *persist.Persistence
	agent   *Agent

	self      cluster.Member
	proof     Proof
	deposedAt time.Time                 // when it last ceased to be the master
	backlog   bool                      // a replica has been here: outside a group only then there is a log
	following *following                // guarded by the execution lock, and by what guards the log's growth
	followed  atomic.Pointer[following] // the same, for who can't wait for the lock
}

// NewReplication makes one that follows nobody, whom nobody follows. Attach comes before all else.
func NewReplication(c ReplicationConfig) *Replication {
	r := &Replication{ReplicationConfig: c}
	r.Feeder = replication.NewFeeder(replication.FeederConfig{
		Log: c.Log, Snapshots: r, Logger: c.Logger, Steps: c.Steps,
		Random:  replication.Random{Rand: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))},
		Timeout: r.timeout, Loops: c.Loops,
		Traffic: &r.Traffic, OnAck: c.OnAck, OnChange: func() { r.agent.Nudge() },
	})
	return r
}

// Attach has it go by, and work on, the rest of the node.
func (r *Replication) Attach(e *engine.Engine, clients *server.Server, p *persist.Persistence, a *Agent) {
	r.engine, r.clients, r.persist, r.agent = e, clients, p, a
	r.Pauses = Pauses{engine: e, clients: clients, agent: a, deferred: map[*session.Session]struct{}{}}
	r.Confirmations = Confirmations{r: r, due: make(chan struct{}, 1), waiting: map[*session.Session]*Confirmation{}}
	r.Handover = Handover{engine: e, clients: clients, agent: a, pauses: &r.Pauses}
}

// Introduce says under which name and address the node is known, and how it proves that.
func (r *Replication) Introduce(self cluster.Member, proof Proof) {
	r.self, r.proof = self, proof
	r.agent.Introduce(self, proof.Member)
}

// Place is where the node stands.
func (r *Replication) Place() *Place { return r.agent.Place() }

// SetPlace has everybody see where the node stands from here on.
func (r *Replication) SetPlace(p Place) {
	r.agent.Stand(&p)
	if r.Epochs.Adopted = 0; p.Position >= 0 && r.Grouped {
		r.Epochs.Adopted = p.Epoch()
	}
	r.engine.NoteRole()
}

// Chained reports whether the commit point is the chain's: in a group, unless its users chose ack-mode async.
func (r *Replication) Chained() bool { return r.Grouped && r.Settings.AckChain() }

// logging reports whether effects go to the log: always in a group, otherwise once a replica has been here. A replica's
// log is written by its predecessor's bytes alone.
func (r *Replication) logging() bool {
	return r.Place().Master && (r.Grouped || r.backlog || r.persist.Kept())
}

// gated reports whether replies wait for the commit point: in a chain, and where the log is kept on disk; not those of
// a replica that is to answer with whatever it has.
func (r *Replication) gated() bool {
	return (r.Place().Master || !r.readsAny()) && (r.Chained() || r.persist.Kept())
}

// readsAny reports whether replicas answer as Redis's do.
func (r *Replication) readsAny() bool { return r.Settings.ReplicaReadsAny() }

// What the engine asks: engine.Node.

// Role is what the engine has to know of the node.
func (r *Replication) Role() engine.Role {
	return engine.Role{Master: r.Place().Master, Logs: r.logging(), Gated: r.gated(),
		Gates: r.Grouped || r.persist.Kept(), Pause: r.Pauses.Kind()}
}

// Spoilt has the sentinels told that the data is not what the log says, and the predecessor send a full copy if that is
// wanted.
func (r *Replication) Spoilt(err error, again bool) {
	r.agent.Nudge()
	if f := r.following; f != nil && again {
		f.CopyAnew(err)
	}
}

// LeadsForSure reports that no other master can be at work.
func (r *Replication) LeadsForSure() bool { return !r.Chained() || r.Lease.Valid() }

// Describe adds to a heartbeat what the agent does not know: about the link to the predecessor, the data, and what is
// being executed. It needs no lock.
func (r *Replication) Describe(f *Facts) {
	f.LogEpoch = r.Epochs.Log.Load()
	if followed := r.followed.Load(); followed != nil {
		s := followed.Status()
		f.Link = &s
	}
	f.FaultSince, f.Fault = r.engine.Fault()
	f.Busy, f.Command = r.engine.Busy()
	r.engine.NoteLong(f.DownAfter)
}

// Committed is told that the commit point has moved. It needs no lock.
func (r *Replication) Committed(commit int64) {
	if r.agent.Holds() && commit == r.Log.End() {
		r.agent.Nudge() // the sentinels wait for the last write to be committed
	}
}

// Obey does as the sentinels say, until the agent ends. It needs no lock.
func (r *Replication) Obey() {
	for {
		switch o, ok := r.agent.Next(); {
		case !ok:
			return
		case o.Adopt != nil:
			r.Adopt(*o.Adopt)
		default:
			r.Drain(o.Drain, o.Hold)
		}
	}
}

// KeepAlive appends a marker to the log, if there is one, so that a replica knows that a silent master is there. It
// reports false where the log must stay as it is.
func (r *Replication) KeepAlive() bool {
	if r.agent.Holds() {
		return false // the log that the sentinels were told of as complete must stay so
	}
	if r.logging() {
		r.engine.AppendMarker()
	}
	return true
}

// AckModeChanged has the commit point go by ack-mode as it is now.
func (r *Replication) AckModeChanged() {
	r.agent.SetChain()
	r.engine.NoteRole()
}

// ReplicaReadChanged has reads go by replica-read as it is now.
func (r *Replication) ReplicaReadChanged() {
	r.Confirmations.reconsider()
	r.engine.NoteRole()
}

// Close ends all links. It needs no lock.
func (r *Replication) Close() error {
	r.engine.Do(func(time.Time) {
		r.stopFollowing()
		r.Pauses.stop()
		r.Handover.stop()
	})
	return r.Feeder.Close()
}

func joinAddr(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

func splitAddr(addr string) (host string, port int) {
	host, p, _ := net.SplitHostPort(addr)
	port, _ = strconv.Atoi(p)
	return host, port
}

func (r *Replication) timeout() time.Duration {
	return time.Duration(r.Settings.ReplTimeout()) * time.Second
}
