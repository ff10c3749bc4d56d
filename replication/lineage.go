package replication

import (
	"slices"
	"strings"

	"holdfast/internal/rules"
)

// Lineage is what a log is called: the id that it is written under now, and those before it. It is pure: the Log holds
// one under its mutex.
type Lineage struct {
	ID      string
	Formers []Former // oldest first
}

// Former is an id under which a log was written until an offset.
type Former struct {
	ID    string
	Until int64
}

// ContinueAs goes on under another id from offset at. It reports whether that changed anything: the same id does not.
func (n *Lineage) ContinueAs(id string, at int64) bool {
	if strings.EqualFold(id, n.ID) {
		return false
	}
	n.Formers = append(n.Formers, Former{n.ID, at})
	if len(n.Formers) > maxFormer {
		n.Formers = slices.Delete(n.Formers, 0, 1)
	}
	n.ID = id
	return true
}

// Cut says that the log ends at offset end now: nothing that was beyond is known by any name. A former id that was
// still said to reach further would vouch for what is written there next.
func (n *Lineage) Cut(end int64) {
	for i := range n.Formers {
		n.Formers[i].Until = min(n.Formers[i].Until, end)
	}
}

// former finds an id that the log was called by before.
func (n Lineage) former(id string) (f Former, ok bool) {
	i := slices.IndexFunc(n.Formers, func(f Former) bool { return strings.EqualFold(id, f.ID) })
	if i < 0 {
		return Former{}, false
	}
	return n.Formers[i], true
}

// Resume decides whether a follower that asks for what follows asked can be given it by a log that has [first, end):
// whether its history is this log's, now or under a former id up to where that ended, and the bytes are still here.
// When ok, they begin at from; else reason says why not.
func (n Lineage) Resume(asked Position, first, end int64) (from int64, ok bool, reason string) {
	if asked.ID == "" || asked.ID == "?" {
		return 0, false, "full synchronisation requested"
	}
	if !strings.EqualFold(asked.ID, n.ID) {
		f, ok := n.former(asked.ID)
		if !ok {
			return 0, false, "replication id mismatch"
		}
		if rules.PreviousIDEnds && asked.Offset > f.Until {
			return 0, false, "offset is past the end of that former history"
		}
	}
	switch {
	case asked.Offset < first:
		return 0, false, "offset is older than the backlog"
	case asked.Offset > end:
		return 0, false, "offset is past the end of the log"
	}
	return asked.Offset, true, ""
}

// Advice is what a member is told that can't resume as it asked.
type Advice int

// The kinds of advice.
const (
	AdviceNone   Advice = iota // it needs a full copy
	AdviceWait                 // it holds more of this very log than this member does as yet
	AdviceRewind               // the end of what it holds was never part of this log
)

// Advise judges what a member that asked in vain could do instead: a log under the same id comes from the same
// head, so the longer one only has to wait; one that went on under a former id after that had ended here holds bytes
// that were never committed, and has to go back to offset, where the two part.
func (n Lineage) Advise(asked Position, first, end int64) (a Advice, offset int64) {
	if strings.EqualFold(asked.ID, n.ID) && asked.Offset > end {
		return AdviceWait, 0
	}
	if f, ok := n.former(asked.ID); ok && asked.Offset > f.Until && f.Until >= first {
		return AdviceRewind, f.Until
	}
	return AdviceNone, 0
}
