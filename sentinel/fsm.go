package sentinel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/hashicorp/raft"
)

// fsm lets Raft drive State. Raft calls Apply, StoreConfiguration, Snapshot and Restore from one goroutine, so state
// needs no lock; changed hands each new state to the sentinel.
type fsm struct {
	state   *State
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
	f.set(next)
	return result
}

// StoreConfiguration keeps the voters as of this place in the log, so that a sentinel knows its own vote no earlier than it
// knows everything decided before it got it.
func (f *fsm) StoreConfiguration(_ uint64, c raft.Configuration) {
	var voters []Voter
	for _, s := range c.Servers {
		if s.Suffrage == raft.Voter {
			voters = append(voters, Voter{ID: string(s.ID), Addr: string(s.Address)})
		}
	}
	f.set(f.state.withVoters(voters))
}

// Snapshot captures the state; being immutable it needs no copy.
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) { return snapshot{f.state}, nil }

// Restore replaces the state by a snapshot, or keeps it when the snapshot cannot be read.
func (f *fsm) Restore(r io.ReadCloser) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("read snapshot: %w", err)
	}
	next, err := decodeState(data)
	if err != nil {
		return err
	}
	f.set(next)
	return nil
}

func (f *fsm) set(next *State) {
	f.state = next
	f.changed(next)
}

type snapshot struct{ state *State }

// Persist writes the state as JSON.
func (s snapshot) Persist(sink raft.SnapshotSink) error {
	if err := json.NewEncoder(sink).Encode(s.state); err != nil {
		// The error that matters is the one above; Cancel only discards the half-written file.
		_ = sink.Cancel()
		return fmt.Errorf("write snapshot: %w", err)
	}
	return sink.Close()
}

// Release has nothing to free.
func (snapshot) Release() {}
