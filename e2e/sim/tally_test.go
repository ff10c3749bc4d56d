package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"holdfast/internal/linear"
)

// tally counts over all seeds of a run.
type tally struct {
	began time.Time

	mu                             sync.Mutex // guards the rest
	failed                         int
	acked, unanswered, reads, lost int
	undecided                      []string // keys for whose history no order was found in time, nor that there is none
	virtual                        time.Duration
	faults                         map[string]int
}

func newTally() *tally { return &tally{began: time.Now(), faults: map[string]int{}} }

// add counts a seed that is over, in its bubble.
func (y *tally) add(g *group) {
	y.mu.Lock()
	defer y.mu.Unlock()
	g.history.mu.Lock()
	defer g.history.mu.Unlock()
	y.acked += g.history.answers
	y.unanswered += g.history.unknown
	y.reads += g.history.reads
	y.lost += len(g.history.lost)
	y.virtual += time.Since(g.story.began)
	for _, name := range g.did {
		y.faults[name]++
	}
}

// judged counts what became of the histories of a seed.
func (y *tally) judged(v linear.Verdict) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.undecided = append(y.undecided, v.Undecided...)
}

// ended counts a verdict.
func (y *tally) ended(failed bool) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if failed {
		y.failed++
	}
}

func (y *tally) summary() string {
	y.mu.Lock()
	defer y.mu.Unlock()
	var kinds []string
	sum := 0
	for _, name := range slices.Sorted(maps.Keys(y.faults)) {
		kinds = append(kinds, fmt.Sprintf("%d × %s", y.faults[name], name))
		sum += y.faults[name]
	}
	keys := ""
	if len(y.undecided) > 0 {
		keys = " (" + strings.Join(y.undecided, ", ") + ")"
	}
	return fmt.Sprintf("%d failed; %d writes acknowledged, %d unanswered, %d lost, %d reads answered, %d histories "+
		"not judged in time%s, %.2f hours of virtual time in %v; %d faults: %s",
		y.failed, y.acked, y.unanswered, y.lost, y.reads, len(y.undecided), keys, y.virtual.Hours(),
		time.Since(y.began).Round(time.Second), sum, strings.Join(kinds, ", "))
}
