package sentinel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"holdfast/internal/steps"
	"holdfast/sentinel/plan"
)

// quorum is Raft as the rest of the sentinel sees it.
type quorum struct {
	id       raft.ServerID
	raft     *raft.Raft
	disk     *disk
	machine  *fsm
	election time.Duration
	fresh    bool // there was no Raft state when it was opened

	elections   chan raft.Observation // something came when there is another leader, or none
	appliedTerm atomic.Uint64         // see caughtUp
	begun       uint64                // the last term in which it led and told the others so; of leadLoop
}

// errNotLeader says that only the leader can do this.
var errNotLeader = errors.New("not the leader of the sentinels")

// applyTimeout bounds how long an entry waits to get into the log; not how long until it is committed.
const applyTimeout = 2 * time.Second

// commitTimeout is after how long without an entry Raft would tell the others that the last one is committed. It is
// told by an entry of its own each time, see told.
const commitTimeout = 2 * time.Second

// logCache is how many of the last entries are kept in memory: Raft looks at the last one before each message.
const logCache = 256

// raftTimeout scales Raft's patience with that for nodes: a leader that dies along with the master must not make the
// failover much longer.
func raftTimeout(downAfter time.Duration) time.Duration {
	return min(max(downAfter/3, 150*time.Millisecond), time.Second)
}

// heartbeatEvery is the time between the leader's heartbeats: three fifths of raftTimeout, which is the time between
// those of nodes unless down-after is very short or very long.
func heartbeatEvery(downAfter time.Duration) time.Duration {
	return min(max(downAfter/5, 90*time.Millisecond), 600*time.Millisecond)
}

// openQuorum starts Raft on a listener. It does nothing until it is bootstrapped here or made a voter from elsewhere.
func openQuorum(cfg Config, d *disk, layer *streamLayer, book *addressBook, machine *fsm) (*quorum, error) {
	fresh, err := isFresh(cfg.Storage)
	if err != nil {
		return nil, err
	}
	timeout := raftTimeout(cfg.DownAfter)
	logger := raftLogger(cfg.Logger)
	conf := raft.DefaultConfig()
	conf.LocalID = raft.ServerID(book.self)
	conf.HeartbeatTimeout = timeout
	conf.ElectionTimeout = timeout
	conf.LeaderLeaseTimeout = timeout
	conf.CommitTimeout = commitTimeout
	conf.SnapshotThreshold = 2048
	conf.TrailingLogs = 512
	conf.Logger = logger
	conf.NoLegacyTelemetry = true

	trans := raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream: layer, ServerAddressProvider: book, MaxPool: 3, Timeout: max(2*timeout, time.Second), Logger: logger,
		// One at a time: a leader that is told of a newer term while its pipeline is full leaves that blocked for ever,
		// and Shutdown with it (raft 1.8.0, pipelineReplicate). Entries are few.
		MaxRPCsInFlight: 1,
	})
	logs, err := raft.NewLogCache(logCache, d)
	if err != nil {
		return nil, fmt.Errorf("cache of raft's log: %w", err)
	}
	r, err := raft.NewRaft(conf, machine, logs, d, cfg.Storage.snapshots, trans)
	if err != nil {
		if machine.refused != nil {
			err = machine.refused
		}
		return nil, errors.Join(fmt.Errorf("start raft: %w", err), trans.Close())
	}
	q := &quorum{id: conf.LocalID, raft: r, disk: d, machine: machine, election: timeout, fresh: fresh,
		elections: make(chan raft.Observation, 1)}
	r.RegisterObserver(raft.NewObserver(q.elections, false, func(o *raft.Observation) bool {
		switch o.Data {
		case raft.Candidate:
			cfg.Steps.At(steps.Candidate)
		case raft.Leader:
			cfg.Steps.At(steps.Elected)
		}
		_, is := o.Data.(raft.LeaderObservation)
		return is
	}))
	return q, nil
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

// caughtUp says whether an entry of the present term was applied. Every leader begins with an entry of its own: until
// that one is committed nobody, the leader included, knows whether the last entries of earlier terms were agreed on.
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

// lastChange is the index of the last entry, up to the one given, that changes the state; 0: all such are in snapshots
// only.
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
func (q *quorum) voters() []plan.Voter {
	future := q.raft.GetConfiguration()
	if future.Error() != nil {
		return nil // only a Raft that never started has none
	}
	return votersOf(future.Configuration())
}

func votersOf(c raft.Configuration) (voters []plan.Voter) {
	for _, s := range c.Servers {
		if s.Suffrage == raft.Voter {
			_, addr := splitRaftAddress(s.Address)
			voters = append(voters, plan.Voter{ID: string(s.ID), Addr: addr})
		}
	}
	return voters
}

