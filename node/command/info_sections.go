package command

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/node/engine"
	"holdfast/node/member"
	"holdfast/node/store"
	"holdfast/server"
	"holdfast/server/pubsub"
)

func infoServer(c *Context, r *report) {
	up := int64(time.UnixMilli(c.Now).Sub(c.Started) / time.Second)
	r.add("redis_version", server.RedisVersion)
	r.add("redis_git_sha1", "00000000")
	r.add("redis_git_dirty", 0)
	r.add("redis_build_id", "0")
	r.add("redis_mode", "standalone")
	r.add("os", c.Process.OS)
	r.add("arch_bits", strconv.IntSize)
	r.add("monotonic_clock", "POSIX clock_gettime")
	r.add("multiplexing_api", "go")
	r.add("atomicvar_api", "go")
	r.add("gcc_version", "0.0.0")
	r.add("process_id", os.Getpid())
	r.add("process_supervised", "no")
	r.add("run_id", c.RunID)
	r.add("tcp_port", c.Config.Port())
	r.add("server_time_usec", c.Now*1000)
	r.add("uptime_in_seconds", max(up, 0))
	r.add("uptime_in_days", max(up, 0)/(24*60*60))
	r.add("hz", c.Config.Hz())
	r.add("configured_hz", c.Config.Hz())
	r.add("lru_clock", engine.AccessClock(c.Now))
	r.add("executable", c.Process.Executable)
	r.add("config_file", c.Process.ConfigFile)
	r.add("io_threads_active", 0)
	r.add("holdfast_version", c.Version)
	r.add("go_version", strings.TrimPrefix(runtime.Version(), "go"))
}

func infoClients(c *Context, r *report) {
	input, output, blocked, timed := 0, 0, 0, 0
	all := c.Clients.All()
	for _, s := range all {
		input = max(input, s.QueryBuffer)
		output = max(output, s.Out.Len())
		if s.Postponed {
			blocked++
		}
		if b := s.Blocked(); b != nil {
			blocked++
			if b.Timer != nil {
				timed++
			}
		}
	}
	r.add("connected_clients", len(all))
	r.add("cluster_connections", 0)
	r.add("maxclients", c.Config.MaxClients())
	r.add("client_recent_max_input_buffer", input)
	r.add("client_recent_max_output_buffer", output)
	r.add("blocked_clients", blocked)
	r.add("tracking_clients", c.Tracking.Clients())
	r.add("clients_in_timeout_table", timed)
}

func infoStats(c *Context, r *report) {
	s := c.Stats
	c.CountLinks()
	r.add("total_connections_received", s.Connections)
	r.add("total_commands_processed", s.Commands)
	r.add("instantaneous_ops_per_sec", s.OpsPerSec)
	r.add("total_net_input_bytes", s.NetInput)
	r.add("total_net_output_bytes", s.NetOutput)
	r.add("total_net_repl_input_bytes", s.ReplInput)
	r.add("total_net_repl_output_bytes", s.ReplOutput)
	r.addf("instantaneous_input_kbps", "%.2f", s.InputKbps)
	r.addf("instantaneous_output_kbps", "%.2f", s.OutputKbps)
	r.addf("instantaneous_input_repl_kbps", "%.2f", s.ReplInputKbps)
	r.addf("instantaneous_output_repl_kbps", "%.2f", s.ReplOutputKbps)
	r.add("rejected_connections", s.Rejected)
	r.add("sync_full", s.SyncFull)
	r.add("sync_partial_ok", s.SyncPartialOK)
	r.add("sync_partial_err", s.SyncPartialErr)
	r.add("expired_subkeys", s.ExpiredSubkeys)
	r.add("expired_keys", s.ExpiredKeys)
	r.addf("expired_stale_perc", "%.2f", s.StalePerc)
	r.add("expired_time_cap_reached_count", s.ExpireCapped)
	r.add("expire_cycle_cpu_milliseconds", time.Duration(s.ExpireNanos).Milliseconds())
	r.add("evicted_keys", s.EvictedKeys)
	exceeded, exceededNow := c.memoryExceeded()
	r.add("evicted_clients", s.EvictedClients)
	r.add("total_eviction_exceeded_time", time.Duration(exceeded).Milliseconds())
	r.add("current_eviction_exceeded_time", time.Duration(exceededNow).Milliseconds())
	r.add("keyspace_hits", s.KeyspaceHits)
	r.add("keyspace_misses", s.KeyspaceMisses)
	r.add("pubsub_channels", c.Hub.Topics(pubsub.Channel))
	r.add("pubsub_patterns", c.Hub.Topics(pubsub.Pattern))
	r.add("pubsubshard_channels", c.Hub.Topics(pubsub.Shard))
	r.zeros("latest_fork_usec", "total_forks", "migrate_cached_sockets", "slave_expires_tracked_keys",
		"active_defrag_hits", "active_defrag_misses", "active_defrag_key_hits", "active_defrag_key_misses",
		"total_active_defrag_time", "current_active_defrag_time")
	r.add("tracking_total_keys", c.Tracking.Keys())
	r.add("tracking_total_items", c.Tracking.Items())
	r.add("tracking_total_prefixes", c.Tracking.Prefixes())
	r.add("unexpected_error_replies", s.Unexpected)
	r.add("total_error_replies", s.ErrorReplies)
	r.add("dump_payload_sanitizations", 0)
	r.add("total_reads_processed", s.Reads)
	r.add("total_writes_processed", s.Writes)
	r.add("holdfast_longest_turn_usec", c.Engine.Longest().Microseconds())
	r.zeros("io_threaded_reads_processed", "io_threaded_writes_processed")
	r.add("reply_buffer_shrinks", s.ReplyShrinks)
	r.add("reply_buffer_expands", 0)
}

