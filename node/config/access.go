package config

import (
	"math"
	"slices"
	"strings"
	"time"
)

// The rows that have a method of their own.
var (
	rowAppendDirName     = row("appenddirname")
	rowAppendFilename    = row("appendfilename")
	rowAppendFsync       = row("appendfsync")
	rowAppendOnly        = row("appendonly")
	rowReplLogRetention  = row("repl-log-retention")
	rowAckMode           = row("ack-mode")
	rowAnnounceIP        = row("replica-announce-ip")
	rowAnnouncePort      = row("replica-announce-port")
	rowBind              = row("bind")
	rowBusyReply         = row("busy-reply-threshold")
	rowDBFilename        = row("dbfilename")
	rowDatabases         = row("databases")
	rowDir               = row("dir")
	rowEnableDebug       = row("enable-debug-command")
	rowEvictionTenacity  = row("maxmemory-eviction-tenacity")
	rowEnableProtected   = row("enable-protected-configs")
	rowIgnoreUnsupported = row("ignore-unsupported")
	rowGossipPort        = row("gossip-port")
	rowGroup             = row("group")
	rowGroupKey          = row("group-key")
	rowHLLSparseMax      = row("hll-sparse-max-bytes")
	rowHz                = row("hz")
	rowInsecureGroup     = row("insecure-group")
	rowJoin              = row("join")
	rowKeyLoadDelay      = row("key-load-delay")
	rowLFUDecayTime      = row("lfu-decay-time")
	rowLFULogFactor      = row("lfu-log-factor")
	rowLatencyThreshold  = row("latency-monitor-threshold")
	rowLazyUserDel       = row("lazyfree-lazy-user-del")
	rowLazyUserFlush     = row("lazyfree-lazy-user-flush")
	rowLuaMemoryLimit    = row("lua-memory-limit")
	rowMasterAuth        = row("masterauth")
	rowMasterUser        = row("masteruser")
	rowMaxBulk           = row("proto-max-bulk-len")
	rowMaxClients        = row("maxclients")
	rowMaxMemory         = row("maxmemory")
	rowMaxMemoryClients  = row("maxmemory-clients")
	rowMaxMemorySamples  = row("maxmemory-samples")
	rowMaxmemoryPolicy   = row("maxmemory-policy")
	rowMinReplicas       = row("min-replicas-to-write")
	rowMinReplicasMaxLag = row("min-replicas-max-lag")
	rowNodeName          = row("node-name")
	rowNotify            = row("notify-keyspace-events")
	rowOutputLimit       = row("client-output-buffer-limit")
	rowPercentiles       = row("latency-tracking-info-percentiles")
	rowPort              = row("port")
	rowProtectedMode     = row("protected-mode")
	rowQueryLimit        = row("client-query-buffer-limit")
	rowRDBKeySaveDelay   = row("rdb-key-save-delay")
	rowRDBChecksum       = row("rdbchecksum")
	rowRDBCompression    = row("rdbcompression")
	rowReplBacklogSize   = row("repl-backlog-size")
	rowReplBacklogTTL    = row("repl-backlog-ttl")
	rowReplPingPeriod    = row("repl-ping-replica-period")
	rowReplTimeout       = row("repl-timeout")
	rowReplicaRead       = row("replica-read")
	rowReplicaOf         = row("replicaof")
	rowScriptCacheBytes  = row("script-cache-bytes")
	rowReplicaReadOnly   = row("replica-read-only")
	rowReplicaStale      = row("replica-serve-stale-data")
	rowRequirePass       = row("requirepass")
	rowSave              = row("save")
	rowSentinelAuthPass  = row("sentinel-auth-pass")
	rowShutdownOnInt     = row("shutdown-on-sigint")
	rowShutdownTimeout   = row("shutdown-timeout")
	rowShutdownOnTerm    = row("shutdown-on-sigterm")
	rowSlowlogMaxLen     = row("slowlog-max-len")
	rowSlowlogSlowerThan = row("slowlog-log-slower-than")
	rowTCPKeepAlive      = row("tcp-keepalive")
	rowTimeout           = row("timeout")
)

// Int returns the number of a directive: of a number or memory size its value,
// of yes/no 1 or 0. It panics if there is no such directive.
func (c *Config) Int(name string) int64 { return c.value(row(strings.ToLower(name))).num }

