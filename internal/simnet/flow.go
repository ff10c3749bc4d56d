package simnet

import (
	"sync"
	"time"
)

// window is how many bytes one direction of a stream holds, in flight and unread, before its writer blocks.
const window = 256 << 10

// flow is one direction of a stream. Its bytes are numbered from 0: [0,read) were read, [read,arrived) can be read,
// [arrived,written) are in flight.
type flow struct {
	net                    *Network
	link, back             *link // the way of the bytes, and of their acknowledgements
	src, dst               *conn
	buf                    []byte // buf[head:] are the bytes [read,written)
	head                   int
	read, arrived, written int64
	unacked                int    // read, but the writer can't know: back is cut
	marks                  []mark // what is in flight, in order
	last                   time.Time
	timer                  *time.Timer
	armed                  bool // timer will call deliver
	stalled                bool // in Network.stalled
	held                   bool // marks ran into a cut: they start anew when it heals
	fin, reset             bool // arrived at dst
	writing                bool // a Write has the turn: big writes aren't interleaved
	readable, writable     sync.Cond
}

// mark is something in flight: bytes up to end, or the end of the stream.
type mark struct {
	kind markKind
	end  int64
	due  time.Time
}

type markKind uint8

const (
	markData markKind = iota
	markFin           // src was closed: no more bytes
	markRst           // src is gone: nothing sent to it is received
)

func newFlow(n *Network, src, dst *conn) *flow {
	from, to := src.host.machine, dst.host.machine
	f := &flow{net: n, link: n.link(from, to), back: n.link(to, from), src: src, dst: dst}
	f.readable.L, f.writable.L = &n.mu, &n.mu
	return f
}

func (f *flow) free() int { return window - int(f.written-f.read) - f.unacked }

// append puts p, which fits the window, in flight.
func (f *flow) append(p []byte) {
	if f.head > 0 && len(f.buf)+len(p) > cap(f.buf) {
		f.buf = f.buf[:copy(f.buf, f.buf[f.head:])]
		f.head = 0
	}
	f.buf = append(f.buf, p...)
	f.written += int64(len(p))
	f.push(markData)
}

// push sends what was appended, or an end, on its way.
func (f *flow) push(kind markKind) {
	now := time.Now()
	m := mark{kind: kind, end: f.written, due: now.Add(f.link.delay())}
	if m.due.Before(f.last) {
		m.due = f.last
	}
	f.last = m.due
	if len(f.marks) == 0 && !m.due.After(now) && !f.link.blocked() {
		f.arrive(m)
		return
	}
	if n := len(f.marks); n > 0 && kind == markData && f.marks[n-1].kind == markData && f.marks[n-1].due.Equal(m.due) {
		f.marks[n-1].end = m.end
	} else {
		f.marks = append(f.marks, m)
	}
	f.arm()
}

// arm sets the timer for the first mark, or waits for the link to open.
func (f *flow) arm() {
	if f.armed || len(f.marks) == 0 || f.net.closed {
		return
	}
	if f.link.blocked() {
		if f.link.from.down || f.src.gone && !f.src.provoked {
			f.lose() // nobody is left to send it again
			f.src.refused = false
			return
		}
		f.held = true
		f.stall()
		return
	}
	f.armed = true
	wait := time.Until(f.marks[0].due)
	if f.timer == nil {
		f.timer = time.AfterFunc(wait, f.deliver)
	} else {
		f.timer.Reset(wait)
	}
}

// stall has resume called at the next change of the network.
func (f *flow) stall() {
	if !f.stalled {
		f.stalled = true
		f.net.stalled = append(f.net.stalled, f)
	}
}

// resume starts again after a change of the network: what a cut held back takes the way once more.
func (f *flow) resume() {
	if f.unacked > 0 && !f.src.closed {
		if f.back.blocked() {
			f.stall()
		} else {
			f.unacked = 0
			f.writable.Broadcast()
		}
	}
	if f.held && !f.link.blocked() {
		f.held = false
		due := time.Now().Add(f.link.delay())
		for i := range f.marks {
			if f.marks[i].due.Before(due) {
				f.marks[i].due = due
			}
		}
		if f.last.Before(due) {
			f.last = due
		}
	}
	f.arm()
}

// deliver is called by the timer.
func (f *flow) deliver() {
	f.net.mu.Lock()
	defer f.net.unlock()
	f.armed = false
	if f.net.closed {
		return
	}
	now := time.Now()
	for len(f.marks) > 0 && !f.link.blocked() && !f.marks[0].due.After(now) {
		m := f.marks[0]
		f.marks = f.marks[1:]
		f.arrive(m)
	}
	f.arm()
}

// arrive makes a mark effective at dst.
func (f *flow) arrive(m mark) {
	switch m.kind {
	case markData:
		f.arrived = m.end
		if f.dst.closed {
			f.discard()
			f.dst.provoked = true
			f.dst.refuse()
		}
	case markFin:
		f.fin = true
	case markRst:
		f.reset = true
		f.dst.out.purge()
	}
	f.readable.Broadcast()
	f.dst.came()
}

// take reads what has arrived.
func (f *flow) take(p []byte) int {
	n := copy(p, f.buf[f.head:f.head+int(f.arrived-f.read)])
	f.consume(n)
	return n
}

func (f *flow) consume(n int) {
	f.head += n
	f.read += int64(n)
	if n > 0 && f.back.blocked() {
		f.unacked += n
		f.stall()
	}
	if f.read == f.written {
		f.head = 0
		f.buf = f.buf[:0]
		if cap(f.buf) > window/4 {
			f.buf = nil // an idle stream holds no big buffer
		}
	}
	f.writable.Broadcast()
}

// discard drops what has arrived and isn't read.
func (f *flow) discard() { f.consume(int(f.arrived - f.read)) }

// purge drops also what is in flight.
func (f *flow) purge() {
	f.lose()
	f.discard()
}

// lose drops what is in flight; what has arrived can still be read.
func (f *flow) lose() {
	f.marks, f.held = nil, false
	f.buf = f.buf[:f.head+int(f.arrived-f.read)]
	f.written = f.arrived
	if f.armed && f.timer.Stop() {
		f.armed = false
	}
	f.writable.Broadcast()
}