func infoReplication(c *Context, r *report) {
	n := c.Replication.State()
	if n.Master {
		r.add("role", "master")
	} else {
		r.add("role", "slave")
		infoLink(c, n, r)
	}
	r.add("connected_slaves", len(n.Replicas))
	if lag := c.Config.MinReplicasMaxLag(); c.Config.MinReplicasToWrite() > 0 && lag > 0 {
		r.add("min_slaves_good_slaves", c.Replication.GoodReplicas(int64(lag)))
	}
	for i, s := range n.Replicas {
		r.addf("slave"+strconv.Itoa(i), "ip=%s,port=%d,state=%s,offset=%d,lag=%d", s.Addr, s.Port, s.State, s.Offset,
			s.Lag)
	}
	r.add("master_failover_state", "no-failover")
	r.add("master_replid", n.ID)
	r.add("master_replid2", orZeros(n.ID2))
	r.add("master_repl_offset", n.Offset)
	r.add("second_repl_offset", n.Offset2)
	r.flag("repl_backlog_active", n.BacklogActive)
	r.add("repl_backlog_size", n.BacklogSize)
	r.add("repl_backlog_first_byte_offset", n.BacklogFirst)
	r.add("repl_backlog_histlen", n.BacklogLen)
	r.add("holdfast_group", n.Group)
	r.add("holdfast_epoch", n.Epoch)
	r.add("holdfast_chain_position", n.Chain)
	r.flag("holdfast_lease", n.Lease)
	r.add("holdfast_commit_offset", n.Commit)
}

// orZeros is a replication id, or the one that stands for none.
func orZeros(id string) string {
	if id == "" {
		return strings.Repeat("0", 40)
	}
	return id
}

// infoLink is what a replica says of its link.
func infoLink(c *Context, n member.ReplicationInfo, r *report) {
	up := n.LinkState == linkConnected
	status, io := "down", int64(-1)
	if up {
		status, io = "up", int64(n.LastIO/time.Second)
	}
	r.add("master_host", n.MasterHost)
	r.add("master_port", n.MasterPort)
	r.add("master_link_status", status)
	r.add("master_last_io_seconds_ago", io)
	r.flag("master_sync_in_progress", n.SyncInProgress)
	r.add("slave_read_repl_offset", n.Offset)
	r.add("slave_repl_offset", n.Offset)
	if n.SyncInProgress {
		percent := 0.0 // a snapshot that is streamed as it is made has no length before its end
		if n.SyncTotal > 0 {
			percent = 100 * float64(n.SyncRead) / float64(n.SyncTotal)
		}
		r.add("master_sync_total_bytes", n.SyncTotal)
		r.add("master_sync_read_bytes", n.SyncRead)
		r.add("master_sync_left_bytes", n.SyncTotal-n.SyncRead)
		r.addf("master_sync_perc", "%.2f", percent)
		r.add("master_sync_last_io_seconds_ago", int64(n.LastIO/time.Second))
	}
	if !up {
		r.add("master_link_down_since_seconds", int64(n.LinkDown/time.Second))
	}
	r.add("slave_priority", n.Priority)
	r.flag("slave_read_only", c.Config.ReplicaReadOnly())
	r.flag("replica_announced", c.Config.Bool("replica-announced"))
}

