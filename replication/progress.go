package replication

import (
	"sync/atomic"
	"time"
)

// giant is from how many bytes on a command, or a transaction, is on its way for so long that it counts how far it
// has come. While a member takes one in, brings it to disk or passes it on it can't acknowledge anything, but is not
// stuck as long as bytes come through.
const giant = 1 << 20

// progress counts the bytes of giant commands that have come through somewhere. No count ever falls.
type progress struct {
	taken  atomic.Int64 // received from the predecessor, and appended
	stored atomic.Int64 // brought to disk
	behind atomic.Int64 // what the successor said of itself and those behind it
}

func (p *progress) all() int64 { return p.taken.Load() + p.stored.Load() + p.behind.Load() }

// Written says that n bytes from offset on were written to disk. They count as stored when the disk is done with all
// that is to be written; see Stored.
func (l *Log) Written(offset, n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.giantFrom < offset+n && offset < l.giantEnd {
		l.progress.stored.Add(n)
	}
}

// span is a part of the log.
type span struct{ from, end int64 }

// largestGiant is how large the largest giant is of which something is behind from. A single command may be larger than
// all that a reader may hold back, and whoever is at it, or comes to it next, is not slow. It needs mu.
func (l *Log) largestGiant(from int64) (size int64) {
	for _, g := range l.giants {
		if g.end > from {
			size = max(size, g.end-g.from)
		}
	}
	return size
}

// noteGiant notes what was appended since the last Flush if it is much. It needs mu.
func (l *Log) noteGiant() {
	if l.at-l.published <= giant {
		return
	}
	l.giants = append(l.giants, span{l.published, l.at})
	if l.giantEnd <= l.tracker.Stored {
		l.giantFrom = l.published
	}
	l.giantEnd = l.at
}

// moved begins all waits anew if, by a count of what has come through, giant bytes have since they last began: what
// is on its way is not stuck.
func (w *waitAge) moved(count int64, now time.Time) {
	if count-w.moves < giant {
		return
	}
	w.moves = count
	for i := range w.marks {
		w.marks[i].at = now
	}
}