// propose commits an entry and returns what it did. After an error the outcome is unknown: the entry may still be
// committed.
func (q *quorum) propose(e plan.Entry) (plan.Result, error) {
	if !q.isLeader() {
		return plan.Result{}, errNotLeader
	}
	e.Level = e.Needs()
	if err := e.Check(q.machine.level); err != nil {
		return plan.Result{}, err
	}
	data, err := json.Marshal(e)
	if err != nil {
		return plan.Result{}, fmt.Errorf("encode entry: %w", err)
	}
	future := q.raft.Apply(data, applyTimeout)
	if err := future.Error(); err != nil {
		return plan.Result{}, fmt.Errorf("commit entry: %w", err)
	}
	q.told()
	return future.Response().(plan.Result), nil
}

// awaitPace is how often it is looked whether an entry has been applied.
const awaitPace = time.Millisecond

// await waits until this sentinel has applied the log up to an index, at most until ctx ends.
func (q *quorum) await(ctx context.Context, index uint64) error {
	for q.machine.applied.Load() < index {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(awaitPace):
		}
	}
	return nil
}

// begin has the others know, once in each of its terms as the leader, that what was in the log before it is committed.
// Only behind the first barrier is that so.
func (q *quorum) begin() {
	term := q.raft.CurrentTerm()
	if q.begun == term {
		return
	}
	if err := q.raft.Barrier(applyTimeout).Error(); err != nil {
		return // it is tried again, if it still leads
	}
	q.begun = term
	q.told()
}

// Raft's own pause between two heartbeats of the leader is random, between one and two tenths of its timeout. Times
// alertPace it is while one of the others is not heard: how soon Raft tries again to reach that one goes with it. Times
// calmPace it is mostly longer than heartbeatEvery, and never longer than raftTimeout, so that the others hear the
// leader in time also while its disk keeps it from sending any by the clock.
const (
	alertPace = 2
	calmPace  = 5
)

// heartbeat has the leader send heartbeats now; calm is whether all the others are heard. Only heartbeatLoop calls it.
func (q *quorum) heartbeat(calm bool) {
	switch {
	case !q.isLeader():
		q.paceHeartbeats(1)
		return
	case calm:
		q.paceHeartbeats(calmPace)
	default:
		q.paceHeartbeats(alertPace)
	}
	q.raft.VerifyLeader() // what the others answer Raft makes use of
}

// paceHeartbeats sets the timeout of which Raft makes the pause between the leader's heartbeats. Whoever does not lead
// counts with it for how long the leader may be silent, which must be the same for all.
func (q *quorum) paceHeartbeats(factor int) {
	timeout := q.election * time.Duration(factor)
	c := q.raft.ReloadableConfig()
	if c.HeartbeatTimeout == timeout {
		return
	}
	c.HeartbeatTimeout, c.ElectionTimeout = timeout, timeout
	if err := q.raft.ReloadConfig(c); err != nil {
		panic(err) // no factor is less than 1
	}
}

// told has the others know that the last entry is committed: they learn that along with the next one, and it may be
// long until the next change.
func (q *quorum) told() { q.raft.Barrier(0) }

// bootstrap begins the log with these voters. It must happen on one sentinel only.
func (q *quorum) bootstrap(voters []plan.Voter) error {
	var c raft.Configuration
	for _, v := range voters {
		c.Servers = append(c.Servers, raft.Server{ID: raft.ServerID(v.ID), Address: raftAddress(v.ID, v.Addr)})
	}
	if err := q.raft.BootstrapCluster(c).Error(); err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	return nil
}

// empty says whether Raft still has no configuration.
func (q *quorum) empty() bool { return len(q.voters()) == 0 }

// addVoter gives a sentinel a vote. Only the leader can.
func (q *quorum) addVoter(v plan.Voter) error {
	future := q.raft.AddVoter(raft.ServerID(v.ID), raftAddress(v.ID, v.Addr), 0, applyTimeout)
	if err := future.Error(); err != nil {
		return fmt.Errorf("add sentinel %s: %w", v.ID, err)
	}
	q.told()
	return nil
}

// removeVoter takes a sentinel out of the configuration. Only the leader can.
func (q *quorum) removeVoter(id string) error {
	if err := q.raft.RemoveServer(raft.ServerID(id), 0, applyTimeout).Error(); err != nil {
		return fmt.Errorf("remove sentinel %s: %w", id, err)
	}
	q.told()
	return nil
}

// transferTo has a certain sentinel lead.
func (q *quorum) transferTo(to plan.Voter) error {
	if err := q.raft.LeadershipTransferToServer(raft.ServerID(to.ID), raftAddress(to.ID, to.Addr)).Error(); err != nil {
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
