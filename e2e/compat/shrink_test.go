package compat

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// shrinkBudget bounds the search; what was found until then is shown.
const shrinkBudget = 30 * time.Second

// shrink leaves operations out for as long as some difference remains (Zeller's delta debugging): halves first, then
// ever smaller pieces, down to single operations.
func shrink(ops []op, fails func([]op) bool, deadline time.Time) []op {
	for pieces := 2; len(ops) > 1; {
		size := (len(ops) + pieces - 1) / pieces
		smaller := false
		for start := 0; start < len(ops) && time.Now().Before(deadline); {
			rest := slices.Concat(ops[:start], ops[min(start+size, len(ops)):])
			if len(rest) > 0 && fails(rest) {
				ops, smaller = rest, true // and the same place again, where the next piece is now
			} else {
				start += size
			}
		}
		switch {
		case time.Now().After(deadline):
			return ops
		case size > 1:
			pieces = min(pieces*2, len(ops))
		case !smaller:
			return ops
		}
	}
	return ops
}

// differ reports whether the servers still disagree.
func (p *pair) differ(ops []op) bool {
	var d *difference
	_, err := p.run(ops)
	return errors.As(err, &d)
}

func TestShrink(t *testing.T) {
	var ops []op
	for i := range 1000 {
		ops = append(ops, op{client: i})
	}
	// It takes 17, later 400 and any even one after that.
	fails := func(ops []op) bool {
		state := 0
		for _, o := range ops {
			switch {
			case state == 0 && o.client == 17, state == 1 && o.client == 400, state == 2 && o.client%2 == 0:
				state++
			}
		}
		return state == 3
	}
	got := shrink(ops, fails, time.Now().Add(shrinkBudget))
	if len(got) != 3 || got[0].client != 17 || got[1].client != 400 {
		t.Errorf("%v", got)
	}
}
