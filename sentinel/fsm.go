package sentinel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/hashicorp/raft"
)

// fsm lets Raft drive State. Raft calls Apply, StoreConfiguration, Snapshot and Restore from one goroutine, so state
// needs no lock; changed hands each new state to the sentinel.
type fsm struct {
	state   *State
	applied atomic.Uint64 // the index of the last entry that state has taken in: Raft's own count runs ahead of that
	changed func(*State)
}

var _ raft.ConfigurationStore = (*fsm)(nil)

// Apply applies one committed entry and returns its Result.
func (f *fsm) Apply(l *raft.Log) any {
	dec := json.NewDecoder(bytes.NewReader(l.Data))
	dec.DisallowUnknownFields()
	var e Entry
	if err := dec.Decode(&e); err != nil {
		// Skipping what the other sentinels understood would let this one's state drift from theirs.
		panic(fmt.Errorf("sentinel: log entry %d: %w", l.Index, err))
	}
	next, result := f.state.apply(e)
	f.set(next, l.Index)
	return result
}

// StoreConfiguration keeps the voters as of this place in the log, so that a sentinel knows its own vote no earlier than it
// knows everything decided before it got it.
func (f *fsm) StoreConfiguration(index uint64, c raft.Configuration) {
	var voters []Voter
	for _, s := range c.Servers {
		if s.Suffrage == raft.Voter {
			voters = append(voters, Voter{ID: string(s.ID), Addr: string(s.Address)})
		}
	}
	f.set(f.state.withVoters(voters), index)
}

// Snapshot captures the state; being immutable it needs no copy.
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) { return snapshot{f.state, f.applied.Load()}, nil }

// Restore replaces the state by a snapshot, or keeps it when the snapshot cannot be read.
func (f *fsm) Restore(r io.ReadCloser) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("read snapshot: %w", err)
	}
	next, err := decodeSnapshot(data)
	if err != nil {
		return err
	}
	f.set(next.State, next.Applied)
	return nil
}

func (f *fsm) set(next *State, applied uint64) {
	f.state = next
	f.changed(next)
	f.applied.Store(applied)
}

// snapshot is what a snapshot keeps.
type snapshot struct {
	*State
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
	s := snapshot{State: newState()}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("snapshot is damaged: %w", err)
	}
	if s.State == nil || s.Groups == nil || s.Ignored == nil || s.Sentinels == nil {
		return s, fmt.Errorf("snapshot is incomplete")
	}
	if s.Removed == nil {
		s.Removed = map[string]bool{}
	}
	return s, nil
}

// Release has nothing to free.
func (snapshot) Release() {}
