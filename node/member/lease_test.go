package member

import (
	"testing"
	"time"
)

// TestLease: a lease lasts as long as a majority has promised, counted from when the heartbeats were sent.
func TestLease(t *testing.T) {
	const second = time.Second
	const whole = second - second/driftShare
	type word struct {
		from      string
		sent      time.Duration
		downAfter time.Duration
		voters    int
	}
	for name, c := range map[string]struct {
		forgotten []string // before the first word
		words     []word
		until     time.Duration
	}{
		"nobody":       {},
		"one of three": {words: []word{{"a", 5, second, 3}}},
		"one of one":   {words: []word{{"a", 5, second, 1}}, until: 5 + whole},
		"two of three": {words: []word{{"a", 5, second, 3}, {"b", 7, second, 3}}, until: 5 + whole},
		"three of three": {words: []word{{"a", 5, second, 3}, {"b", 7, second, 3}, {"c", 9, second, 3}},
			until: 7 + whole},
		"one of them twice":    {words: []word{{"a", 5, second, 3}, {"a", 9, second, 3}}},
		"an older word":        {words: []word{{"a", 9, second, 1}, {"a", 5, second, 1}}, until: 9 + whole},
		"a shorter down-after": {words: []word{{"a", 5, second, 1}, {"a", 6, second / 2, 1}}, until: 5 + whole},
		"one knows of more":    {words: []word{{"a", 5, second, 5}, {"b", 5, second, 3}}},
		"one knows of more, and three speak": {
			words: []word{{"a", 5, second, 5}, {"b", 5, second, 3}, {"c", 5, second, 3}}, until: 5 + whole},
		"the removed make no majority": {forgotten: []string{"x", "y"},
			words: []word{{"x", 5, second, 5}, {"y", 5, second, 5}, {"a", 5, second, 3}}},
		"without the removed there is one": {forgotten: []string{"x", "y"},
			words: []word{{"x", 5, second, 5}, {"a", 5, second, 3}, {"b", 6, second, 3}}, until: 5 + whole},
	} {
		t.Run(name, func(t *testing.T) {
			var g Grants
			g.Forget(c.forgotten)
			var until time.Duration
			for _, w := range c.words {
				until = g.Add(w.from, w.sent, w.downAfter, w.voters)
			}
			if until != c.until {
				t.Errorf("until %v, want %v", until, c.until)
			}
		})
	}
}

// TestTheRemovedAreForgotten: what a sentinel has said before it was removed counts for no later majority.
func TestTheRemovedAreForgotten(t *testing.T) {
	var g Grants
	g.Add("gone", 5, time.Second, 3)
	g.Forget([]string{"gone"})
	if until := g.Add("a", 5, time.Second, 3); until != 0 {
		t.Errorf("a lease until %v", until)
	}
}

func TestNoLeaseOutsideTheChainOrWhenLeaving(t *testing.T) {
	now := time.Unix(100, 0)
	l := NewLease(func() time.Time { return now })
	l.Grant("a", now, time.Minute, 1)
	if l.Valid() {
		t.Fatal("not in the chain")
	}
	l.SetInChain(true)
	if !l.Valid() {
		t.Fatal("in the chain, with every sentinel's word")
	}
	now = now.Add(time.Minute)
	if l.Valid() {
		t.Fatal("outlived the promise")
	}
	l.Grant("a", now, time.Minute, 1)
	l.Leave()
	if l.Valid() {
		t.Fatal("leaving")
	}
}
