package sentinel

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/resp"
	"holdfast/server"
	"holdfast/server/pubsub"
	"holdfast/server/session"
)

// traffic counts what goes over all connections since the start, and what became of it.
type traffic struct {
	received, sent atomic.Int64 // bytes
	reads, writes  atomic.Int64 // of sockets
	errors         atomic.Int64 // error replies
}

// rates are how much of some counters came to pass a second, from one look at them to the next.
type rates struct {
	mu     sync.Mutex // protects the rest
	at     time.Time
	counts [3]int64
	rates  [3]float64
}

// rateSpan is over how much time a rate is taken, at least.
const rateSpan = time.Second

// look takes the counters as they are now.
func (r *rates) look(now time.Time, counts ...int64) [3]float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if since := now.Sub(r.at); since >= rateSpan {
		for i, n := range counts {
			r.rates[i] = float64(n-r.counts[i]) / since.Seconds()
			r.counts[i] = n
		}
		r.at = now
	}
	return r.rates
}

// infoReport collects the lines of INFO.
type infoReport struct{ strings.Builder }

func (b *infoReport) line(field string, value any) { fmt.Fprintf(b, "%s:%v\r\n", field, value) }

// zeros are fields about what a sentinel does not do, which readers of INFO expect to be there.
func (b *infoReport) zeros(fields ...string) {
	for _, f := range fields {
		b.line(f, 0)
	}
}

// infoSections are the sections of INFO on a sentinel, in order.
var infoSections = []struct {
	name, title string
	write       func(*call, *infoReport)
}{
	{"server", "Server", infoServer},
	{"clients", "Clients", infoClients},
	{"stats", "Stats", infoStats},
	{"cpu", "CPU", infoCPU},
	{"sentinel", "Sentinel", infoSentinel},
}

// info is the text of INFO: all sections, or those asked for.
func info(c *call, args [][]byte, w *resp.Writer) error {
	all := len(args) == 1
	wanted := map[string]bool{}
	for _, arg := range args[1:] {
		name := strings.ToLower(resp.Text(arg))
		all = all || name == "all" || name == "everything" || name == "default"
		wanted[name] = true
	}
	var text infoReport
	for _, section := range infoSections {
		if !all && !wanted[section.name] {
			continue
		}
		if text.Len() > 0 {
			text.WriteString("\r\n")
		}
		text.WriteString("# " + section.title + "\r\n")
		section.write(c, &text)
	}
	w.BulkString(text.String()) // as Redis Sentinel, whose INFO is no verbatim text in RESP3
	return nil
}

func infoServer(c *call, b *infoReport) {
	_, port := splitAddr(c.addr)
	up := c.now().Sub(c.started)
	b.line("redis_version", server.RedisVersion)
	b.line("redis_git_sha1", "00000000")
	b.line("redis_git_dirty", 0)
	b.line("redis_build_id", "0")
	b.line("redis_mode", "sentinel")
	b.line("os", runtime.GOOS+" "+runtime.GOARCH)
	b.line("arch_bits", strconv.IntSize)
	b.line("monotonic_clock", "POSIX clock_gettime")
	b.line("multiplexing_api", "go")
	b.line("atomicvar_api", "go")
	b.line("gcc_version", "0.0.0")
	b.line("process_id", os.Getpid())
	b.line("process_supervised", "no")
	b.line("run_id", c.id)
	b.line("tcp_port", port)
	b.line("server_time_usec", time.Now().UnixMicro())
	b.line("uptime_in_seconds", int64(up.Seconds()))
	b.line("uptime_in_days", int64(up.Hours()/24))
	b.line("hz", 10)
	b.line("configured_hz", 10)
	b.line("lru_clock", time.Now().Unix()&(1<<24-1))
	b.line("executable", c.cfg.Process.Executable)
	b.line("config_file", "")
	b.line("io_threads_active", 0)
	b.line("go_version", strings.TrimPrefix(runtime.Version(), "go"))
}

