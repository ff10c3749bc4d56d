package command

import (
	"fmt"
	"runtime/debug"
	"runtime/metrics"
	"strings"

	"holdfast/resp"
)

// memoryRow is MEMORY.
var memoryRow = Command{
	Name: "memory", Arity: -2, Group: "server", Since: "4.0.0", Complexity: "that of the subcommand",
	Summary: "Looks at the use of memory.",
	Sub: []Command{
		tipped(memorySub("doctor", 2, "", "Reports what is odd about the use of memory.", memoryDoctor),
			"nondeterministic_output", "request_policy:all_shards", "response_policy:special"),
		{
			Name: "help", Arity: 2, Flags: always, Since: "4.0.0", Complexity: "O(1)",
			Summary: "Explains the subcommands.", Run: memoryHelp,
		},
		tipped(memorySub("malloc-stats", 2, "", "Describes the allocator.", memoryMallocStats),
			"nondeterministic_output", "request_policy:all_shards", "response_policy:special"),
		tipped(memorySub("purge", 2, "", "Gives unused memory back to the operating system.", memoryPurge),
			"request_policy:all_shards", "response_policy:all_succeeded"),
		tipped(memorySub("stats", 2, "", "Details the use of memory.", memoryStats),
			"nondeterministic_output", "request_policy:all_shards", "response_policy:special"),
		{
			Name: "usage", Arity: -3, Flags: resp.ReadOnly, Keys: []resp.KeySpec{{First: 2, Last: 2, Flags: resp.RO}},
			Since:      "4.0.0",
			Complexity: "O(N) in the number of samples", Summary: "Answers how many bytes a key takes.",
			Syntax: "key [SAMPLES count]", Run: memoryUsage,
		},
	},
}

func memorySub(name string, arity int, syntax, summary string, run handler) Command {
	return Command{
		Name: name, Arity: arity, Since: "4.0.0", Complexity: "O(1)", Summary: summary, Syntax: syntax, Run: run,
	}
}

// heap is how the runtime uses memory, in bytes.
type heap struct {
	used     int64 // by objects
	active   int64 // by spans with objects in them
	resident int64 // taken from the operating system and not given back
}

const (
	metricObjects  = "/memory/classes/heap/objects:bytes"
	metricUnused   = "/memory/classes/heap/unused:bytes"
	metricReleased = "/memory/classes/heap/released:bytes"
	metricTotal    = "/memory/classes/total:bytes"
)

func readHeap() heap {
	samples := []metrics.Sample{{Name: metricObjects}, {Name: metricUnused}, {Name: metricReleased},
		{Name: metricTotal}}
	metrics.Read(samples)
	value := func(i int) int64 { return int64(samples[i].Value.Uint64()) }
	return heap{used: value(0), active: value(0) + value(1), resident: value(3) - value(2)}
}

// memoryUsage answers for keys that are past their time too, as they still take their place.
func memoryUsage(c *Context, args [][]byte, w *resp.Writer) error {
	for rest := args[3:]; len(rest) > 0; rest = rest[2:] {
		if !isWord(rest[0], "samples") || len(rest) < 2 {
			return ErrSyntax
		}
		n, err := intArgument(rest[1])
		if err != nil {
			return err
		}
		if n < 0 {
			return ErrSyntax
		}
	}
	it, ok := c.DB.Get(args[2])
	if !ok {
		w.Null()
		return nil
	}
	w.Int(it.SizeInMemory())
	return nil
}

// memoryPurge holds everybody up for one garbage collection.
func memoryPurge(_ *Context, _ [][]byte, w *resp.Writer) error {
	debug.FreeOSMemory()
	w.OK()
	return nil
}

func memoryMallocStats(_ *Context, _ [][]byte, w *resp.Writer) error {
	var samples []metrics.Sample
	for _, d := range metrics.All() {
		if strings.HasPrefix(d.Name, "/memory/classes/") || strings.HasPrefix(d.Name, "/gc/heap/") &&
			d.Kind == metrics.KindUint64 {
			samples = append(samples, metrics.Sample{Name: d.Name})
		}
	}
	metrics.Read(samples)
	var text strings.Builder
	for _, s := range samples {
		fmt.Fprintf(&text, "%s %d\n", s.Name, s.Value.Uint64())
	}
	w.Verbatim("txt", text.String())
	return nil
}

func memoryHelp(_ *Context, _ [][]byte, w *resp.Writer) error {
	resp.HelpReply(w, "MEMORY",
		"DOCTOR",
		"    Report what is odd about the use of memory.",
		"MALLOC-STATS",
		"    Describe the allocator.",
		"PURGE",
		"    Give unused memory back to the operating system.",
		"STATS",
		"    Detail the use of memory.",
		"USAGE <key> [SAMPLES <count>]",
		"    Answer how many bytes <key> and its value take.",
	)
	return nil
}
