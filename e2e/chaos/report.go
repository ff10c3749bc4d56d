package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// row is what all rounds of one fault came to.
type row struct {
	fault        fault
	rounds       int
	acknowledged int
	lost         int
	judged       int // keys
	broken       int // keys whose operations have no order
	undecided    int
	silences     []time.Duration
	steady       []time.Duration // of them those of rounds in which the machine did not stall
	errors       map[string]int
}

func newRow(f fault) *row { return &row{fault: f, errors: map[string]int{}} }

// add counts a round.
func (r *row) add(res result) {
	r.rounds++
	r.acknowledged += res.acknowledged
	r.lost += res.lost
	r.judged += res.verdict.Keys
	r.broken += len(res.verdict.Broken)
	r.undecided += len(res.verdict.Undecided)
	r.silences = append(r.silences, res.silence.lasted)
	if res.stall < stallLong {
		r.steady = append(r.steady, res.silence.lasted)
	}
	for kind, n := range res.errors {
		r.errors[kind] += n
	}
}

// sum adds another row, for the total.
func (r *row) sum(o *row) {
	r.rounds += o.rounds
	r.acknowledged += o.acknowledged
	r.lost += o.lost
	r.judged += o.judged
	r.broken += o.broken
	r.undecided += o.undecided
	r.silences = append(r.silences, o.silences...)
	r.steady = append(r.steady, o.steady...)
}

// unexpected counts the errors that a planned handover must not cause.
func (r *row) unexpected() (n int) {
	if r.fault.planned {
		for _, count := range r.errors {
			n += count
		}
	}
	return n
}

func (r *row) silence() (median, worst time.Duration) {
	s := slices.Sorted(slices.Values(r.silences))
	if len(s) == 0 {
		return 0, 0
	}
	return s[len(s)/2], s[len(s)-1]
}

// worstSteady is the worst silence, in milliseconds, of rounds in which the machine did not stall, if there were any.
func (r *row) worstSteady() string {
	if len(r.steady) == 0 {
		return "-"
	}
	return fmt.Sprint(slices.Max(r.steady).Milliseconds())
}

func (r *row) errorKinds() string {
	var kinds []string
	for _, k := range slices.Sorted(maps.Keys(r.errors)) {
		kinds = append(kinds, fmt.Sprintf("%s: %d", k, r.errors[k]))
	}
	return strings.Join(kinds, ", ")
}

// table has a row for each fault.
type table []*row

func newTable(chosen []fault) (t table) {
	for _, f := range chosen {
		t = append(t, newRow(f))
	}
	return t
}

func (t table) row(f fault) *row {
	return t[slices.IndexFunc(t, func(r *row) bool { return r.fault.name == f.name })]
}

// What a run of Holdfast may end with.
var (
	errLost       = errors.New("acknowledged writes were lost")
	errBroken     = errors.New("what clients were told has no order")
	errUndecided  = errors.New("some histories could not be judged in time")
	errUnexpected = errors.New("clients saw errors during planned handovers")
)

// report prints the table, as Markdown, and says whether the promise was kept; Redis promises nothing.
func (t table) report(w io.Writer, o options) error {
	total := newRow(fault{name: "all faults"})
	unexpected := 0
	tw := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprintf(tw, "\n| %s\t| rounds\t| acknowledged\t| lost\t| lost %%\t| keys judged\t| without an order\t| "+
		"silence, ms: median\t| worst\t| worst while the machine ran\t| errors\t|\n", o.target)
	fmt.Fprintln(tw, strings.Repeat("|---\t", 11)+"|")
	line := func(r *row) {
		median, worst := r.silence()
		fmt.Fprintf(tw, "| %s\t| %d\t| %d\t| %d\t| %.2f\t| %d\t| %d\t| %d\t| %d\t| %s\t| %s\t|\n", r.fault.name,
			r.rounds, r.acknowledged, r.lost,
			100*float64(r.lost)/float64(max(r.acknowledged, 1)), r.judged, r.broken, median.Milliseconds(),
			worst.Milliseconds(), r.worstSteady(), r.errorKinds())
	}
	for _, r := range t {
		if r.rounds > 0 {
			line(r)
			total.sum(r)
			unexpected += r.unexpected()
		}
	}
	line(total)
	if err := tw.Flush(); err != nil {
		return err
	}
	if o.target == "redis" {
		return nil
	}
	var wrong []error
	for _, c := range []struct {
		is  bool
		err error
	}{{total.lost > 0, errLost}, {total.broken > 0, errBroken}, {total.undecided > 0, errUndecided},
		{unexpected > 0, errUnexpected}} {
		if c.is {
			wrong = append(wrong, c.err)
		}
	}
	return errors.Join(wrong...)
}
