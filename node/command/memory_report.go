package command

import (
	"fmt"
	"strconv"
	"strings"

	"holdfast/resp"
)

// memoryReport is the use of memory as INFO, MEMORY STATS and MEMORY DOCTOR tell it, in bytes. What is "used" was
// counted where it was taken: that is what maxmemory limits. The heap is the runtime's view of all of it and of what it
// has yet to collect; the resident size is the kernel's.
type memoryReport struct {
	used, peak, startup, clients, index int64
	waiting                             int64 // of clients: what they have not taken yet
	log                                 int64 // kept for replicas; not in used
	keys                                int64
	heap                                heap
	rss                                 int64
	scripts                             int64 // and functions
}

// NoteMemory remembers the most memory that was in use; the node calls it now and then, so that INFO can tell the peak.
func (e *Env) NoteMemory() { e.Stats.PeakMemory = max(e.Stats.PeakMemory, e.UsedMemory()) }

func (e *Env) memoryReport() memoryReport {
	e.NoteMemory()
	m := memoryReport{
		used: e.UsedMemory(), peak: e.Stats.PeakMemory, startup: e.Process.Startup, clients: e.Clients.Memory(),
		waiting: e.Clients.Waiting(), scripts: e.scripts.memory(),
		log: e.Replication.State().BacklogLen, heap: readHeap(), rss: e.Process.RSS(),
	}
	for i := range e.Store.Databases() {
		db := e.Store.DB(i)
		m.index += db.IndexMemory()
		m.keys += int64(db.Len())
	}
	return m
}

// overhead is what is used beside keys and values.
func (m memoryReport) overhead() int64 { return m.startup + m.clients + m.index + m.scripts }

func (m memoryReport) dataset() int64 { return m.used - m.overhead() }

// net is what is used since the start.
func (m memoryReport) net() int64 { return max(m.used-m.startup, 1) }

func (m memoryReport) perKey() int64 {
	if m.keys == 0 {
		return 0
	}
	return m.net() / m.keys
}

func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

func infoMemory(c *Context, r *report) {
	m := c.memoryReport()
	r.bytes("used_memory", m.used)
	r.bytes("used_memory_rss", m.rss)
	r.bytes("used_memory_peak", m.peak)
	r.addf("used_memory_peak_perc", "%.2f%%", 100*ratio(m.used, m.peak))
	r.add("used_memory_overhead", m.overhead())
	r.add("used_memory_startup", m.startup)
	r.add("used_memory_dataset", m.dataset())
	r.addf("used_memory_dataset_perc", "%.2f%%", 100*ratio(m.dataset(), m.net()))
	r.add("allocator_allocated", m.heap.used)
	r.add("allocator_active", m.heap.active)
	r.add("allocator_resident", m.heap.resident)
	r.bytes("total_system_memory", c.Process.SystemMemory)
	c.scripts.report(r)
	r.bytes("maxmemory", c.Config.MaxMemory())
	r.add("maxmemory_policy", c.Config.MaxmemoryPolicy())
	r.addf("allocator_frag_ratio", "%.2f", ratio(m.heap.active, m.heap.used))
	r.add("allocator_frag_bytes", m.heap.active-m.heap.used)
	r.addf("allocator_rss_ratio", "%.2f", ratio(m.heap.resident, m.heap.active))
	r.add("allocator_rss_bytes", m.heap.resident-m.heap.active)
	r.addf("rss_overhead_ratio", "%.2f", ratio(m.rss, m.heap.resident))
	r.add("rss_overhead_bytes", m.rss-m.heap.resident)
	r.addf("mem_fragmentation_ratio", "%.2f", ratio(m.rss, m.used))
	r.add("mem_fragmentation_bytes", m.rss-m.used)
	r.add("mem_not_counted_for_evict", m.waiting)
	r.add("mem_replication_backlog", m.log)
	r.add("mem_total_replication_buffers", m.log)
	r.add("mem_clients_slaves", 0)
	r.add("mem_clients_normal", m.clients)
	r.zeros("mem_cluster_links", "mem_aof_buffer")
	r.add("mem_allocator", "go")
	r.zeros("active_defrag_running", "lazyfree_pending_objects", "lazyfreed_objects")
}

