package sentinel

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// quorum is Raft as the rest of the sentinel sees it.
type quorum struct {
	id       raft.ServerID
	raft     *raft.Raft
	disk     *disk
	machine  *fsm
	election time.Duration
	fresh    bool // there was no Raft state when it was opened

	appliedTerm atomic.Uint64 // see caughtUp
}

// errNotLeader says that only the leader can do this.
var errNotLeader = errors.New("not the leader of the sentinels")

// applyTimeout bounds how long an entry waits to get into the log; not how long until it is committed.
const applyTimeout = 2 * time.Second

// raftTimeout scales Raft's patience with that for nodes: a leader that dies along with the master must not make the
// failover much longer.
func raftTimeout(downAfter time.Duration) time.Duration {
	return min(max(downAfter/3, 150*time.Millisecond), time.Second)
}

// openQuorum starts Raft on a listener. It does nothing until it is bootstrapped here or made a voter from elsewhere.
func openQuorum(cfg Config, id string, d *disk, l net.Listener, addr string, machine *fsm) (*quorum, error) {
	fresh, err := isFresh(cfg.Storage)
	if err != nil {
		return nil, err
	}
	timeout := raftTimeout(cfg.DownAfter)
	logger := raftLogger(cfg.Logger)
	conf := raft.DefaultConfig()
	conf.LocalID = raft.ServerID(id)
	conf.HeartbeatTimeout = timeout
	conf.ElectionTimeout = timeout
	conf.LeaderLeaseTimeout = timeout * 3 / 4
	conf.CommitTimeout = timeout / 6
	conf.SnapshotThreshold = 2048
	conf.TrailingLogs = 512
	conf.Logger = logger
	conf.NoLegacyTelemetry = true

	layer := newStreamLayer(l, cfg.Network, addr)
	trans := raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream: layer, MaxPool: 3, Timeout: max(2*timeout, time.Second), Logger: logger,
		// One at a time: a leader that is told of a newer term while its pipeline is full leaves that blocked for ever, and
		// Shutdown with it (raft 1.8.0, pipelineReplicate). Entries are few.
		MaxRPCsInFlight: 1,
	})
	r, err := raft.NewRaft(conf, machine, d, d, cfg.Storage.snapshots, trans)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start raft: %w", err), trans.Close())
	}
	return &quorum{id: conf.LocalID, raft: r, disk: d, machine: machine, election: timeout, fresh: fresh}, nil
}

func isFresh(s *Storage) (bool, error) {
	exists, err := raft.HasExistingState(s.logs, s.stable, s.snapshots)
	if err != nil {
		return false, fmt.Errorf("look for raft state: %w", err)
	}
	return !exists, nil
}

// raftLogger lets Raft write to the sentinel's log, as debug messages: what matters of it the sentinel says itself.
func raftLogger(log *slog.Logger) hclog.Logger {
	return hclog.FromStandardLogger(slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		&hclog.LoggerOptions{Name: "raft", Level: hclog.Info, DisableTime: true})
}

func (q *quorum) close() error {
	if err := q.raft.Shutdown().Error(); err != nil {
		return fmt.Errorf("stop raft: %w", err)
	}
	return nil
}

// isLeader says whether this sentinel leads, as far as it knows.
func (q *quorum) isLeader() bool { return q.raft.State() == raft.Leader }

// leader is the id of the leading sentinel, empty when none is known.
func (q *quorum) leader() string {
	_, id := q.raft.LeaderWithID()
	return string(id)
}

// term is Raft's, for display.
func (q *quorum) term() uint64 { return q.raft.CurrentTerm() }

// inTouch says whether this sentinel leads, or has lately heard from the one that does, and has applied what was agreed
// before that one began to lead, and can store what has been since, so that its state is not old.
func (q *quorum) inTouch() bool {
	if q.disk.isFull() {
		return false
	}
	switch q.raft.State() {
	case raft.Leader:
		return q.caughtUp()
	case raft.Follower:
		last := q.raft.LastContact()
		return !last.IsZero() && time.Since(last) < 2*q.election && q.caughtUp()
	}
	return false
}