// linkConnected is the LinkState of a link that is up.
const linkConnected = "connected"

func infoCPU(c *Context, r *report) {
	user, system := c.Process.Usage.CPU()
	r.addf("used_cpu_sys", "%.6f", system.Seconds())
	r.addf("used_cpu_user", "%.6f", user.Seconds())
	r.add("used_cpu_sys_children", "0.000000")
	r.add("used_cpu_user_children", "0.000000")
	// Commands run on whatever thread is free: the nearest to a main thread is the process.
	r.addf("used_cpu_sys_main_thread", "%.6f", system.Seconds())
	r.addf("used_cpu_user_main_thread", "%.6f", user.Seconds())
}

func infoCommandStats(c *Context, r *report) {
	for _, name := range slices.Sorted(maps.Keys(c.Stats.PerCommand)) {
		s := c.Stats.PerCommand[name]
		per := 0.0
		if s.Calls > 0 {
			per = float64(s.Usec()) / float64(s.Calls)
		}
		r.addf("cmdstat_"+name, "calls=%d,usec=%d,usec_per_call=%.2f,rejected_calls=%d,failed_calls=%d",
			s.Calls, s.Usec(), per, s.Rejected, s.Failed)
	}
}

func infoErrorStats(c *Context, r *report) {
	safe := strings.NewReplacer("#", "_", ":", "_", "\n", "_", "\r", "_")
	for _, name := range slices.Sorted(maps.Keys(c.Stats.Errors)) {
		r.addf("errorstat_"+safe.Replace(name), "count=%d", c.Stats.Errors[name])
	}
}

func infoLatencyStats(c *Context, r *report) {
	percentiles := c.Config.LatencyPercentiles()
	if !c.Config.Bool("latency-tracking") || len(percentiles) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(c.Stats.PerCommand)) {
		h := &c.Stats.PerCommand[name].Latency
		if h.Empty() {
			continue
		}
		values := make([]string, len(percentiles))
		for i, p := range percentiles {
			values[i] = fmt.Sprintf("p%s=%.3f", strconv.FormatFloat(p, 'f', -1, 64),
				float64(h.Percentile(p))/float64(time.Microsecond))
		}
		r.add("latency_percentiles_usec_"+name, strings.Join(values, ","))
	}
}

func infoCluster(_ *Context, r *report) { r.add("cluster_enabled", 0) }

func infoKeyspace(c *Context, r *report) {
	for i := range c.Store.Databases() {
		if db := c.Store.DB(i); db.Len() > 0 {
			line := fmt.Sprintf("keys=%d,expires=%d,avg_ttl=%d", db.Len(), db.Expires(), c.averageTTL(db))
			// which Redis 7.0 has not, so that its readers take the field for another
			if hashes := db.FieldExpires(); hashes > 0 {
				line += fmt.Sprintf(",subexpiry=%d", hashes)
			}
			r.add("db"+strconv.Itoa(i), line)
		}
	}
}

// ttlSamples is from how many keys the average is estimated.
const ttlSamples = 64

// averageTTL is about how many milliseconds the keys with an expiry have left.
func (c *Context) averageTTL(db *store.DB) int64 {
	mean, n := 0.0, 0.0
	db.Sample(c.Rand, store.VolatileKeys, ttlSamples, func(it store.Item) {
		n++
		mean += (float64(max(it.ExpireAt()-c.Now, 0)) - mean) / n
	})
	return int64(mean)
}
