package netloop

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The ways in which a loop comes to know that a connection has something to read.
var ways = map[string]func(t *testing.T) (ours, theirs net.Conn){
	"kernel": tcpPair,
	"ahead of a pipe": func(*testing.T) (ours, theirs net.Conn) {
		return net.Pipe()
	},
	"ahead of TCP": func(t *testing.T) (ours, theirs net.Conn) {
		ours, theirs = tcpPair(t)
		return struct{ net.Conn }{ours}, theirs
	},
	"pollable": func(*testing.T) (ours, theirs net.Conn) {
		a, b := newPipe(), newPipe()
		return &end{in: a, out: b}, &end{in: b, out: a}
	},
}

func eachWay(t *testing.T, test func(t *testing.T, pair func() (ours, theirs net.Conn))) {
	for name, pair := range ways {
		t.Run(name, func(t *testing.T) {
			test(t, func() (net.Conn, net.Conn) {
				ours, theirs := pair(t)
				t.Cleanup(func() { _, _ = ours.Close(), theirs.Close() })
				return ours, theirs
			})
		})
	}
}

func tcpPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return a, b
}

// pipe is one direction of a connection in memory, and end is an end of it that is Pollable.
type pipe struct {
	mu      sync.Mutex
	changed sync.Cond
	data    []byte
	closed  bool
	notify  func()
}

func newPipe() *pipe {
	p := &pipe{}
	p.changed.L = &p.mu
	return p
}

// room is what a pipe holds.
const room = 8 << 10

type end struct {
	net.Conn // nil: what isn't there isn't used
	in, out  *pipe
}

func (e *end) Notify(f func()) {
	e.in.mu.Lock()
	defer e.in.mu.Unlock()
	if e.in.notify = f; f != nil && (len(e.in.data) > 0 || e.in.closed) {
		f()
	}
}

func (e *end) TryRead(p []byte) (n int, drained bool, err error) {
	e.in.mu.Lock()
	defer e.in.mu.Unlock()
	n = copy(p, e.in.data)
	if e.in.data = e.in.data[n:]; n == 0 && e.in.closed {
		return 0, false, io.EOF
	}
	e.in.changed.Broadcast()
	return n, len(e.in.data) == 0 && !e.in.closed, nil
}

func (e *end) TryWrite(p []byte) (int, error) {
	e.out.mu.Lock()
	defer e.out.mu.Unlock()
	if e.out.closed {
		return 0, net.ErrClosed
	}
	n := min(len(p), room-len(e.out.data))
	if e.out.data = append(e.out.data, p[:n]...); n > 0 {
		e.out.change()
	}
	return n, nil
}

// change needs mu.
func (p *pipe) change() {
	p.changed.Broadcast()
	if p.notify != nil {
		p.notify()
	}
}

func (e *end) Read(p []byte) (int, error) {
	for {
		if n, drained, err := e.TryRead(p); n > 0 || !drained {
			return n, err
		}
		e.in.mu.Lock()
		for len(e.in.data) == 0 && !e.in.closed {
			e.in.changed.Wait()
		}
		e.in.mu.Unlock()
	}
}

func (e *end) Write(p []byte) (n int, err error) {
	for n < len(p) {
		k, err := e.TryWrite(p[n:])
		if n += k; err != nil {
			return n, err
		}
		e.out.mu.Lock()
		for len(e.out.data) >= room && !e.out.closed {
			e.out.changed.Wait()
		}
		e.out.mu.Unlock()
	}
	return n, nil
}

func (e *end) Close() error {
	for _, p := range []*pipe{e.in, e.out} {
		p.mu.Lock()
		p.closed = true
		p.change()
		p.mu.Unlock()
	}
	return nil
}

