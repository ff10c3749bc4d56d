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
		{
			Name: "usage", Arity: -3, Flags: resp.ReadOnly, Keys: []resp.KeySpec{{First: 2, Last: 2, Flags: resp.RO}}, Since: "4.0.0",
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
	samples := []metrics.Sample{{Name: metricObjects}, {Name: metricUnused}, {Name: metricReleased}, {Name: metricTotal}}
	metrics.Read(samples)
	value := func(i int) int64 { return int64(samples[i].Value.Uint64()) }
	return heap{used: value(0), active: value(0) + value(1), resident: value(3) - value(2)}
}

// NoteMemory remembers the most memory that was in use; the node calls it now and then, so that INFO can tell the peak.
func (e *Env) NoteMemory() { e.Stats.PeakMemory = max(e.Stats.PeakMemory, readHeap().used) }

func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

func infoMemory(c *Context, r *report) {
	h := readHeap()
	c.Stats.PeakMemory = max(c.Stats.PeakMemory, h.used)
	rss := c.Process.RSS()
	dataset := min(c.Store.Memory(), h.used)
	clients := int64(0)
	for _, s := range c.Clients.All() {
		clients += clientMemory(s)
	}
	backlog := c.Node.Replication().BacklogLen
	r.bytes("used_memory", h.used)
	r.bytes("used_memory_rss", rss)
	r.bytes("used_memory_peak", c.Stats.PeakMemory)
	r.addf("used_memory_peak_perc", "%.2f%%", 100*ratio(h.used, c.Stats.PeakMemory))
	r.add("used_memory_overhead", h.used-dataset)
	r.add("used_memory_startup", 0)
	r.add("used_memory_dataset", dataset)
	r.addf("used_memory_dataset_perc", "%.2f%%", 100*ratio(dataset, h.used))
	r.add("allocator_allocated", h.used)
	r.add("allocator_active", h.active)
	r.add("allocator_resident", h.resident)
	r.bytes("total_system_memory", c.Process.SystemMemory)
	r.zeros("used_memory_lua", "used_memory_vm_eval")
	r.add("used_memory_lua_human", "0B")
	r.zeros("used_memory_scripts_eval", "number_of_cached_scripts", "number_of_functions", "number_of_libraries", "used_memory_vm_functions")
	r.bytes("used_memory_vm_total", 0)
	r.zeros("used_memory_functions")
	r.bytes("used_memory_scripts", 0)
	r.bytes("maxmemory", c.Config.MaxMemory())
	r.add("maxmemory_policy", c.Config.MaxmemoryPolicy())
	r.addf("allocator_frag_ratio", "%.2f", ratio(h.active, h.used))
	r.add("allocator_frag_bytes", h.active-h.used)
	r.addf("allocator_rss_ratio", "%.2f", ratio(h.resident, h.active))
	r.add("allocator_rss_bytes", h.resident-h.active)
	r.addf("rss_overhead_ratio", "%.2f", ratio(rss, h.resident))
	r.add("rss_overhead_bytes", rss-h.resident)
	r.addf("mem_fragmentation_ratio", "%.2f", ratio(rss, h.used))
	r.add("mem_fragmentation_bytes", rss-h.used)
	r.add("mem_not_counted_for_evict", 0)
	r.add("mem_replication_backlog", backlog)
	r.add("mem_total_replication_buffers", backlog)
	r.add("mem_clients_slaves", 0)
	r.add("mem_clients_normal", clients)
	r.zeros("mem_cluster_links", "mem_aof_buffer")
	r.add("mem_allocator", "go")
	r.zeros("active_defrag_running", "lazyfree_pending_objects", "lazyfreed_objects")
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

// What the doctor finds odd.
const (
	littleMemory = 5 << 20
	bigPeak      = 1.5
	bigRSS       = 1.5
)

func memoryDoctor(c *Context, _ [][]byte, w *resp.Writer) error {
	h := readHeap()
	rss := c.Process.RSS()
	peak := max(c.Stats.PeakMemory, h.used)
	var found []string
	switch {
	case c.Store.Memory() < littleMemory:
		found = append(found, "there is too little data to say anything about it")
	default:
		if ratio(peak, h.used) > bigPeak {
			found = append(found, fmt.Sprintf("the peak was %s, now %s are in use: memory of the peak may still be held", humanBytes(peak), humanBytes(h.used)))
		}
		if ratio(rss, h.used) > bigRSS {
			found = append(found, fmt.Sprintf("%s are resident for %s in use: MEMORY PURGE gives unused memory back", humanBytes(rss), humanBytes(h.used)))
		}
	}
	if len(found) == 0 {
		found = append(found, "nothing odd")
	}
	w.Verbatim("txt", "Memory: "+strings.Join(found, "; ")+".\n")
	return nil
}

func memoryMallocStats(_ *Context, _ [][]byte, w *resp.Writer) error {
	var samples []metrics.Sample
	for _, d := range metrics.All() {
		if strings.HasPrefix(d.Name, "/memory/classes/") || strings.HasPrefix(d.Name, "/gc/heap/") && d.Kind == metrics.KindUint64 {
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
		"USAGE <key> [SAMPLES <count>]",
		"    Answer how many bytes <key> and its value take.",
	)
	return nil
}