// Bool reports whether a yes/no directive is yes. It panics if there is no such directive.
func (c *Config) Bool(name string) bool { return c.Int(name) == 1 }

// Text returns a directive as CONFIG GET prints it. It panics if there is no such directive.
func (c *Config) Text(name string) string { return c.value(row(strings.ToLower(name))).text }

func (c *Config) integer(row int) int { return int(c.value(row).num) }
func (c *Config) isYes(row int) bool  { return c.value(row).num == 1 }
func (c *Config) word(row int) string { return c.value(row).text }
func (c *Config) list(row int) []string {
	l, _ := c.value(row).parsed.([]string)
	return slices.Clone(l)
}

// Bind returns the addresses to listen on, as written: "*", "-::*", "127.0.0.1".
func (c *Config) Bind() []string { return c.list(rowBind) }

// Port returns the clients' TCP port.
func (c *Config) Port() int { return c.integer(rowPort) }

// ProtectedMode reports whether remote clients are refused while there is no password.
func (c *Config) ProtectedMode() bool { return c.isYes(rowProtectedMode) }

// RequirePass returns the default user's password, or "".
func (c *Config) RequirePass() string { return c.word(rowRequirePass) }

// MasterUser returns the user name for the master, or "".
func (c *Config) MasterUser() string { return c.word(rowMasterUser) }

// MasterAuth returns the password for the master, or "".
func (c *Config) MasterAuth() string { return c.word(rowMasterAuth) }

// MaxClients returns the most clients that may be connected.
func (c *Config) MaxClients() int { return c.integer(rowMaxClients) }

// Timeout returns the seconds after which an idle client is closed; 0 never.
func (c *Config) Timeout() int { return c.integer(rowTimeout) }

// TCPKeepAlive returns the seconds between keepalive probes; 0 is off.
func (c *Config) TCPKeepAlive() int { return c.integer(rowTCPKeepAlive) }

// Databases returns the number of databases.
func (c *Config) Databases() int { return c.integer(rowDatabases) }

// HLLSparseMax is from how many bytes on a HyperLogLog is dense.
func (c *Config) HLLSparseMax() int {
	return int(min(uint64(c.value(rowHLLSparseMax).num), math.MaxInt32))
}

// Hz returns how often per second background work runs, 1 to 500.
func (c *Config) Hz() int { return c.integer(rowHz) }

// MaxMemory returns the limit for data in bytes; 0 is none.
func (c *Config) MaxMemory() int64 {
	n := c.value(rowMaxMemory).num
	if n < 0 {
		return math.MaxInt64 // stored as an unsigned number
	}
	return n
}

// MaxMemoryClients returns the limit for the buffers of all clients in bytes, or as a negative number of hundredths of
// MaxMemory; 0 is none.
func (c *Config) MaxMemoryClients() int64 { return c.value(rowMaxMemoryClients).num }

// MaxmemoryPolicy returns the eviction policy's name.
func (c *Config) MaxmemoryPolicy() string { return c.word(rowMaxmemoryPolicy) }

// MaxMemorySamples returns how many keys are looked at to evict one.
func (c *Config) MaxMemorySamples() int { return c.integer(rowMaxMemorySamples) }

// EvictionTenacity returns how long one attempt at eviction may take, 0 to 100.
func (c *Config) EvictionTenacity() int { return c.integer(rowEvictionTenacity) }

// LFUDecayTime returns the minutes after which an access counter falls by one; 0 never.
func (c *Config) LFUDecayTime() int64 { return c.value(rowLFUDecayTime).num }

// LFULogFactor returns how slowly access counters grow.
func (c *Config) LFULogFactor() int64 { return c.value(rowLFULogFactor).num }

// LazyfreeLazyUserDel reports whether DEL behaves as UNLINK.
func (c *Config) LazyfreeLazyUserDel() bool { return c.isYes(rowLazyUserDel) }

// LazyfreeLazyUserFlush reports whether flushing is asynchronous unless told otherwise.
func (c *Config) LazyfreeLazyUserFlush() bool { return c.isYes(rowLazyUserFlush) }

