package command

import (
	"strings"
	"time"
)

// latencySamples is how many samples the latency monitor keeps of each event.
const latencySamples = 160

// latencySample is the worst of one second.
type latencySample struct{ at, ms int64 } // at in unix seconds

// latencySeries is what is known of one event: samples from the oldest to the newest.
type latencySeries struct {
	samples []latencySample
	max     int64 // of all time
}

func (s *latencySeries) add(at, ms int64) {
	s.max = max(s.max, ms)
	if n := len(s.samples); n > 0 && s.samples[n-1].at == at {
		s.samples[n-1].ms = max(s.samples[n-1].ms, ms)
		return
	}
	if len(s.samples) == latencySamples {
		s.samples = s.samples[:copy(s.samples, s.samples[1:])]
	}
	s.samples = append(s.samples, latencySample{at, ms})
}

// summary is what LATENCY DOCTOR says of a series.
type latencySummary struct {
	average, deviation int64 // ms
	period             float64
}

func (s *latencySeries) summary(now int64) (sum latencySummary) {
	n := int64(len(s.samples))
	for _, p := range s.samples {
		sum.average += p.ms
	}
	sum.average /= n
	for _, p := range s.samples {
		sum.deviation += max(sum.average-p.ms, p.ms-sum.average)
	}
	sum.deviation /= n
	sum.period = float64(max(now-s.samples[0].at, 1)) / float64(n)
	return sum
}

// NoteLatency keeps an event that took as long as latency-monitor-threshold says, or longer.
func (e *Env) NoteLatency(event string, took time.Duration) {
	threshold := e.Config.LatencyMonitorThreshold()
	if threshold <= 0 || took.Milliseconds() < threshold {
		return
	}
	s := e.latency[event]
	if s == nil {
		s = &latencySeries{}
		e.latency[event] = s
	}
	s.add(time.Now().Unix(), took.Milliseconds())
}

// Timed runs f, and keeps the event if it took long.
func (e *Env) Timed(event string, f func()) {
	if e.Config.LatencyMonitorThreshold() <= 0 {
		f()
		return
	}
	start := e.clock()
	f()
	e.NoteLatency(event, time.Duration(e.clock()-start))
}

// resetLatency forgets an event, whatever the case of its letters.
func (e *Env) resetLatency(event string) (found int64) {
	for name := range e.latency {
		if strings.EqualFold(name, event) {
			delete(e.latency, name)
			found++
		}
	}
	return found
}

// graphRows and graphColumns are the size of a LATENCY GRAPH; a series longer than that goes on below.
const (
	graphRows    = 4
	graphColumns = 80
)

// graph draws a series: a column for each sample, and below it how long ago that was, read downwards.
func (s *latencySeries) graph(event string, now int64) string {
	least, most := s.samples[0].ms, s.samples[0].ms
	for _, p := range s.samples {
		least, most = min(least, p.ms), max(most, p.ms)
	}
	var b strings.Builder
	b.WriteString(event + " - high " + itoa(most) + " ms, low " + itoa(least) + " ms (all time high " + itoa(s.max) +
		" ms)\n")
	b.WriteString(strings.Repeat("-", graphColumns) + "\n")
	for from := 0; from < len(s.samples); from += graphColumns {
		part := s.samples[from:min(from+graphColumns, len(s.samples))]
		drawColumns(&b, part, least, most)
		b.WriteByte('\n')
		drawAges(&b, part, now)
	}
	return b.String()
}

func drawColumns(b *strings.Builder, part []latencySample, least, most int64) {
	const steps = 2 // a cell is empty, half full or full
	for row := graphRows - 1; row >= 0; row-- {
		line := make([]byte, len(part))
		for i, p := range part {
			height := int64(graphRows * steps)
			if most > least {
				height = 1 + (p.ms-least)*(graphRows*steps-1)/(most-least)
			}
			line[i] = " _#"[min(max(height-int64(row*steps), 0), steps)]
		}
		b.WriteString(strings.TrimRight(string(line), " ") + "\n")
	}
}

func drawAges(b *strings.Builder, part []latencySample, now int64) {
	labels, height := make([]string, len(part)), 0
	for i, p := range part {
		labels[i] = age(now - p.at)
		height = max(height, len(labels[i]))
	}
	for row := range height {
		line := make([]byte, len(part))
		for i, l := range labels {
			line[i] = ' '
			if row < len(l) {
				line[i] = l[row]
			}
		}
		b.WriteString(strings.TrimRight(string(line), " ") + "\n")
	}
}

// age is a number of seconds in its largest whole unit.
func age(seconds int64) string {
	switch {
	case seconds < 60:
		return itoa(max(seconds, 0)) + "s"
	case seconds < 3600:
		return itoa(seconds/60) + "m"
	case seconds < 24*3600:
		return itoa(seconds/3600) + "h"
	}
	return itoa(seconds/(24*3600)) + "d"
}