// caughtUp says whether an entry of the present term was applied. Every leader begins with an entry of its own: until that
// one is committed nobody, the leader included, knows whether the last entries of earlier terms were agreed on.
func (q *quorum) caughtUp() bool {
	term := q.raft.CurrentTerm()
	if q.appliedTerm.Load() >= term {
		return true
	}
	commit := q.raft.CommitIndex()
	var entry raft.Log
	if err := q.disk.GetLog(commit, &entry); err != nil || entry.Term < term {
		return false // an entry that only a snapshot has left is of an earlier term, too
	}
	if last, err := q.lastChange(entry); err != nil || q.machine.applied.Load() < last {
		return false
	}
	q.appliedTerm.Store(term)
	return true
}

// lastChange is the index of the last entry, up to the one given, that changes the state; 0: all such are in snapshots only.
func (q *quorum) lastChange(entry raft.Log) (uint64, error) {
	for entry.Type != raft.LogCommand && entry.Type != raft.LogConfiguration {
		at := entry.Index - 1
		entry = raft.Log{}
		if err := q.disk.GetLog(at, &entry); errors.Is(err, raft.ErrLogNotFound) {
			return 0, nil
		} else if err != nil {
			return 0, err
		}
	}
	return entry.Index, nil
}

// voters is the newest Raft configuration, committed or not: who counts what is decided next.
func (q *quorum) voters() []Voter {
	var voters []Voter
	future := q.raft.GetConfiguration()
	if future.Error() != nil {
		return nil // only a Raft that never started has none
	}
	for _, s := range future.Configuration().Servers {
		if s.Suffrage == raft.Voter {
			voters = append(voters, Voter{ID: string(s.ID), Addr: string(s.Address)})
		}
	}
	return voters
}

// propose commits an entry and returns what it did. After an error the outcome is unknown: the entry may still be committed.
func (q *quorum) propose(e Entry) (Result, error) {
	if !q.isLeader() {
		return Result{}, errNotLeader
	}
	data, err := json.Marshal(e)
	if err != nil {
		return Result{}, fmt.Errorf("encode entry: %w", err)
	}
	future := q.raft.Apply(data, applyTimeout)
	if err := future.Error(); err != nil {
		return Result{}, fmt.Errorf("commit entry: %w", err)
	}
	// The others learn that it is committed along with the next entry: that is not to wait for the next change.
	q.raft.Barrier(0)
	return future.Response().(Result), nil
}

// bootstrap begins the log with these voters. It must happen on one sentinel only.
func (q *quorum) bootstrap(voters []Voter) error {
	var c raft.Configuration
	for _, v := range voters {
		c.Servers = append(c.Servers, raft.Server{ID: raft.ServerID(v.ID), Address: raft.ServerAddress(v.Addr)})
	}
	if err := q.raft.BootstrapCluster(c).Error(); err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	return nil
}

// empty says whether Raft still has no configuration.
func (q *quorum) empty() bool { return len(q.voters()) == 0 }

// addVoter gives a sentinel a vote, or a voter a new address. Only the leader can.
func (q *quorum) addVoter(v Voter) error {
	future := q.raft.AddVoter(raft.ServerID(v.ID), raft.ServerAddress(v.Addr), 0, applyTimeout)
	if err := future.Error(); err != nil {
		return fmt.Errorf("add sentinel %s: %w", v.ID, err)
	}
	return nil
}

// removeVoter takes a sentinel out of the configuration. Only the leader can.
func (q *quorum) removeVoter(id string) error {
	if err := q.raft.RemoveServer(raft.ServerID(id), 0, applyTimeout).Error(); err != nil {
		return fmt.Errorf("remove sentinel %s: %w", id, err)
	}
	return nil
}

// cede has a certain sentinel lead.
func (q *quorum) cede(to Voter) error {
	if err := q.raft.LeadershipTransferToServer(raft.ServerID(to.ID), raft.ServerAddress(to.Addr)).Error(); err != nil {
		return fmt.Errorf("hand over the lead of the sentinels to %s: %w", to.ID, err)
	}
	return nil
}

// stepDown has another sentinel lead.
func (q *quorum) stepDown() error {
	if err := q.raft.LeadershipTransfer().Error(); err != nil {
		return fmt.Errorf("hand over the lead of the sentinels: %w", err)
	}
	return nil
}
