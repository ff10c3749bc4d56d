package engine

import (
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/node/store"
	"holdfast/replication"
)

// fakeHost is what an engine asks of what is around it. Commands that it executes take a second.
type fakeHost struct {
	role    Role
	takes   time.Duration
	applied int
	refuses error
	unsure  bool

	mu    sync.Mutex
	steps []string
}

func (h *fakeHost) did(step string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.steps = append(h.steps, step)
}

func (h *fakeHost) Accept([][]byte) error { return nil }
func (h *fakeHost) Replaced(*store.Store) {}
func (h *fakeHost) Role() Role            { return h.role }
func (h *fakeHost) Spoilt(error, bool)    {}
func (h *fakeHost) ServeBlocked()         { h.did("serve") }
func (h *fakeHost) LetGo()                { h.did("let go") }

func (h *fakeHost) Stage(w []Waker) []Waker {
	h.did("stage")
	return append(w, h)
}
func (h *fakeHost) Wake() { h.did("wake") }
func (h *fakeHost) Write() bool {
	h.did("publish")
	return true
}
func (h *fakeHost) Refuses(bool) error { return h.refuses }
func (h *fakeHost) LeadsForSure() bool { return !h.unsure }

func (h *fakeHost) Apply(_ [][]byte, _ int64, onlyQuick bool) error {
	if onlyQuick && h.takes > time.Second {
		return ErrMayTakeLong
	}
	time.Sleep(h.takes)
	h.applied++
	return nil
}

// newEngine is one around which there is little. Wait for what it has begun before the test ends.
func newEngine(h *fakeHost) (e *Engine, wait func()) {
	var work sync.WaitGroup
	return New(Config{Commands: h, Clients: h, Disk: h, Node: h, Now: time.Now, Go: work.Go,
		Logger: slog.New(slog.DiscardHandler)}), work.Wait
}

var entry = replication.Entry{Args: [][]byte{[]byte("PING")}, Raw: []byte("*1\r\n$4\r\nPING\r\n")}

// TestEveryTurnIsMeasured: whoever holds the lock, it shows meanwhile, and in the longest turn.
func TestEveryTurnIsMeasured(t *testing.T) {
	for _, c := range []struct {
		name  string
		takes time.Duration
		turn  func(e *Engine, h *fakeHost) error
	}{
		{"a client's", 0, func(e *Engine, _ *fakeHost) error {
			turn := e.Begin()
			time.Sleep(time.Second)
			turn.Commit()
			return nil
		}},
		{"alone", 0, func(e *Engine, _ *fakeHost) error {
			e.Do(func(time.Time) { time.Sleep(time.Second) })
			return nil
		}},
		{"a change of state", 0, func(e *Engine, _ *fakeHost) error {
			e.Lock()
			time.Sleep(time.Second)
			e.Unlock()
			return nil
		}},
		{"one that need not wait", 0, func(e *Engine, _ *fakeHost) error {
			if e.TryLock() {
				time.Sleep(time.Second)
				e.Unlock()
			}
			return nil
		}},
		{"the predecessor's batch", time.Second, func(e *Engine, h *fakeHost) error {
			return e.Apply([]replication.Entry{entry}, nil)
		}},
		{"what was left behind", 2 * time.Second, func(e *Engine, h *fakeHost) error {
			return e.Apply([]replication.Entry{entry}, nil)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &fakeHost{takes: c.takes}
				e, wait := newEngine(h)
				time.Sleep(time.Minute)
				busy := make(chan time.Duration, 1)
				go func() {
					time.Sleep(time.Second / 2)
					now, _ := e.Busy()
					busy <- now
				}()
				if err := c.turn(e, h); err != nil {
					t.Error(err)
				}
				wait()
				if want := max(c.takes, time.Second); e.Longest() != want {
					t.Errorf("the longest turn took %v, want %v", e.Longest(), want)
				}
				if now := <-busy; now != time.Second/2 {
					t.Errorf("in the midst of it, it is busy for %v", now)
				}
				if now, _ := e.Busy(); now != 0 {
					t.Errorf("behind it, it is busy for %v", now)
				}
			})
		})
	}
}

// TestOrderOfATurn: what a turn did is in the log and is seen there before replies are staged, and is published before
// anybody is woken.
func TestOrderOfATurn(t *testing.T) {
	h := &fakeHost{role: Role{Master: true, Logs: true, Gates: true}}
	e, _ := newEngine(h)
	tap := e.Log.Tap(0)
	var at int64
	e.Do(func(time.Time) {
		e.KeyChanged(0, []byte("k"))
		e.Effects.Add(0, []byte("SET"), []byte("k"), []byte("v"))
	})
	if at = e.LastChange(0, []byte("k")); at != e.Log.End() || at == 0 {
		t.Errorf("the key's last change is at %d, the log ends at %d", at, e.Log.End())
	}
	if chunks, err := tap.Poll(); err != nil || len(chunks) == 0 {
		t.Errorf("the log's readers see %d chunks: %v", len(chunks), err)
	}
	if want := []string{"serve", "stage", "publish", "wake"}; !slices.Equal(h.steps, want) {
		t.Errorf("%v, want %v", h.steps, want)
	}
}

// TestBehindIsExecutedFirst: what came while a command ran is executed before the next one, whoever has the lock first.
func TestBehindIsExecutedFirst(t *testing.T) {
	for _, c := range []struct {
		name  string
		begin func(e *Engine) (end func())
	}{
		{"a client's", func(e *Engine) func() { turn := e.Begin(); return func() { turn.Commit() } }},
		{"alone", func(e *Engine) func() { turn := e.BeginAlone(); return func() { turn.Commit() } }},
		{"a change of state", func(e *Engine) func() { e.Lock(); return e.Unlock }},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &fakeHost{}
			var later []func() // what would catch up is not as quick as the next client
			e := New(Config{Commands: h, Clients: h, Disk: h, Node: h, Go: func(f func()) { later = append(later, f) },
				Logger: slog.New(slog.DiscardHandler)})
			running := e.Begin()
			if err := e.Apply([]replication.Entry{entry, entry}, nil); err != nil {
				t.Fatal(err)
			}
			if h.applied != 0 || e.Log.End() == 0 {
				t.Fatalf("%d commands are executed while another runs, the log ends at %d", h.applied, e.Log.End())
			}
			running.Commit()
			end := c.begin(e)
			if h.applied != 2 {
				t.Errorf("%d of 2 commands are executed before the next one", h.applied)
			}
			end()
			for _, f := range later {
				f()
			}
			if h.applied != 2 {
				t.Errorf("2 commands were executed %d times", h.applied)
			}
		})
	}
}

// TestLetGoPublishesLast: those who are let go may have had a marker appended, for which they wait.
func TestLetGoPublishesLast(t *testing.T) {
	h := &fakeHost{}
	e, _ := newEngine(h)
	e.Go = func(f func()) { f() } // as a goroutine that comes at once
	turn := e.Begin()
	e.LetGo()
	if want := []string{"let go", "publish"}; !slices.Equal(h.steps, want) {
		t.Errorf("steps %v, want %v", h.steps, want)
	}
	turn.Commit()
}
