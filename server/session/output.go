package session

import (
	"sync"
	"sync/atomic"

	"holdfast/internal/bulk"
)

// Output holds a connection's replies until they may leave. Every stretch of bytes carries a gate: the log offset that
// must be committed before it may be seen. Bytes are appended under the node's execution lock and taken by the
// connection's driver; the mutex orders the two.
type Output struct {
	mu      sync.Mutex
	pieces  [][]byte // of long replies, before buf
	before  int      // their bytes
	buf     []byte
	spare   []byte // the buffer that the driver wrote last, to be used again
	marks   []mark // ascending in both fields
	writing bool   // a writer has taken bytes and will look again when it has written them
	closed  bool
	taken   int   // size of the buffer that a writer has
	sent    int64 // bytes that were written
	piece   bool  // that one is a piece
	share   share
}

func (o *Output) countIn(total *atomic.Int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.share.total = total
	o.noteMemory()
}

func (o *Output) noteMemory() { o.share.set(o.before + cap(o.buf) + cap(o.spare) + o.taken) }

// dropSpare gives back the buffer that is kept for the next replies.
func (o *Output) dropSpare() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.spare = nil
	o.noteMemory()
}

// mark says that the bytes from start on may leave once gate is committed.
type mark struct {
	start int
	gate  int64
}

// maxSpare bounds the buffer kept for reuse, so that one huge reply doesn't stay with an idle connection.
const maxSpare = 64 << 10

// Append queues p behind everything queued before; it may leave once gate is committed.
func (o *Output) Append(p []byte, gate, commit int64) {
	if len(p) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	o.mark(gate, commit)
	o.buf = bulk.Append(o.buf, p)
	o.noteMemory()
}

// AppendPieces is Append for what is not copied, and belongs to the output from then on.
func (o *Output) AppendPieces(pieces [][]byte, gate, commit int64) {
	if len(pieces) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	o.mark(gate, commit)
	if len(o.buf) > 0 {
		o.pieces, o.before, o.buf = append(o.pieces, o.buf), o.before+len(o.buf), nil
	}
	for _, p := range pieces {
		if len(p) > 0 {
			o.pieces, o.before = append(o.pieces, p), o.before+len(p)
		}
	}
	o.noteMemory()
}

// mark has what is queued next wait for gate.
func (o *Output) mark(gate, commit int64) {
	if n := len(o.marks); gate > commit && (n == 0 || o.marks[n-1].gate < gate) {
		o.marks = append(o.marks, mark{o.before + len(o.buf), gate})
	}
}

// Take hands out the first of the bytes that may leave at this commit point; the caller writes them and then calls
// Done. It returns nothing when there are none, or when another writer is at work: that one will take them. wait is the
// gate that the next bytes are waiting for, 0 when none are.
func (o *Output) Take(commit int64) (p []byte, wait int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.writing || o.closed {
		return nil, 0
	}
	open := 0
	for open < len(o.marks) && o.marks[open].gate <= commit {
		open++
	}
	if len(o.pieces) > 0 {
		return o.takePiece(open)
	}
	if open == len(o.marks) {
		p, o.buf, o.spare, o.marks = o.buf, o.spare[:0], nil, o.marks[:0]
	} else {
		end := o.marks[open].start
		wait = o.marks[open].gate
		p = bulk.Append(o.spare[:0], o.buf[:end])
		o.spare = nil
		o.buf = o.buf[:bulk.Copy(o.buf, o.buf[end:])]
		o.marks = o.marks[:copy(o.marks, o.marks[open:])]
		for i := range o.marks {
			o.marks[i].start -= end
		}
	}
	if len(p) == 0 {
		if o.spare == nil {
			o.spare = p
		}
		return nil, wait
	}
	o.writing, o.taken = true, cap(p)
	o.noteMemory()
	return p, wait
}

// takePiece is Take, of the first piece, once the first marks are met.
func (o *Output) takePiece(met int) (p []byte, wait int64) {
	o.marks = o.marks[:copy(o.marks, o.marks[met:])]
	first := o.pieces[0]
	n := len(first)
	if len(o.marks) > 0 {
		n, wait = min(n, o.marks[0].start), o.marks[0].gate
	}
	if n == 0 {
		return nil, wait
	}
	if n < len(first) {
		o.pieces[0] = first[n:]
	} else {
		o.pieces[0] = nil
		o.pieces = o.pieces[1:]
	}
	o.before -= n
	for i := range o.marks {
		o.marks[i].start -= n
	}
	o.writing, o.piece, o.taken = true, true, n
	o.noteMemory()
	return first[:n:n], wait
}

// Done gives back the bytes that Take handed out, and reports whether there are more.
func (o *Output) Done(p []byte) (more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if cap(p) <= maxSpare && !o.closed && !o.piece {
		o.spare = p[:0]
	}
	o.writing, o.piece, o.taken = false, false, 0
	o.sent += int64(len(p))
	o.noteMemory()
	return o.before+len(o.buf) > 0
}

// Len is the number of bytes that have not been handed to the operating system.
func (o *Output) Len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.before + len(o.buf)
}

// Sent is the number of bytes that were written so far.
func (o *Output) Sent() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sent
}

// Idle reports whether nothing is queued and nobody is writing.
func (o *Output) Idle() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.before+len(o.buf) == 0 && !o.writing
}

// Discard drops what has not left yet and everything to come: a deposed master's unconfirmed replies.
func (o *Output) Discard() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.pieces, o.before, o.buf, o.spare, o.marks = nil, 0, nil, nil, nil
	o.noteMemory()
}
