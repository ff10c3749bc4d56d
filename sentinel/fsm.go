package sentinel

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"holdfast/cluster"
	"holdfast/sentinel/plan"
)

// fsm lets Raft drive State. Raft calls Apply, StoreConfiguration, Snapshot and Restore from one goroutine, so state
// needs no lock; changed hands each new state to the sentinel.
type fsm struct {
	state   *plan.State
	applied atomic.Uint64 // the index of the last entry that state has taken in: Raft's own count runs ahead of that
	level   cluster.Level // the newest that this sentinel understands
	changed func(*plan.State)
	log     *slog.Logger
	refused error // why a snapshot was not taken in; Raft says no more than that it was not
}

var _ raft.ConfigurationStore = (*fsm)(nil)

// Apply applies one committed entry and returns its Result. One that cannot be understood changes nothing, on no
// sentinel: whoever proposed it should have refused it, and to stop would stop all of them, at every start.
func (f *fsm) Apply(l *raft.Log) any {
	var e plan.Entry
	// fields that a newer version adds are left out; what must not be says so by its level
	err := json.Unmarshal(l.Data, &e)
	if err == nil {
		err = e.Check(f.level)
	}
	if err != nil {
		f.log.Error("an entry of the sentinels' log was passed over", "index", l.Index, "error", err)
		f.set(f.state, l.Index)
		return plan.Result{Conflict: true}
	}
	if r := e.Raise; r != nil && r.State != nil && r.After != f.applied.Load() {
		f.set(f.state, l.Index) // the state that it brings is not the last
		return plan.Result{Conflict: true}
	}
	next, result := f.state.Apply(e)
	f.set(next, l.Index)
	return result
}

// StoreConfiguration keeps the voters as of this place in the log, so that a sentinel knows its own vote no earlier
// than it knows everything decided before it got it.
func (f *fsm) StoreConfiguration(index uint64, c raft.Configuration) {
	f.set(f.state.WithVoters(votersOf(c)), index)
}

// Snapshot captures the state; being immutable it needs no copy.
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) { return snapshot{f.state, f.applied.Load()}, nil }

// Restore replaces the state by a snapshot, or keeps it when the snapshot cannot be read.
func (f *fsm) Restore(r io.ReadCloser) error {
	f.refused = f.restore(r)
	return f.refused
}

func (f *fsm) restore(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("read snapshot: %w", err)
	}
	next, err := decodeSnapshot(data)
	if err != nil {
		return err
	}
	if err := cluster.TooOld("this sentinel", f.level, next.Level); err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	f.set(next.State, next.Applied)
	return nil
}

func (f *fsm) set(next *plan.State, applied uint64) {
	f.state = next
	f.changed(next)
	f.applied.Store(applied)
}

// snapshot is what a snapshot keeps.
type snapshot struct {
	*plan.State
	Applied uint64 `json:"applied"`
}

// Persist writes the state as JSON.
func (s snapshot) Persist(sink raft.SnapshotSink) error {
	if err := json.NewEncoder(sink).Encode(s); err != nil {
		// The error that matters is the one above; Cancel only discards the half-written file.
		_ = sink.Cancel()
		return fmt.Errorf("write snapshot: %w", err)
	}
	return sink.Close()
}

func decodeSnapshot(data []byte) (snapshot, error) {
	s := snapshot{State: plan.NewState()}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("snapshot is damaged: %w", err)
	}
	if s.State == nil || !s.IsWhole() {
		return s, fmt.Errorf("snapshot is incomplete")
	}
	if s.Removed == nil {
		s.Removed = map[string]bool{}
	}
	return s, nil
}

// Release has nothing to free.
func (snapshot) Release() {}