func infoClients(c *call, b *infoReport) {
	c.front.mu.Lock()
	defer c.front.mu.Unlock()
	most := 0
	c.front.Clients.Each(func(o *session.Session) { most = max(most, o.Out.Len()) })
	b.line("connected_clients", c.front.Clients.Len())
	b.line("cluster_connections", 0)
	b.line("maxclients", c.cfg.MaxClients)
	b.line("client_recent_max_input_buffer", 0)
	b.line("client_recent_max_output_buffer", most)
	b.line("blocked_clients", 0)
	b.line("tracking_clients", c.front.Tracking.Clients())
	b.line("clients_in_timeout_table", 0)
}

func infoStats(c *call, b *infoReport) {
	t := &c.traffic
	commands, received, sent := c.commands.Load(), t.received.Load(), t.sent.Load()
	rates := c.rates.look(c.now(), commands, received, sent)
	c.front.mu.Lock()
	defer c.front.mu.Unlock()
	b.line("total_connections_received", c.accepted())
	b.line("total_commands_processed", commands)
	b.line("instantaneous_ops_per_sec", int64(rates[0]))
	b.line("total_net_input_bytes", received)
	b.line("total_net_output_bytes", sent)
	b.zeros("total_net_repl_input_bytes", "total_net_repl_output_bytes")
	b.line("instantaneous_input_kbps", fmt.Sprintf("%.2f", rates[1]/1024))
	b.line("instantaneous_output_kbps", fmt.Sprintf("%.2f", rates[2]/1024))
	b.line("instantaneous_input_repl_kbps", "0.00")
	b.line("instantaneous_output_repl_kbps", "0.00")
	b.line("rejected_connections", c.front.stats.Rejected)
	b.zeros("sync_full", "sync_partial_ok", "sync_partial_err", "expired_keys")
	b.line("expired_stale_perc", "0.00")
	b.zeros("expired_time_cap_reached_count", "expire_cycle_cpu_milliseconds", "evicted_keys", "evicted_clients",
		"total_eviction_exceeded_time", "current_eviction_exceeded_time", "keyspace_hits", "keyspace_misses")
	b.line("pubsub_channels", c.front.Hub.Topics(pubsub.Channel))
	b.line("pubsub_patterns", c.front.Hub.Topics(pubsub.Pattern))
	b.zeros("pubsubshard_channels", "latest_fork_usec", "total_forks", "migrate_cached_sockets",
		"slave_expires_tracked_keys",
		"active_defrag_hits", "active_defrag_misses", "active_defrag_key_hits", "active_defrag_key_misses",
		"total_active_defrag_time", "current_active_defrag_time", "tracking_total_keys", "tracking_total_items")
	b.line("tracking_total_prefixes", c.front.Tracking.Prefixes())
	b.line("unexpected_error_replies", 0)
	b.line("total_error_replies", t.errors.Load())
	b.line("dump_payload_sanitizations", 0)
	b.line("total_reads_processed", t.reads.Load())
	b.line("total_writes_processed", t.writes.Load())
	b.zeros("io_threaded_reads_processed", "io_threaded_writes_processed", "reply_buffer_shrinks",
		"reply_buffer_expands")
}

func infoCPU(c *call, b *infoReport) {
	user, system := c.cfg.Process.Usage.CPU()
	for _, f := range []struct {
		name string
		used time.Duration
	}{
		{"sys", system}, {"user", user}, {"sys_children", 0}, {"user_children", 0}, {"sys_main_thread", system},
		{"user_main_thread", user},
	} {
		b.line("used_cpu_"+f.name, fmt.Sprintf("%.6f", f.used.Seconds()))
	}
}

func infoSentinel(c *call, b *infoReport) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	groups := c.state.Names()
	b.line("sentinel_masters", len(groups))
	b.line("sentinel_tilt", 0)
	b.line("sentinel_tilt_since_seconds", -1)
	b.zeros("sentinel_running_scripts", "sentinel_scripts_queue_length", "sentinel_simulate_failure_flags")
	for i, name := range groups {
		l, ok := c.find(name, now)
		if !ok {
			continue
		}
		status := "ok"
		switch {
		case l.odown || !l.sure:
			status = "odown"
		case l.sdown:
			status = "sdown"
		}
		host, port := splitAddr(l.master.Addr)
		// as in Redis, also of IPv6
		fmt.Fprintf(b, "master%d:name=%s,status=%s,address=%s:%s,slaves=%d,sentinels=%d\r\n",
			i, name, status, host, port, len(l.replicas), len(l.others)+1)
	}
}
