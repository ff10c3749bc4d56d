package command

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"holdfast/resp"
)

// latencyRows is LATENCY.
var latencyRows = []Command{{
	Name: "latency", Arity: -2, Group: "server", Since: "2.8.13", Complexity: "that of the subcommand",
	Summary: "Looks at what took long.",
	Sub: []Command{
		latencySub("doctor", 2, "", "Reports on what took long, in sentences.", latencyDoctor),
		latencySub("graph", 3, "event", "Draws the samples of an event.", latencyGraph),
		{
			Name: "help", Arity: 2, Flags: resp.Loading | resp.Stale, Since: "2.8.13", Complexity: "O(1)",
			Summary: "Explains the subcommands.", Run: latencyHelp,
		},
		latencySub("histogram", -2, "[command...]", "Answers how long commands took, as cumulative distributions.",
			latencyHistogram),
		latencySub("history", 3, "event", "Answers the samples of an event.", latencyHistory),
		latencySub("latest", 2, "", "Answers the newest sample of each event.", latencyLatest),
		latencySub("reset", -2, "[event...]", "Forgets events.", latencyReset),
	},
}}

func latencySub(name string, arity int, syntax, summary string, run handler) Command {
	row := Command{
		Name: name, Arity: arity, Flags: resp.Admin | resp.NoScript | resp.Loading | resp.Stale, Since: "2.8.13",
		Complexity: "O(1)", Summary: summary, Syntax: syntax, Run: run,
		Tips: []string{"nondeterministic_output", "request_policy:all_nodes", "response_policy:special"},
	}
	switch name {
	case "reset":
		row.Tips = []string{"request_policy:all_nodes", "response_policy:all_succeeded"}
	case "histogram":
		row.Since, row.Complexity = "7.0.0", "O(N) in the number of commands answered"
	}
	return row
}

func latencyHistory(c *Context, args [][]byte, w *resp.Writer) error {
	s := c.latency[string(args[2])]
	if s == nil {
		w.Array(0)
		return nil
	}
	w.Array(len(s.samples))
	for _, p := range s.samples {
		w.Array(2)
		w.Int(p.at)
		w.Int(p.ms)
	}
	return nil
}

func latencyLatest(c *Context, _ [][]byte, w *resp.Writer) error {
	w.Array(len(c.latency))
	for _, event := range slices.Sorted(maps.Keys(c.latency)) {
		s := c.latency[event]
		last := s.samples[len(s.samples)-1]
		w.Array(4)
		w.BulkString(event)
		w.Int(last.at)
		w.Int(last.ms)
		w.Int(s.max)
	}
	return nil
}

func latencyReset(c *Context, args [][]byte, w *resp.Writer) error {
	if len(args) == 2 {
		w.Int(int64(len(c.latency)))
		clear(c.latency)
		return nil
	}
	found := int64(0)
	for _, event := range args[2:] {
		found += c.resetLatency(cText(event))
	}
	w.Int(found)
	return nil
}

func latencyGraph(c *Context, args [][]byte, w *resp.Writer) error {
	event := cText(args[2])
	s := c.latency[event]
	if s == nil {
		return resp.Error("ERR No samples available for event '" + event + "'")
	}
	w.Verbatim("txt", s.graph(event, time.Now().Unix()))
	return nil
}

// latencyHistogram answers for the commands named, subcommands with their container, or for all that were called.
func latencyHistogram(c *Context, args [][]byte, w *resp.Writer) error {
	length, n := w.MapLater(), 0
	add := func(full string) {
		if s := c.Stats.PerCommand[full]; s != nil && !s.Latency.Empty() {
			w.BulkString(full)
			s.Latency.write(w)
			n++
		}
	}
	if len(args) == 2 {
		for _, full := range slices.Sorted(maps.Keys(c.Stats.PerCommand)) {
			add(full)
		}
	}
	for _, name := range args[2:] {
		row := c.table.ByName(name)
		if row == nil {
			continue
		}
		add(row.FullName())
		for i := range row.Sub {
			add(row.Sub[i].FullName())
		}
	}
	w.SetLen(length, n)
	return nil
}

