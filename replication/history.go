package replication

import (
	"fmt"
	"math"
	"slices"
)

// History is the part of a log that is on disk.
type History interface {
	// ReadAt reads the log's bytes from offset on: at least one, at most len(p).
	ReadAt(p []byte, offset int64) (int, error)
}

// UseDisk says that the log is kept on disk from now on: nothing counts as held, or is passed on, before Stored says
// that it is there, and followers that were away read on in h.
func (l *Log) UseDisk(h History) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.history, l.tracker.Disk = h, true
	l.oldest = l.published
}

// LeaveDisk takes UseDisk back: what is in memory counts as held.
func (l *Log) LeaveDisk() {
	l.mu.Lock()
	l.history, l.tracker.Disk = nil, false
	l.tracker.Settle(l.published)
	l.wakeReaders()
	watchers, moved := l.watchers, l.commitMoved()
	l.mu.Unlock()
	tell(watchers)
	l.tellCommit(moved, false)
}

// Stored says that the log's bytes from oldest to end are on disk. Feeder.Push is to follow.
func (l *Log) Stored(oldest, end int64) {
	l.mu.Lock()
	l.oldest = oldest
	l.tracker.Stored = max(l.tracker.Stored, min(end, l.published))
	l.tracker.Settle(l.published)
	l.wakeReaders()
	watchers, moved := l.watchers, l.commitMoved()
	l.mu.Unlock()
	tell(watchers)
	l.tellCommit(moved, false)
}

// Restore begins the log where it was left on disk.
func (l *Log) Restore(pos Position, formers []Former) {
	l.Reset(pos)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lineage.Formers = slices.Clone(formers)
	l.lineage.Cut(pos.Offset) // its end may have been lost
	l.tracker.Restored = pos.Offset
}

// Formers are the ids that the log had, oldest first.
func (l *Log) Formers() []Former {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lineage.Formers)
}

// Tap opens a reader for the disk, from where it ends: it holds back the log's memory, and reads on when the log gets
// another id.
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

// advise is Lineage.Advise, of what the log has.
func (l *Log) advise(asked Position) (a Advice, offset int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lineage.Advise(asked, l.first(), l.published)
}
