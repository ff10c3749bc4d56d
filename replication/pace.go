package replication

import "time"

// maxMarks bounds a pace's memory; beyond it every second mark is given up.
const maxMarks = 64

// pace tells for how long bytes have been waiting, for an acknowledgement or for the disk. It looks only when it is asked, so that
// a write costs nothing more; what lies between two looks makes an age too small, never too large.
type pace struct {
	marks []mark // offsets that had been reached by then, in order
}

type mark struct {
	offset int64
	at     time.Time
}

// age notes that at now bytes up to reached were there, those up to passed had got through, and answers for how long at
// least the oldest of the others has been there; 0 when there is none.
func (p *pace) age(reached, passed int64, now time.Time) time.Duration {
	n := 0
	for n < len(p.marks) && p.marks[n].offset <= passed {
		n++
	}
	p.marks = p.marks[:copy(p.marks, p.marks[n:])]
	last := passed
	if n := len(p.marks); n > 0 {
		last = p.marks[n-1].offset
	}
	if reached > last {
		if len(p.marks) == maxMarks {
			p.thin()
		}
		p.marks = append(p.marks, mark{reached, now})
	}
	if len(p.marks) == 0 {
		return 0
	}
	return now.Sub(p.marks[0].at)
}

// thin gives up every second mark; the oldest stays.
func (p *pace) thin() {
	for i := range maxMarks / 2 {
		p.marks[i] = p.marks[2*i]
	}
	p.marks = p.marks[:maxMarks/2]
}

// reset begins anew: what waited before was not this successor's, or is not in this log any more.
func (p *pace) reset() { p.marks = p.marks[:0] }

// Delays says for how long the oldest byte of the log has been waiting at now: one that this member holds, for the
// acknowledgement of the successor whose word counts, and one that was appended, for this member's own disk. 0 is for no time at all. Both
// begin anew with an epoch. What it does not see are waits shorter than the time between two calls.
func (l *Log) Delays(now time.Time) (acknowledged, stored time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := &l.tracker; t.Chain {
		acknowledged = l.unacknowledged.age(t.held(l.published), t.Acked, now)
	}
	if t := &l.tracker; t.Disk {
		stored = l.unstored.age(l.published, t.Stored, now)
	}
	return acknowledged, stored
}