// write answers how many durations were below 1024 ns, below twice that, and so on: microseconds and the count up to
// them, wherever the count has grown.
func (h *Histogram) write(w *resp.Writer) {
	w.Map(2)
	w.BulkString("calls")
	w.Int(int64(h.total))
	w.BulkString("histogram_usec")
	length, n := w.MapLater(), 0
	level, seen, told := uint64(1024), uint64(0), uint64(0)
	tell := func() {
		if seen > told {
			w.Int(int64((level + level/128 - 1) / 1000)) // the labels of Redis, whose buckets are that fine
			w.Int(int64(seen))
			told = seen
			n++
		}
	}
	for i, count := range h.counts {
		for bucketEnd(i) >= level {
			tell()
			level *= 2
		}
		seen += uint64(count)
	}
	tell()
	w.SetLen(length, n)
}

// advice is what LATENCY DOCTOR says of an event.
var advice = map[string]string{
	"command": "Commands that look at many elements take long: SLOWLOG GET tells which they were. Split large " +
		"values, and use SCAN and its kin.",
	"fast-command": "Even short commands took long: the machine is busy, or something else on it takes the " +
		"processor away.",
	"expire-cycle": "Many keys expired at once, or large ones: spread their times, or raise hz so that less is " +
		"left for each turn.",
	"expire-del":     "A large value expired: many small keys are easier to delete than one of the same size.",
	"eviction-cycle": "Much had to be evicted at once: maxmemory was lowered, or large values came in.",
	"eviction-del":   "A large value was evicted: many small keys are easier to delete than one of the same size.",
}

func latencyDoctor(c *Context, _ [][]byte, w *resp.Writer) error {
	threshold := c.Config.LatencyMonitorThreshold()
	var b strings.Builder
	switch {
	case len(c.latency) == 0 && threshold == 0:
		b.WriteString("Nothing is measured: the latency monitor is off. CONFIG SET latency-monitor-threshold " +
			"<milliseconds> switches it on.\n")
	case len(c.latency) == 0:
		b.WriteString("Nothing took " + itoa(threshold) +
			" ms or longer since the latency monitor was switched on or reset.\n")
	default:
		c.diagnose(&b)
	}
	w.Verbatim("txt", b.String())
	return nil
}

func (c *Context) diagnose(b *strings.Builder) {
	events := slices.Sorted(maps.Keys(c.latency))
	for i, event := range events {
		s := c.latency[event]
		sum := s.summary(time.Now().Unix())
		fmt.Fprintf(b, "%d. %s: %d latency spikes (average %dms, mean deviation %dms, period %.2f sec). Worst all "+
			"time event %dms.\n",
			i+1, event, len(s.samples), sum.average, sum.deviation, sum.period, s.max)
	}
	b.WriteString("\nWhat may help:\n\n")
	for _, event := range events {
		if text := advice[event]; text != "" {
			b.WriteString("- " + event + ": " + text + "\n")
		}
	}
	if slower := c.Config.SlowlogLogSlowerThan(); slower < 0 || slower/1000 > c.Config.LatencyMonitorThreshold() {
		b.WriteString("- The slow log misses what the latency monitor sees: lower slowlog-log-slower-than.\n")
	}
}

func latencyHelp(_ *Context, _ [][]byte, w *resp.Writer) error {
	resp.HelpReply(w, "LATENCY",
		"DOCTOR",
		"    Report on what took long, in sentences.",
		"GRAPH <event>",
		"    Draw the samples of an event.",
		"HISTORY <event>",
		"    Answer the samples of an event: when, and the milliseconds it took.",
		"LATEST",
		"    Answer each event's newest sample, and its worst.",
		"RESET [<event> ...]",
		"    Forget these events, or all.",
		"HISTOGRAM [<command> ...]",
		"    Answer how many calls took up to how many microseconds, for these commands or all.",
	)
	return nil
}
