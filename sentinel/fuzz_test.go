package sentinel

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"

	"github.com/hashicorp/raft"

	"holdfast/cluster"
)

func toJSON(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func someState() *State {
	s := newState()
	s, _ = s.apply(Entry{Monitor: &Monitor{Group: "g", Settings: settings()}})
	s, _ = s.apply(Entry{Decision: &Decision{Group: cluster.Group{Name: "g", Epoch: 1, Chain: []cluster.Member{member("a", 1), member("b", 1)}}}})
	s, _ = s.apply(Entry{Sentinel: &SentinelEntry{ID: "s", Addr: "s:1"}})
	return s.withVoters([]Voter{{ID: "s", Addr: "s:2"}})
}

// FuzzSnapshot: a snapshot is restored whole or refused, and then the state stays what it was; what was restored can be saved again.
func FuzzSnapshot(f *testing.F) {
	f.Add(toJSON(f, someState()))
	f.Add([]byte(`{"groups":null}`))
	f.Add([]byte(`{"groups":{"g":{"chain":[{}]}},"ignored":{"g":true}}x`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m := fsm{state: someState(), changed: func(*State) {}}
		before := m.state
		if err := m.Restore(io.NopCloser(bytes.NewReader(text))); err != nil {
			if m.state != before {
				t.Fatalf("refused, and the state is another: %v", err)
			}
			return
		}
		saved := toJSON(t, snapshot{m.state, m.applied.Load()})
		again, err := decodeSnapshot(saved)
		if err != nil {
			t.Fatalf("%q became %q: %v", text, saved, err)
		}
		if twice := toJSON(t, again); !bytes.Equal(twice, saved) {
			t.Fatalf("%s became %s", saved, twice)
		}
	})
}

// FuzzEntry: whatever is committed to the log, two sentinels that apply it have the same state, no epoch goes back, and the state that
// others still look at does not change. An entry that a sentinel does not understand must stop it, each one alike.
func FuzzEntry(f *testing.F) {
	quorum := 3
	for _, e := range []Entry{
		{Decision: &Decision{Expect: 1, Group: cluster.Group{Name: "g", Epoch: 2, Chain: []cluster.Member{member("b", 1)}}}},
		{Tune: &Tune{Group: "g", Quorum: &quorum}}, {Monitor: &Monitor{Group: "h"}}, {Ignore: &Ignore{Group: "g"}}, {Sentinel: &SentinelEntry{ID: "t"}}, {},
	} {
		f.Add(toJSON(f, e))
	}
	f.Add([]byte(`{"decision":{"expect":1,"group":{"name":"g","epoch":1}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		apply := func() (after []byte, stopped bool) {
			old := someState()
			before := toJSON(t, old)
			m := fsm{state: old, changed: func(*State) {}}
			defer func() {
				if !bytes.Equal(toJSON(t, old), before) {
					t.Fatalf("%q changes the state that it is applied to", text)
				}
				if recover() != nil {
					stopped = true
				}
			}()
			m.Apply(&raft.Log{Data: text})
			for name, g := range old.Groups {
				if m.state.Groups[name].Epoch < g.Epoch {
					t.Fatalf("%q: the epoch of %q went back from %d to %d", text, name, g.Epoch, m.state.Groups[name].Epoch)
				}
			}
			return toJSON(t, m.state), false
		}
		one, stoppedOne := apply()
		two, stoppedTwo := apply()
		if !bytes.Equal(one, two) || stoppedOne != stoppedTwo {
			t.Fatalf("%q: %s and %s", text, one, two)
		}
	})
}

// FuzzJudgement: the fences on disk are read as they were written, or the sentinel does not start.
func FuzzJudgement(f *testing.F) {
	f.Add(toJSON(f, judgement{Groups: map[string]groupJudgement{"g": {Epoch: 3, Fenced: []string{"i"}, PromiseMs: 1000}}}))
	f.Add([]byte(`{"groups":null}`))
	f.Add([]byte(`{"groups":{"g":{"epoch":-1}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s := NewMemoryStorage()
		if err := s.stable.Set(keyJudgement, text); err != nil {
			t.Fatal(err)
		}
		j, err := s.loadJudgement()
		if err != nil {
			return
		}
		if err := s.saveJudgement(j); err != nil {
			t.Fatal(err)
		}
		again, err := s.loadJudgement()
		if err != nil || !bytes.Equal(toJSON(t, again), toJSON(t, j)) {
			t.Fatalf("%q: %+v became %+v, %v", text, j, again, err)
		}
	})
}
