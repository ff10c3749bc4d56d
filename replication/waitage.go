package replication

import "time"

// maxMarks bounds a waitAge's memory; beyond it every second mark is given up.
const maxMarks = 64

// waitAge tells for how long bytes have been waiting, for an acknowledgement or for the disk. It looks only when it is
// asked, so that a write costs nothing more; what lies between two looks makes an age too small, never too large.
type waitAge struct {
	marks []mark // offsets that had been reached by then, in order
	moves int64  // the count at which all waits began anew, see moved
}

type mark struct {
	offset int64
	at     time.Time
}

// age notes that at now bytes up to reached were there, those up to passed had got through, and answers for how long at
// least the oldest of the others has been there; 0 when there is none.
func (w *waitAge) age(reached, passed int64, now time.Time) time.Duration {
	n := 0
	for n < len(w.marks) && w.marks[n].offset <= passed {
		n++
	}
	w.marks = w.marks[:copy(w.marks, w.marks[n:])]
	last := passed
	if n := len(w.marks); n > 0 {
		last = w.marks[n-1].offset
	}
	if reached > last {
		if len(w.marks) == maxMarks {
			w.thin()
		}
		w.marks = append(w.marks, mark{reached, now})
	}
	if len(w.marks) == 0 {
		return 0
	}
	return now.Sub(w.marks[0].at)
}

// thin gives up every second mark; the oldest stays.
func (w *waitAge) thin() {
	for i := range maxMarks / 2 {
		w.marks[i] = w.marks[2*i]
	}
	w.marks = w.marks[:maxMarks/2]
}

// reset begins anew: what waited before was not this successor's, or is not in this log any more.
func (w *waitAge) reset() { w.marks = w.marks[:0] }

// Delays says for how long the oldest byte of the log has been waiting at now: one that this member holds, for the
// acknowledgement of the successor whose word counts, and one that was appended, for this member's own disk. 0 is for
// no time at all. Both begin anew with an epoch, and while a giant command comes through. What it does not see are
// waits shorter than the time between two calls.
func (l *Log) Delays(now time.Time) (acknowledged, stored time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := &l.tracker; t.Chain {
		l.unacknowledged.moved(l.progress.behind.Load(), now)
		acknowledged = l.unacknowledged.age(t.held(l.published), t.Acked, now)
	}
	if t := &l.tracker; t.Disk {
		l.unstored.moved(l.progress.stored.Load(), now)
		stored = l.unstored.age(l.published, t.Stored, now)
	}
	return acknowledged, stored
}
