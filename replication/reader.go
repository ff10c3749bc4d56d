package replication

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// maxRead bounds what one Next hands out, and so how long a slow link pins a block beyond what it has read.
const maxRead = 16 * BlockSize

// Why a Reader ends.
var (
	// ErrLagged: the reader was further behind than the reader limit; its bytes may be gone.
	ErrLagged = errors.New("replication: reader too far behind the log")
	// ErrReset: another log has taken the place of the one that was read.
	ErrReset = errors.New("replication: log was replaced by a full synchronisation")
	// ErrRenamed: the reader has read all that was written under the id it was opened with.
	ErrRenamed = errors.New("replication: log goes on under another id")
	// ErrStopped: Next's stop channel was closed.
	ErrStopped = errors.New("replication: reader stopped")
)

// Reader reads a log in order and keeps what it has not read from being trimmed. Each is used by one goroutine.
type Reader struct {
	log    *Log
	wake   chan struct{}
	onDrop func(error) // told, outside locks, that err was set from outside
	chunks [][]byte    // Next's result, used again
	buf    []byte      // what was read from disk

	// Guarded by log.mu.
	id      string // the log's id when the reader was opened
	pin     int64  // the first byte in use: what the last Next returned begins here
	next    int64  // where the next Next reads
	stopAt  int64  // the id was changed here
	tap     bool   // reads for the disk: all of the log, whatever it is called
	waiting bool
	pushed  bool // who shows bytes also pushes them: only an end is signalled
	err     error
}

// Open opens a reader for what follows asked, when Resume allows it, and returns the log's id of that same moment.
// onDrop, when not nil, is told when the reader ends though nobody is inside Next: it must not block, nor call the
// log's appender, who may be the caller.
func (l *Log) Open(asked Position, onDrop func(error)) (r *Reader, id string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from, ok, reason := l.lineage.Resume(asked, l.first(), l.published)
	if !ok {
		return nil, "", fmt.Errorf("replication: can't resume from %v: %s", asked, reason)
	}
	return l.open(from, onDrop), l.lineage.ID, nil
}

// OpenEnd opens a reader at the end, to pin what will follow a snapshot that is taken after it; see StartAt.
func (l *Log) OpenEnd(onDrop func(error)) *Reader {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open(max(l.base, l.published), onDrop)
}

func (l *Log) open(from int64, onDrop func(error)) *Reader {
	r := &Reader{log: l, wake: make(chan struct{}, 1), onDrop: onDrop, id: l.lineage.ID, pin: from, next: from,
		stopAt: math.MaxInt64}
	l.readers = append(l.readers, r)
	return r
}

// StartAt moves a reader that has not read yet forward to pos, the position of a snapshot. It answers false when the
// log has got another id since the reader was opened, or was replaced: then the two don't fit together.
func (r *Reader) StartAt(pos Position) bool {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	if r.err != nil || pos.ID != r.id || pos.Offset < r.next || pos.Offset > r.stopAt {
		return false
	}
	r.pin, r.next = pos.Offset, pos.Offset
	return true
}

// Next waits for bytes and returns them, in order, in one or more pieces that belong to the log: they are read-only
// and valid until the next call of Next or Close. Closing stop ends the wait with ErrStopped.
func (r *Reader) Next(stop <-chan struct{}) ([][]byte, error) {
	for {
		chunks, err := r.take()
		if len(chunks) > 0 || err != nil {
			return chunks, err
		}
		select {
		case <-r.wake:
		case <-stop:
			return nil, ErrStopped
		}
	}
}

// take is Next without waiting.
func (r *Reader) take() ([][]byte, error) {
	l := r.log
	l.mu.Lock()
	defer l.mu.Unlock()
	r.waiting = false
	if r.err != nil {
		return nil, r.err
	}
	r.pin = r.next
	if r.next < l.base {
		return r.fromDisk()
	}
	end := min(r.visible(), r.stopAt, r.next+maxRead)
	r.chunks = r.chunks[:0]
	for r.next < end {
		i := (r.next - l.base) / BlockSize
		start := l.base + i*BlockSize
		upTo := min(end, start+BlockSize)
		r.chunks = append(r.chunks, l.blocks[i][r.next-start:upTo-start])
		r.next = upTo
	}
	if len(r.chunks) == 0 {
		if r.next >= r.stopAt {
			r.err = ErrRenamed
			return nil, r.err
		}
		r.waiting = true
	}
	return r.chunks, nil
}

// visible is where the reader has to stop for now: a follower gets nothing that this member may yet lose, as it could
// show it to clients when this member comes back without it. It needs log.mu.
func (r *Reader) visible() int64 {
	if r.tap {
		return r.log.published
	}
	return r.log.tracker.held(r.log.published)
}

// push says whether whoever has the log grow reads it, too, or somebody waits in Next.
func (r *Reader) push(yes bool) {
	r.log.mu.Lock()
	r.pushed = yes
	r.log.mu.Unlock()
}

// inMemory reports whether what comes next need not be read from disk.
func (r *Reader) inMemory() bool {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	return r.next >= r.log.base
}

// Offset is where the next Next reads.
func (r *Reader) Offset() int64 {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	return r.next
}

// Err is why the reader has ended; nil: it has not.
func (r *Reader) Err() error {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	return r.err
}

// Close unpins. The pieces that Next returned are no longer valid.
func (r *Reader) Close() {
	l := r.log
	l.mu.Lock()
	if i := slices.Index(l.readers, r); i >= 0 {
		l.readers = slices.Delete(l.readers, i, i+1)
	}
	r.err = ErrStopped
	lagged := l.trim(l.published)
	l.mu.Unlock()
	for _, o := range lagged {
		o.dropped()
	}
}

// fail ends the reader from outside; it needs log.mu.
func (r *Reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.wakeUp()
}

// wakeUp needs log.mu.
func (r *Reader) wakeUp() {
	if r.waiting {
		r.waiting = false
		wake(r.wake)
	}
}

// dropped tells the owner, outside locks.
func (r *Reader) dropped() {
	if r.onDrop != nil {
		r.log.mu.Lock()
		err := r.err
		r.log.mu.Unlock()
		r.onDrop(err)
	}
}
