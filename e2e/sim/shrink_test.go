package sim

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const (
	// defaultShrink is for how many seconds a list of faults is shrunk when SHRINK doesn't say.
	defaultShrink = 60
	// shrinkTries is how often a list is run that does not fail: how goroutines interleave is not repeated.
	shrinkTries = 3
)

// shrinker finds a shorter list of faults that still fails, for the first seed of a run that does.
type shrinker struct {
	lasts time.Duration
	begun atomic.Bool
}

// shrink leaves out one fault after the other, as long as what is left fails, and prints the story of the shortest
// list.
func (k *shrinker) shrink(t *testing.T, s setup, list []fault) {
	if k.lasts == 0 || k.begun.Swap(true) {
		return
	}
	s.judged = nil
	var shortest *story
	runs, until := 0, time.Now().Add(k.lasts)
	fails := func(list []fault) bool {
		for range shrinkTries {
			if time.Now().After(until) {
				return false
			}
			runs++
			var told *story
			s.report = func(t *testing.T, st *story) {
				if told = st; len(st.bad) > 0 {
					t.Fail()
				}
			}
			if !t.Run(fmt.Sprintf("shrink=%d", runs), func(t *testing.T) {
				inBubble(t, s, func(g *group) {
					var done []fault
					g.runSchedule(&done, list)
				})
			}) {
				shortest = told
				return true
			}
		}
		return false
	}
	if !fails(list) {
		t.Logf("the faults %s did not fail again in %d runs", namesOf(list), runs)
		return
	}
	for i := 0; i < len(list); {
		if rest := slices.Delete(slices.Clone(list), i, i+1); fails(rest) {
			list = rest
		} else {
			i++
		}
	}
	t.Logf("after %d runs the shortest list of faults that still fails: %s\n%s", runs, namesOf(list), shortest.text())
}

func namesOf(list []fault) string {
	names := make([]string, len(list))
	for i, x := range list {
		names[i] = fmt.Sprintf("%s (%x, then %v)", x.kind.name, x.seed, x.pause)
	}
	return "[" + strings.Join(names, ", ") + "]"
}