// ProtoMaxBulkLen returns the longest string of a request in bytes.
func (c *Config) ProtoMaxBulkLen() int64 { return c.value(rowMaxBulk).num }

// ClientQueryBufferLimit returns the most bytes of unparsed input of a client.
func (c *Config) ClientQueryBufferLimit() int64 { return c.value(rowQueryLimit).num }

// ClientOutputBufferLimit returns the limit for unsent output of a class of clients.
func (c *Config) ClientOutputBufferLimit(class ClientClass) OutputLimit {
	return c.value(rowOutputLimit).parsed.(outputLimits)[class]
}

// SlowlogLogSlowerThan returns the microseconds from which commands are logged as slow; negative none.
func (c *Config) SlowlogLogSlowerThan() int64 { return c.value(rowSlowlogSlowerThan).num }

// SlowlogMaxLen returns how many entries the slow log keeps.
func (c *Config) SlowlogMaxLen() int { return c.integer(rowSlowlogMaxLen) }

// LatencyMonitorThreshold returns the milliseconds from which events are kept; 0 is off.
func (c *Config) LatencyMonitorThreshold() int64 { return c.value(rowLatencyThreshold).num }

// LatencyPercentiles returns the percentiles that INFO shows.
func (c *Config) LatencyPercentiles() []float64 {
	return slices.Clone(c.value(rowPercentiles).parsed.([]float64))
}

// NotifyKeyspaceEvents returns the classes of keyspace events that are published.
func (c *Config) NotifyKeyspaceEvents() NotifyFlags { return NotifyFlags(c.value(rowNotify).num) }

// EnableDebugCommand reports whether a client may use DEBUG.
func (c *Config) EnableDebugCommand(local bool) bool {
	return c.allowed(rowEnableDebug, Caller{Local: local})
}

// Dir returns the directory of the data files.
func (c *Config) Dir() string { return c.word(rowDir) }

// DBFilename returns the snapshot file's name within Dir.
func (c *Config) DBFilename() string { return c.word(rowDBFilename) }

// SavePoints returns when snapshots are made.
func (c *Config) SavePoints() []SavePoint {
	return slices.Clone(c.value(rowSave).parsed.([]SavePoint))
}

// AppendOnly is appendonly: whether the log is kept on disk.
func (c *Config) AppendOnly() bool { return c.isYes(rowAppendOnly) }

// AppendFsync is appendfsync: always, everysec or no.
func (c *Config) AppendFsync() string { return c.word(rowAppendFsync) }

// AppendDirName is the directory of the log's files, below Dir.
func (c *Config) AppendDirName() string { return c.word(rowAppendDirName) }

// AppendFilename is what the names of the log's files begin with.
func (c *Config) AppendFilename() string { return c.word(rowAppendFilename) }

// ReplLogRetention is how many bytes of the log before the last rewrite are kept on disk.
func (c *Config) ReplLogRetention() int64 { return c.value(rowReplLogRetention).num }

// ShutdownOn is what shutdown-on-sigint, or else -sigterm, says of saving. Neither: as at SHUTDOWN.
func (c *Config) ShutdownOn(interrupt bool) (save, nosave bool) {
	row := rowShutdownOnTerm
	if interrupt {
		row = rowShutdownOnInt
	}
	words := strings.Fields(c.word(row))
	return slices.Contains(words, "save"), slices.Contains(words, "nosave")
}

// RDBCompression reports whether strings in snapshots are compressed.
func (c *Config) RDBCompression() bool { return c.isYes(rowRDBCompression) }

// RDBChecksum reports whether snapshots end with a checksum.
func (c *Config) RDBChecksum() bool { return c.isYes(rowRDBChecksum) }

// KeySaveDelay returns the microseconds to wait after each saved key, for tests; of a negative number one for so many
// keys.
func (c *Config) KeySaveDelay() int64 { return c.value(rowRDBKeySaveDelay).num }

// KeyLoadDelay is KeySaveDelay for keys, or commands, that are loaded.
func (c *Config) KeyLoadDelay() int64 { return c.value(rowKeyLoadDelay).num }

// ReplBacklogSize returns how many bytes of the log stay in memory.
func (c *Config) ReplBacklogSize() int64 { return c.value(rowReplBacklogSize).num }

