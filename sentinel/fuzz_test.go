package sentinel

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"testing"

	"github.com/hashicorp/raft"

	"holdfast/cluster"
	"holdfast/sentinel/plan"
)

func toJSON(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func someState() *plan.State {
	s := plan.NewState()
	s, _ = s.Apply(plan.Entry{Monitor: &plan.Monitor{Group: "g", Settings: settings()}})
	s, _ = s.Apply(plan.Entry{Decision: &plan.Decision{Group: cluster.Group{Name: "g", Epoch: 1,
		Chain: []cluster.Member{member("a", 1), member("b", 1)}}}})
	s, _ = s.Apply(plan.Entry{Sentinel: &plan.SentinelEntry{ID: "s", Addr: "s:1"}})
	return s.WithVoters([]plan.Voter{{ID: "s", Addr: "s:2"}})
}

// FuzzSnapshot: a snapshot is restored whole or refused, and then the state stays what it was; what was restored can be
// saved again.
func FuzzSnapshot(f *testing.F) {
	f.Add(toJSON(f, someState()))
	f.Add([]byte(`{"groups":null}`))
	f.Add([]byte(`{"groups":{"g":{"chain":[{}]}},"ignored":{"g":true}}x`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m := fsm{state: someState(), changed: func(*plan.State) {}, log: slog.New(slog.DiscardHandler)}
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

// FuzzEntry: whatever is committed to the log, two sentinels that apply it have the same state, no epoch goes back, and
// the state that others still look at does not change. An entry that can't be understood stops nobody and changes
// nothing, and none such is proposed.
func FuzzEntry(f *testing.F) {
	quorum := 3
	for _, e := range []plan.Entry{
		{Decision: &plan.Decision{Expect: 1,
			Group: cluster.Group{Name: "g", Epoch: 2, Chain: []cluster.Member{member("b", 1)}}}},
		{Tune: &plan.Tune{Group: "g", Quorum: &quorum}}, {Monitor: &plan.Monitor{Group: "h"}},
		{Ignore: &plan.Ignore{Group: "g"}}, {Sentinel: &plan.SentinelEntry{ID: "t"}},
		{Install: &plan.Installation{ID: "i"}}, {Remove: &plan.Removal{ID: "s"}},
		{Raise: &plan.Raise{Level: 2, State: someState()}},
		{Raise: &plan.Raise{Group: "g", Expect: 1, Level: 1, Change: 1}}, {},
	} {
		f.Add(toJSON(f, e))
	}
	f.Add([]byte(`{"decision":{"expect":1,"group":{"name":"g","epoch":1}}}`))
	f.Add([]byte(`{"a newer kind":{}}`))
	f.Add([]byte(`no entry`))
	f.Fuzz(func(t *testing.T, text []byte) {
		apply := func() []byte {
			old := someState()
			before := toJSON(t, old)
			m := fsm{state: old, level: cluster.LevelNow, changed: func(*plan.State) {},
				log: slog.New(slog.DiscardHandler)}
			m.Apply(&raft.Log{Data: text, Index: 7})
			if !bytes.Equal(toJSON(t, old), before) {
				t.Fatalf("%q changes the state that it is applied to", text)
			}
			var e plan.Entry
			if understood := json.Unmarshal(text, &e) == nil && e.Check(cluster.LevelNow) == nil; !understood &&
				!bytes.Equal(toJSON(t, m.state), before) {
				t.Fatalf("%q is not understood, and changes the state", text)
			}
			for name, g := range old.Groups {
				if m.state.Groups[name].Epoch < g.Epoch {
					t.Fatalf("%q: the epoch of %q went back from %d to %d", text, name, g.Epoch,
						m.state.Groups[name].Epoch)
				}
			}
			if m.applied.Load() != 7 {
				t.Fatalf("%q is not counted as applied", text)
			}
			return toJSON(t, m.state)
		}
		if one, two := apply(), apply(); !bytes.Equal(one, two) {
			t.Fatalf("%q: %s and %s", text, one, two)
		}
	})
}

// FuzzJudgement: the fences on disk are read as they were written, or the sentinel does not start.
func FuzzJudgement(f *testing.F) {
	f.Add(toJSON(f, judgement{Groups: map[string]groupJudgement{"g": {Epoch: 3, Fenced: []string{"i"},
		PromiseMs: 1000}}}))
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
