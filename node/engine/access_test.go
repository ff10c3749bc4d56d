package engine

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"holdfast/cluster"
	"holdfast/node/store"
)

// successor is the member behind the engine's node.
var successor = cluster.Member{Name: "b", Incarnation: "b1"}

// chained is an engine on the master of a chain.
func chained(t *testing.T) (*Engine, *fakeHost) {
	t.Helper()
	h := &fakeHost{role: Role{Master: true, Logs: true, Gated: true, Gates: true}}
	e, wait := newEngine(h)
	t.Cleanup(wait)
	e.Store = store.New(2, rand.New(rand.NewPCG(1, 1)))
	e.Store.Changed = func(db *store.DB, key []byte, _ bool) { e.KeyChanged(db.Index(), key) }
	e.Log.SetChain(1, successor, true)
	return e, h
}

// opens waits for a gate for a moment.
func opens(t *testing.T, g Gate) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	return g.Wait(ctx)
}

func set(t *testing.T, e *Engine, key, value string) Gate {
	t.Helper()
	gate, err := e.Update(func(tx *Tx) error {
		tx.Set(0, []byte(key), []byte(value), store.NoExpiry)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return gate
}

func get(t *testing.T, e *Engine, key string) (value string, gate Gate) {
	t.Helper()
	gate, err := e.View(func(tx *Tx) error {
		got, _, err := tx.Get(0, []byte(key))
		value = string(got)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return value, gate
}

// TestUpdateAndView: what an Update did is seen by a View at once, and both wait for the chain; a View of another key
// does not.
func TestUpdateAndView(t *testing.T) {
	e, _ := chained(t)
	written := set(t, e, "k", "v")
	value, seen := get(t, e, "k")
	_, other := get(t, e, "free")
	if value != "v" {
		t.Errorf("a View sees %q", value)
	}
	if err := opens(t, other); err != nil {
		t.Errorf("a View of a key that nobody changes waits: %v", err)
	}
	for name, gate := range map[string]Gate{"Update": written, "View": seen} {
		if err := opens(t, gate); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("before the chain has it, the gate of the %s: %v", name, err)
		}
	}
	e.Log.Ack(1, successor, e.Log.End())
	for name, gate := range map[string]Gate{"Update": written, "View": seen} {
		if err := opens(t, gate); err != nil {
			t.Errorf("when the chain has it, the gate of the %s: %v", name, err)
		}
	}
}

// TestUpdateIsReplicated: what is in the log is what was done, in one piece.
func TestUpdateIsReplicated(t *testing.T) {
	e, _ := chained(t)
	tap := e.Log.Tap(0)
	set(t, e, "old", "1")
	if _, err := e.Update(func(tx *Tx) error {
		tx.Set(0, []byte("k"), []byte("v"), tx.Now()+1000)
		tx.Delete(0, []byte("old"))
		tx.Delete(0, []byte("absent"))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	chunks, err := tap.Poll()
	if err != nil {
		t.Fatal(err)
	}
	var log []byte
	for _, c := range chunks {
		log = append(log, c...)
	}
	var names []string
	p := e.Input()
	copy(p.Space(len(log)), log)
	p.Fill(len(log))
	for {
		args, err := p.Next()
		if err != nil {
			t.Fatal(err)
		}
		if args == nil {
			break
		}
		names = append(names, string(args[0]))
	}
	if got, want := names, []string{"SELECT", "SET", "MULTI", "SET", "DEL", "EXEC"}; !slices.Equal(got, want) {
		t.Errorf("the log says %v, want %v", got, want)
	}
}

// TestRefusals: what the node is now decides over who may write, and who may read.
func TestRefusals(t *testing.T) {
	full := errors.New("full")
	for _, c := range []struct {
		name        string
		role        Role
		loading     bool
		refuses     error
		write, read error
	}{
		{"a master", Role{Master: true}, false, nil, nil, nil},
		{"a replica", Role{}, false, nil, ErrReplica, nil},
		{"loading", Role{Master: true}, true, nil, ErrLoading, ErrLoading},
		{"writes are paused", Role{Master: true, Pause: PauseWrites}, false, nil, ErrPaused, nil},
		{"a handover", Role{Master: true, Pause: PauseDrain}, false, nil, ErrPaused, ErrPaused},
		{"the node says so", Role{Master: true}, false, full, full, full},
	} {
		e, h := chained(t)
		h.role, h.refuses, e.Data.Loading = c.role, c.refuses, c.loading
		nothing := func(*Tx) error { return nil }
		if _, err := e.Update(nothing); !errors.Is(err, c.write) {
			t.Errorf("%s: Update: %v, want %v", c.name, err, c.write)
		}
		if _, err := e.View(nothing); !errors.Is(err, c.read) {
			t.Errorf("%s: View: %v, want %v", c.name, err, c.read)
		}
	}
}

// TestGatesAreLost: who waits while the node leaves its place is told that nobody knows.
func TestGatesAreLost(t *testing.T) {
	e, _ := chained(t)
	gate := set(t, e, "k", "v")
	waited := make(chan error)
	go func() { waited <- gate.Wait(t.Context()) }()
	e.Do(func(time.Time) { e.LoseGates() })
	if err := <-waited; !errors.Is(err, ErrLost) {
		t.Errorf("it is told %v", err)
	}
	if err := set(t, e, "k", "w").Wait(canceled()); !errors.Is(err, context.Canceled) {
		t.Errorf("who comes afterwards waits for the commit point as ever: %v", err)
	}
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// TestUnsureMaster: without a lease a View waits for a marker of its own.
func TestUnsureMaster(t *testing.T) {
	e, h := chained(t)
	h.unsure = true
	end := e.Log.End()
	_, gate := get(t, e, "free")
	if err := opens(t, gate); !errors.Is(err, context.DeadlineExceeded) || e.Log.End() == end {
		t.Errorf("it does not wait: %v", err)
	}
	e.Log.Ack(1, successor, e.Log.End())
	if err := opens(t, gate); err != nil {
		t.Error(err)
	}
}

// TestTypes: an Update that meets another type says so, and an expired key is not there.
func TestTypes(t *testing.T) {
	e, _ := chained(t)
	e.Do(func(time.Time) { e.Store.DB(0).SetAdd([]byte("set"), []byte("x")) })
	_, err := e.Update(func(tx *Tx) error {
		_, _, err := tx.Get(0, []byte("set"))
		return err
	})
	if !errors.Is(err, ErrType) {
		t.Errorf("a set is answered %v", err)
	}
	if _, err := e.Update(func(tx *Tx) error {
		tx.Set(0, []byte("gone"), []byte("v"), tx.Now()-1)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if value, _ := get(t, e, "gone"); value != "" {
		t.Errorf("an expired key is %q", value)
	}
}
