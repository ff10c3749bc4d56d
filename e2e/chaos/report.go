package main

import (
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
	fault        string
	rounds       int
	acknowledged int
	lost         int
	silences     []time.Duration
	errors       map[string]int
}

func (r *row) add(res result, lost int) {
	r.rounds++
	r.acknowledged += res.acknowledged
	r.lost += lost
	r.silences = append(r.silences, res.silence)
	for kind, n := range res.errors {
		r.errors[kind] += n
	}
}

// unexpected counts the errors that a planned handover must not cause.
func (r row) unexpected() int {
	n := 0
	if planned(r.fault) {
		for kind, count := range r.errors {
			if kind != closedConnection {
				n += count
			}
		}
	}
	return n
}

func (r row) silence() (median, worst time.Duration) {
	s := slices.Sorted(slices.Values(r.silences))
	if len(s) == 0 {
		return 0, 0
	}
	return s[len(s)/2], s[len(s)-1]
}

func (r row) line() string {
	median, worst := r.silence()
	return fmt.Sprintf("%s: %d rounds, %d acknowledged, %d lost (%.2f %%), silence median %.0f ms, worst %.0f ms",
		r.fault, r.rounds, r.acknowledged, r.lost, 100*float64(r.lost)/float64(max(r.acknowledged, 1)), float64(median)/1e6, float64(worst)/1e6)
}

// report prints the table and says whether the promise was kept; Redis promises nothing.
func report(w io.Writer, o options, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\n%s\trounds\tacknowledged\tlost\tlost %%\tsilence median ms\tworst ms\terrors\t\n", o.target)
	lost, unexpected := 0, 0
	for _, r := range rows {
		median, worst := r.silence()
		var kinds []string
		for _, k := range slices.Sorted(maps.Keys(r.errors)) {
			kinds = append(kinds, fmt.Sprintf("%s: %d", k, r.errors[k]))
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%.2f\t%.0f\t%.0f\t%s\t\n", r.fault, r.rounds, r.acknowledged, r.lost,
			100*float64(r.lost)/float64(max(r.acknowledged, 1)), float64(median)/1e6, float64(worst)/1e6, strings.Join(kinds, ", "))
		lost += r.lost
		unexpected += r.unexpected()
	}
	if err := t.Flush(); err != nil {
		return err
	}
	switch {
	case o.target != "holdfast":
		return nil
	case lost > 0:
		return errLost
	case unexpected > 0:
		return fmt.Errorf("%d errors beyond closed connections during planned handovers", unexpected)
	}
	return nil
}