// ShutdownTimeout is for how long a node that is told to stop waits for others.
func (c *Config) ShutdownTimeout() time.Duration {
	return time.Duration(c.value(rowShutdownTimeout).num) * time.Second
}

// BusyReplyThreshold is after how many milliseconds of a script other clients are told; 0: never.
func (c *Config) BusyReplyThreshold() int64 { return c.value(rowBusyReply).num }

// LuaMemoryLimit is how many bytes the values of scripts may take.
func (c *Config) LuaMemoryLimit() int64 { return c.value(rowLuaMemoryLimit).num }

// ScriptCacheBytes is how many bytes the scripts may take that are known by their SHA1.
func (c *Config) ScriptCacheBytes() int64 { return c.value(rowScriptCacheBytes).num }

// ReplBacklogTTL returns the seconds that the backlog outlives the last replica; 0 for ever.
func (c *Config) ReplBacklogTTL() int64 { return c.value(rowReplBacklogTTL).num }

// ReplTimeout returns the seconds of silence after which a replication link is given up.
func (c *Config) ReplTimeout() int { return c.integer(rowReplTimeout) }

// ReplPingPeriod returns the seconds between the master's pings.
func (c *Config) ReplPingPeriod() int { return c.integer(rowReplPingPeriod) }

// ReplicaServeStaleData reports whether a replica without its master answers.
func (c *Config) ReplicaServeStaleData() bool { return c.isYes(rowReplicaStale) }

// ReplicaReadOnly reports whether a replica refuses writes of clients.
func (c *Config) ReplicaReadOnly() bool { return c.isYes(rowReplicaReadOnly) }

// ReplicaOf returns the master outside the group, if one is set.
func (c *Config) ReplicaOf() (host string, port int, ok bool) {
	v := c.value(rowReplicaOf)
	l, ok := v.parsed.([]string)
	if !ok {
		return "", 0, false
	}
	return l[0], int(v.num), true
}

// MinReplicasToWrite returns how many replicas a write needs; 0 none.
func (c *Config) MinReplicasToWrite() int { return c.integer(rowMinReplicas) }

// MinReplicasMaxLag returns the seconds of lag up to which a replica counts.
func (c *Config) MinReplicasMaxLag() int { return c.integer(rowMinReplicasMaxLag) }

// Group returns the name of the node's group.
func (c *Config) Group() string { return c.word(rowGroup) }

// Join returns the addresses through which the others are found.
func (c *Config) Join() []string { return c.list(rowJoin) }

// gossipPortDistance is how far the gossip port is from the clients' port by default.
const gossipPortDistance = 10000

// GossipPort returns the port for gossip: the one set, or the clients' port + 10000. Whoever takes any free port for
// clients, 0, takes any for gossip too.
func (c *Config) GossipPort() int {
	if p := c.integer(rowGossipPort); p != 0 || c.Port() == 0 {
		return p
	}
	return c.Port() + gossipPortDistance
}

// GroupKey returns the secret by which members prove themselves to each other, or "".
func (c *Config) GroupKey() string { return c.word(rowGroupKey) }

// InsecureGroup reports whether a group does without a key where strangers might reach it.
func (c *Config) InsecureGroup() bool { return c.isYes(rowInsecureGroup) }

// AnnounceIP returns the address that others use for this node, or "" for its own.
func (c *Config) AnnounceIP() string { return c.word(rowAnnounceIP) }

// AnnouncePort returns the port that others use for this node.
func (c *Config) AnnouncePort() int {
	if p := c.integer(rowAnnouncePort); p != 0 {
		return p
	}
	return c.Port()
}

// NodeName returns the node's name, or "" to choose one.
func (c *Config) NodeName() string { return c.word(rowNodeName) }

// AckChain reports whether a reply waits for the whole chain.
func (c *Config) AckChain() bool { return c.word(rowAckMode) == "chain" }

// ReplicaReadsAny reports whether replicas answer reads with whatever they have, as Redis's do.
func (c *Config) ReplicaReadsAny() bool { return c.word(rowReplicaRead) == "any" }

// SentinelAuthPass returns the sentinels' password, which stands in for a group-key, or "".
func (c *Config) SentinelAuthPass() string { return c.word(rowSentinelAuthPass) }
