package main

import (
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"holdfast/internal/linear"
)

func TestRules(t *testing.T) {
	const packets = 10000
	w := &wire{rng: rand.New(rand.NewPCG(1, 1)), rules: map[way]rule{{0, 1}: silence, {1, 0}: slow}}
	if after := w.draw(way{0, 1}); len(after) != 0 {
		t.Errorf("a cut lets a packet through after %v", after)
	}
	lost, doubled := 0, 0
	for range packets {
		after := w.draw(way{1, 0})
		for _, d := range after {
			if d < slow.delay || d > slow.delay+slow.jitter {
				t.Fatalf("a packet takes %v", d)
			}
		}
		switch len(after) {
		case 0:
			lost++
		case 2:
			doubled++
		}
	}
	for name, c := range map[string]struct {
		got  int
		want float64
	}{"lost": {lost, slow.lost}, "doubled": {doubled, slow.doubled * (1 - slow.lost)}} {
		if share := float64(c.got) / packets; share < c.want/2 || share > c.want*2 {
			t.Errorf("%s: %.3f of the packets, want %.3f", name, share, c.want)
		}
	}
}

func TestScheduleRepeats(t *testing.T) {
	draw := func(seed uint64) (names string) {
		g := &group{options: options{faults: mixed, rounds: 100}, rng: rand.New(rand.NewPCG(seed, 0))}
		for _, f := range g.schedule(faults) {
			names += f.name + " "
		}
		return names
	}
	again, other := draw(7), draw(8)
	if drawn := draw(7); drawn != again || drawn == other {
		t.Error("a seed does not decide what is drawn")
	}
	for _, f := range faults {
		if !strings.Contains(draw(7), f.name+" ") {
			t.Errorf("%s is not drawn in 100 rounds", f.name)
		}
	}
}

// TestVerdict: a run of Holdfast fails by what it promises, one of Redis by nothing.
func TestVerdict(t *testing.T) {
	for name, c := range map[string]struct {
		fault string
		told  result
		want  error
	}{
		"well":                       {"kill", result{acknowledged: 5}, nil},
		"an error after an accident": {"kill", result{errors: map[string]int{"timeout": 1}}, nil},
		"an error in a handover":     {"term", result{errors: map[string]int{"timeout": 1}}, errUnexpected},
		"lost":                       {"kill", result{lost: 1}, errLost},
		"no order": {"kill", result{verdict: linear.Verdict{Keys: 1, Broken: []string{"k"}}},
			errBroken},
		"an order that was not found": {"kill", result{verdict: linear.Verdict{Keys: 1, Undecided: []string{"k"}}},
			errUndecided},
	} {
		chosen, err := chooseFaults(c.fault)
		if err != nil {
			t.Fatal(err)
		}
		table := newTable(chosen)
		c.told.silence.lasted = time.Millisecond
		table.row(chosen[0]).add(c.told)
		if err := table.report(io.Discard, options{target: "holdfast"}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err := table.report(io.Discard, options{target: "redis"}); err != nil {
			t.Errorf("%s, Redis: %v", name, err)
		}
	}
}

// TestStalls: what the machine did in a round is told apart from what it did before, and a round in which it stalled is
// left out of what clients saw while it ran.
func TestStalls(t *testing.T) {
	var s stalls
	s.read(strings.NewReader("1000 10000000\nno line of ours\n5000 20000000\n9000 15000000\n"))
	for since, want := range map[int64]time.Duration{0: 20 * time.Millisecond, 5000: 15 * time.Millisecond, 9000: 0} {
		if got := s.longest(time.Unix(0, since)); got != want {
			t.Errorf("from %d on: %v, want %v", since, got, want)
		}
	}
	r := newRow(fault{})
	told := func(silence, stall time.Duration) { r.add(result{silence: quiet{lasted: silence}, stall: stall}) }
	told(300*time.Millisecond, stallLong)
	if got := r.worstSteady(); got != "-" {
		t.Errorf("without a round in which the machine ran: %s", got)
	}
	told(30*time.Millisecond, stallLong-1)
	if _, worst := r.silence(); worst != 300*time.Millisecond || r.worstSteady() != "30" {
		t.Errorf("worst %v, while the machine ran %s", worst, r.worstSteady())
	}
}
