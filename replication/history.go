package replication

import (
	"fmt"
	"math"
	"strings"
)

// History is the part of a log that is on disk.
type History interface {
	// ReadAt reads the log's bytes from offset on: at least one, at most len(p).
	ReadAt(p []byte, offset int64) (int, error)
}

// Former is an id under which a log was written until an offset.
type Former struct {
	ID    string
	Until int64
}

// UseDisk says that the log is kept on disk from now on: nothing counts as held before Stored says that it is there,
// and followers that were away read on in h.
func (l *Log) UseDisk(h History) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.history, l.tracker.disk = h, true
	l.oldest = l.published
}

// LeaveDisk takes UseDisk back: what is in memory counts as held.
func (l *Log) LeaveDisk() {
	l.mu.Lock()
	l.history, l.tracker.disk = nil, false
	l.tracker.settle(l.published)
	l.signalWatchers()
	moved := l.commitMoved()
	l.mu.Unlock()
	l.tellCommit(moved)
}

// Stored says that the log's bytes from oldest to end are on disk.
func (l *Log) Stored(oldest, end int64) {
	l.mu.Lock()
	l.oldest = oldest
	l.tracker.stored = max(l.tracker.stored, min(end, l.published))
	l.tracker.settle(l.published)
	l.signalWatchers()
	moved := l.commitMoved()
	l.mu.Unlock()
	l.tellCommit(moved)
}

// Restore begins the log where it was left on disk.
func (l *Log) Restore(pos Position, formers []Former) {
	l.Reset(pos)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range formers {
		l.former = append(l.former, former{f.ID, f.Until})
	}
}

// Formers are the ids that the log had, oldest first.
func (l *Log) Formers() []Former {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]Former, len(l.former))
	for i, f := range l.former {
		list[i] = Former{f.id, f.until}
	}
	return list
}

// Tap opens a reader for the disk, from where it ends: it holds back the log's memory, and reads on when the log gets another id.
func (l *Log) Tap(from int64) *Reader {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.open(from, nil)
	r.tap, r.stopAt = true, math.MaxInt64
	return r
}

// Poll is Next without waiting: it answers nothing when there is nothing.
func (r *Reader) Poll() ([][]byte, error) { return r.take() }

const diskRead = 256 << 10

// fromDisk is take where the bytes are no longer in memory. It lets go of log.mu while it reads.
func (r *Reader) fromDisk() ([][]byte, error) {
	l := r.log
	h, from, upTo := l.history, r.next, min(l.base, r.stopAt)
	if h == nil {
		r.err = ErrLagged
		return nil, r.err
	}
	if r.buf == nil {
		r.buf = make([]byte, diskRead)
	}
	if from >= upTo {
		r.err = ErrRenamed
		return nil, r.err
	}
	l.mu.Unlock()
	n, err := h.ReadAt(r.buf[:min(int64(len(r.buf)), upTo-from)], from)
	l.mu.Lock()
	switch {
	case r.err != nil:
		return nil, r.err
	case n == 0:
		r.err = fmt.Errorf("%w: reading on disk: %w", ErrLagged, err)
		return nil, r.err
	}
	r.next = from + int64(n)
	r.chunks = append(r.chunks[:0], r.buf[:n])
	return r.chunks, nil
}

// advice is what a member is told that can't resume as it asked.
type advice int

const (
	adviceNone   advice = iota // it needs a full copy
	adviceWait                 // it holds more of this very log than this member does as yet
	adviceRewind               // the end of what it holds was never part of this log
)

// advise judges what a member that asked in vain could do instead: a log under the same id comes from the same
// head, so the longer one only has to wait; one that went on under a former id after that had ended here holds bytes
// that were never committed, and has to go back to where the two part.
func (l *Log) advise(asked Position) (a advice, offset int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if strings.EqualFold(asked.ID, l.id) && asked.Offset > l.published {
		return adviceWait, 0
	}
	for _, f := range l.former {
		if strings.EqualFold(asked.ID, f.id) && asked.Offset > f.until && f.until >= l.first() {
			return adviceRewind, f.until
		}
	}
	return adviceNone, 0
}