func newLoops(t *testing.T, cfg Config) *Loops {
	t.Helper()
	l := New(cfg)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// echo is a batched user that sends back what it gets, in one turn with others.
type echo struct {
	c     *Conn
	in    []byte
	read  []byte
	turns int
	sends sync.WaitGroup
	err   error
	stop  byte // what has it return; 0: nothing
}

func (e *echo) Fetch() bool {
	woken := e.c.TakeWake()
	if len(e.read) == 0 && e.c.Readable() && e.err == nil {
		var n int
		n, _, e.err = e.c.TryRead(e.in)
		e.read = append(e.read, e.in[:n]...)
	}
	return woken || len(e.read) > 0
}

func (e *echo) Settle() bool {
	stops := e.stop != 0 && bytes.IndexByte(e.read, e.stop) >= 0
	if out := e.read; len(out) > 0 {
		e.read = nil
		e.sends.Wait()
		if n, err := e.c.TryWrite(out); err == nil && n < len(out) {
			e.sends.Go(func() { _, _ = e.c.Write(out[n:]) })
		}
	}
	if e.err != nil || e.c.Stopping() || stops {
		e.c.Return()
		return false
	}
	return e.c.Readable() || !e.c.Rest()
}

func execute(batch []Batched) bool {
	for _, b := range batch {
		b.(*echo).turns++
	}
	return false
}

// TestBatchedCarriesBytes: all that is sent comes back, to the end.
func TestBatchedCarriesBytes(t *testing.T) {
	eachWay(t, func(t *testing.T, pair func() (ours, theirs net.Conn)) {
		l := newLoops(t, Config{Execute: execute, Expecting: func() bool { return true }})
		var all sync.WaitGroup
		for id := range 8 {
			ours, theirs := pair()
			c := l.Open(ours)
			e := &echo{c: c, in: make([]byte, 1000)}
			all.Go(func() {
				defer c.Stop()
				if err := c.ServeBatched(t.Context(), e); err != nil || e.err == nil {
					t.Errorf("ended with %v, %v", err, e.err)
				}
				e.sends.Wait()
			})
			rng := rand.New(rand.NewPCG(1, uint64(id)))
			sent := make([]byte, 200_000)
			for i := range sent {
				sent[i] = byte(rng.Uint32())
			}
			all.Go(func() {
				for rest := sent; len(rest) > 0; {
					n := min(len(rest), 1+rng.IntN(5000))
					if _, err := theirs.Write(rest[:n]); err != nil {
						t.Error(err)
						return
					}
					rest = rest[n:]
				}
			})
			all.Go(func() {
				got := make([]byte, len(sent))
				if _, err := io.ReadFull(theirs, got); err != nil || !bytes.Equal(got, sent) {
					t.Errorf("read other bytes: %v", err)
				}
				_ = theirs.Close()
			})
		}
		all.Wait()
	})
}

// TestReturned: a connection that its user gives back is read by its own goroutine, which misses nothing, and then is
// served again.
func TestReturned(t *testing.T) {
	eachWay(t, func(t *testing.T, pair func() (ours, theirs net.Conn)) {
		l := newLoops(t, Config{Execute: execute})
		ours, theirs := pair()
		c := l.Open(ours)
		e := &echo{c: c, in: make([]byte, 1), stop: '!'}
		served := make(chan error)
		go func() {
			for range 20 {
				if err := c.ServeBatched(t.Context(), e); err != nil {
					served <- err
					return
				}
				c.Stop()
				rest := make([]byte, 4)
				if _, err := io.ReadFull(c, rest); err != nil || string(rest) != "tail" {
					served <- errors.Join(err, errors.New(string(rest)))
					return
				}
				e.sends.Wait()
			}
			served <- nil
		}()
		for range 20 {
			go func() { _, _ = io.WriteString(theirs, "head!tail") }()
			head := make([]byte, 5)
			if _, err := io.ReadFull(theirs, head); err != nil || string(head) != "head!" {
				t.Fatalf("%q, %v", head, err)
			}
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// TestWokenAndStopped: who is woken gets a turn, and who is stopped none after it.
func TestWokenAndStopped(t *testing.T) {
	eachWay(t, func(t *testing.T, pair func() (ours, theirs net.Conn)) {
		l := newLoops(t, Config{Execute: execute})
		ours, _ := pair()
		c := l.Open(ours)
		if c.Wake() {
			t.Error("somebody serves it")
		}
		ctx, cancel := context.WithCancel(t.Context())
		e := &echo{c: c, in: make([]byte, 1)}
		turn := make(chan struct{}, 1)
		served := make(chan error)
		go func() { served <- c.ServeBatched(ctx, woken{e, turn}) }()
		<-turn // when it began
		for range 100 {
			c.Wake()
			<-turn
		}
		cancel()
		if err := <-served; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		c.Stop()
	})
}

// woken says when it is served.
type woken struct {
	*echo
	turn chan struct{}
}

func (w woken) Fetch() bool {
	if w.c.TakeWake() {
		select {
		case w.turn <- struct{}{}:
		default:
		}
	}
	return false
}

// TestDirect: a function reads and answers, until it is stopped; what comes then is somebody else's.
func TestDirect(t *testing.T) {
	eachWay(t, func(t *testing.T, pair func() (ours, theirs net.Conn)) {
		l := newLoops(t, Config{})
		ours, theirs := pair()
		c := l.Open(ours)
		for range 20 {
			var got []byte
			done := make(chan struct{})
			c.Start(func() bool {
				buf := make([]byte, 3)
				n, drained, err := c.TryRead(buf)
				if err != nil {
					t.Error(err)
				}
				if got = append(got, buf[:n]...); n > 0 && len(got) == 8 {
					close(done)
				}
				return !drained
			})
			go func() {
				_, _ = io.WriteString(theirs, "abc")
				_, _ = io.WriteString(theirs, "defgh")
			}()
			<-done
			if c.Stop(); string(got) != "abcdefgh" {
				t.Fatalf("%q", got)
			}
			c = l.Open(c)
		}
		if left := len(c.group.watchdog.conns); left > 0 {
			t.Errorf("%d connections are watched that were stopped", left)
		}
	})
}

// TestWatchdog: while a loop executes something that takes long, connections that are not batched are served.
func TestWatchdog(t *testing.T) {
	eachWay(t, func(t *testing.T, pair func() (ours, theirs net.Conn)) {
		var long atomic.Bool
		end, began := make(chan struct{}), make(chan struct{}, 64)
		l := newLoops(t, Config{Execute: func([]Batched) bool {
			if long.Load() {
				began <- struct{}{}
				<-end
			}
			return false
		}})
		var all sync.WaitGroup
		defer all.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		defer close(end)
		linked, peer := pair()
		link := l.Open(linked)
		heard := make(chan byte, 10)
		link.Start(func() bool {
			buf := make([]byte, 1)
			n, drained, _ := link.TryRead(buf)
			if n > 0 {
				heard <- buf[0]
			}
			return !drained
		})
		defer link.Stop()
		var clients []net.Conn
		for range maxLoops + 1 { // so that no loop is left
			ours, theirs := pair()
			c := l.Open(ours)
			all.Go(func() { _ = c.ServeBatched(ctx, &echo{c: c, in: make([]byte, 1)}); c.Stop() })
			clients = append(clients, theirs)
		}
		_, _ = peer.Write([]byte("a"))
		if b := <-heard; b != 'a' {
			t.Fatal(b)
		}
		long.Store(true)
		for _, c := range clients {
			go func() { _, _ = c.Write([]byte("x")) }()
		}
		<-began
		for _, b := range []byte("bcd") {
			_, _ = peer.Write([]byte{b})
			select {
			case got := <-heard:
				if got != b {
					t.Fatalf("%c, not %c", got, b)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("nobody serves the link")
			}
		}
		long.Store(false)
	})
}

// TestQueueKeepsTheOrder in which connections became readable, also of more than fit one turn.
func TestQueueKeepsTheOrder(t *testing.T) {
	p, _ := newQueue()
	q := p.(*queue)
	var conns []*Conn
	for range 3 * MaxBatch {
		a := newPipe()
		c := newConn(nil, &end{in: a, out: a}, nil)
		if err := q.add(c); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	order := rand.New(rand.NewPCG(1, 1)).Perm(len(conns))
	for _, i := range order {
		for range 2 {
			_, _ = conns[i].TryWrite([]byte("x"))
		}
	}
	q.remove(conns[order[5]])
	var want, got []*Conn
	for n, i := range order {
		if n != 5 {
			want = append(want, conns[i])
		}
	}
	for len(got) < len(want) {
		ready, err := q.wait(nil, true)
		if err != nil || len(ready) > MaxBatch {
			t.Fatal(len(ready), err)
		}
		for _, r := range ready {
			got = append(got, r.Of)
		}
	}
	if !slices.Equal(got, want) {
		t.Error("another order")
	}
	if ready, err := q.wait(nil, false); len(ready) > 0 || err != nil {
		t.Errorf("%d more, %v", len(ready), err)
	}
}

// TestClosedConnection: whoever opens one that is closed already is told so.
func TestClosedConnection(t *testing.T) {
	l := newLoops(t, Config{Execute: execute})
	ours, _ := tcpPair(t)
	_ = ours.Close()
	c := l.Open(ours)
	defer c.Stop()
	e := &echo{c: c, in: make([]byte, 1)}
	if err := errors.Join(c.ServeBatched(t.Context(), e), e.err); err == nil ||
		!strings.Contains(err.Error(), "closed") {
		t.Error(err)
	}
}