// memoryStats has Redis's fields. The index holds keys with an expiry and those without, so that there is one table
// where Redis has two.
func memoryStats(c *Context, _ [][]byte, w *resp.Writer) error {
	m := c.memoryReport()
	var filled []int
	for i := range c.Store.Databases() {
		if c.Store.DB(i).Len() > 0 {
			filled = append(filled, i)
		}
	}
	w.Map(27 + len(filled))
	number := func(name string, n int64) {
		w.BulkString(name)
		w.Int(n)
	}
	share := func(name string, x float64) {
		w.BulkString(name)
		w.Double(x)
	}
	number("peak.allocated", m.peak)
	number("total.allocated", m.used)
	number("startup.allocated", m.startup)
	number("replication.backlog", m.log)
	number("clients.slaves", 0)
	number("clients.normal", m.clients)
	number("cluster.links", 0)
	number("aof.buffer", 0)
	number("lua.caches", c.scripts.cache.Memory())
	number("functions.caches", c.scripts.code())
	for _, i := range filled {
		w.BulkString("db." + strconv.Itoa(i))
		w.Map(3)
		number("overhead.hashtable.main", c.Store.DB(i).IndexMemory())
		number("overhead.hashtable.expires", 0)
		number("overhead.hashtable.slot-to-keys", 0)
	}
	number("overhead.total", m.overhead())
	number("keys.count", m.keys)
	number("keys.bytes-per-key", m.perKey())
	number("dataset.bytes", m.dataset())
	share("dataset.percentage", 100*ratio(m.dataset(), m.net()))
	share("peak.percentage", 100*ratio(m.used, m.peak))
	number("allocator.allocated", m.heap.used)
	number("allocator.active", m.heap.active)
	number("allocator.resident", m.heap.resident)
	share("allocator-fragmentation.ratio", ratio(m.heap.active, m.heap.used))
	number("allocator-fragmentation.bytes", m.heap.active-m.heap.used)
	share("allocator-rss.ratio", ratio(m.heap.resident, m.heap.active))
	number("allocator-rss.bytes", m.heap.resident-m.heap.active)
	share("rss-overhead.ratio", ratio(m.rss, m.heap.resident))
	number("rss-overhead.bytes", m.rss-m.heap.resident)
	share("fragmentation", ratio(m.rss, m.used))
	number("fragmentation.bytes", m.rss-m.used)
	return nil
}

// What the doctor finds odd.
const (
	littleMemory = 5 << 20
	bigPeak      = 1.5
	bigRSS       = 1.5
	bigClient    = 200 << 10 // on average
)

func memoryDoctor(c *Context, _ [][]byte, w *resp.Writer) error {
	m := c.memoryReport()
	var found []string
	odd := func(is bool, format string, values ...any) {
		if is {
			found = append(found, fmt.Sprintf(format, values...))
		}
	}
	limit := c.Config.MaxMemory()
	if c.Store.Used() < littleMemory {
		odd(true, "there is too little data to say anything about it")
	} else {
		odd(ratio(m.peak, m.used) > bigPeak, "the peak was %s, now %s are in use: memory of the peak may still be held",
			humanBytes(m.peak), humanBytes(m.used))
		odd(ratio(m.rss, m.used) > bigRSS, "%s are resident for %s in use: MEMORY PURGE gives unused memory back",
			humanBytes(m.rss), humanBytes(m.used))
		odd(m.clients/int64(max(c.Clients.Len(), 1)) > bigClient,
			"the buffers of %d clients hold %s: CLIENT LIST tells whose", c.Clients.Len(), humanBytes(m.clients))
		odd(limit > 0 && m.used > limit, "%s are in use, and maxmemory is %s", humanBytes(m.used), humanBytes(limit))
	}
	odd(len(found) == 0, "nothing odd")
	w.Verbatim("txt", "Memory: "+strings.Join(found, "; ")+".\n")
	return nil
}
