package config

// How this table differs from Redis 7.0.15 on purpose:
//   - the rows marked Own are ours; announce-ip and announce-port are further
//     aliases of replica-announce-ip and replica-announce-port;
//   - activedefrag, jemalloc-bg-thread, io-threads*, the *cpulist, cluster-*
//     and similar rows that tune parts Holdfast does not have are accepted,
//     stored and reported, but change nothing (Redis refuses activedefrag where
//     its allocator lacks support);
//   - whether a directory, port or address can be used is decided by the hooks
//     of the node, as this package does no I/O.

var serverRows = []Directive{
	special("bind", Mutable|Multi, "* -::*", "addresses to listen on; one with a leading '-' may be missing", applyBind),
	integer("port", Mutable, "6379", 0, 65535, "TCP port for clients; 0 listens on none"),
	text("bind-source-addr", Mutable, "", "local address of outgoing connections"),
	text("unixsocket", 0, "", "path of a Unix socket to listen on as well"),
	Directive{Name: "unixsocketperm", Kind: Octal, Flags: Unsigned, Default: "0", Min: 0, Max: 0o777, Help: "file mode of the Unix socket"},
	integer("tcp-backlog", 0, "511", 0, maxInt, "length of the queue of connections not yet accepted"),
	integer("tcp-keepalive", Mutable, "300", 0, maxInt, "seconds between TCP keepalive probes; 0 sends none"),
	integer("socket-mark-id", Unsigned, "0", 0, maxUint, "mark put on the packets of listening sockets"),
	integer("timeout", Mutable, "0", 0, maxInt, "seconds after which an idle client is closed; 0 never"),
	yesno("protected-mode", Mutable, "yes", "without a password, serve loopback clients only"),
	text("requirepass", Mutable|Sensitive, "", "password of the default user"),
	integer("maxclients", Mutable|Unsigned, "10000", 1, maxUint, "most clients connected at once"),
	memory("maxmemory-clients", Mutable, "0", -100, maxLong, "bytes that all clients' buffers may take, or a share of maxmemory").percent(),
	memory("client-query-buffer-limit", Mutable, "1073741824", 1<<20, maxLong, "most bytes of a client's unparsed input"),
	special("client-output-buffer-limit", Mutable|Multi, "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
		"per class: hard limit, soft limit and seconds over it before a client is closed", applyOutputLimits).inLines(outputLimitLines),
	memory("proto-max-bulk-len", Mutable, "536870912", 1<<20, maxLong, "longest single string of a request"),
	integer("databases", 0, "16", 1, maxInt, "number of databases that SELECT can choose"),
	integer("hz", Mutable, "10", 0, maxInt, "runs of background work per second, 1 to 500"),
	yesno("dynamic-hz", Mutable, "yes", "run background work more often with many clients"),
	special("notify-keyspace-events", Mutable, "", "classes of events published about keys, as letters", applyNotify),
	integer("slowlog-log-slower-than", Mutable, "10000", -1, maxLong, "microseconds from which a command is kept in the slow log; -1 none, 0 all"),
	integer("slowlog-max-len", Mutable, "128", 0, maxLong, "entries that the slow log keeps"),
	integer("latency-monitor-threshold", Mutable, "0", 0, maxLong, "milliseconds from which an event is kept by LATENCY; 0 off"),
	yesno("latency-tracking", Mutable, "yes", "keep a latency histogram for each command"),
	special("latency-tracking-info-percentiles", Mutable|Multi, "50 99 99.9", "percentiles that INFO latencystats shows", applyPercentiles),
	integer("busy-reply-threshold", Mutable, "5000", 0, maxLong, "milliseconds of a script after which others are told BUSY").alias("lua-time-limit"),
	integer("tracking-table-max-keys", Mutable|Unsigned, "1000000", 0, maxLong, "keys remembered for client-side caching"),
	text("aclfile", 0, "", "file with the ACL users"),
	integer("acllog-max-len", Mutable, "128", 0, maxLong, "entries that ACL LOG keeps"),
	enum("acl-pubsub-default", Mutable, "resetchannels", "allchannels resetchannels", "channels that a new user may use"),
	enum("enable-protected-configs", 0, "no", "no yes local", "who may change protected directives at run time"),
	enum("enable-debug-command", 0, "no", "no yes local", "who may use DEBUG"),
	enum("enable-module-command", 0, "no", "no yes local", "who may use MODULE"),
	integer("io-threads", 0, "1", 1, 128, "threads for socket I/O; Holdfast chooses for itself"),
	yesno("io-threads-do-reads", 0, "no", "read in I/O threads; Holdfast chooses for itself"),
}

var processRows = []Directive{
	yesno("daemonize", 0, "no", "run in the background"),
	enum("supervised", 0, "no", "upstart systemd auto no", "tell a supervisor when ready"),
	text("pidfile", 0, "", "file with the process id"),
	enum("loglevel", Mutable, "notice", "debug verbose notice warning", "least severity that is logged"),
	text("logfile", 0, "", "file to log to; empty logs to standard output"),
	yesno("syslog-enabled", 0, "no", "log to syslog as well"),
	text("syslog-ident", 0, "redis", "name in syslog"),
	enum("syslog-facility", 0, "local0", "user local0 local1 local2 local3 local4 local5 local6 local7", "facility in syslog"),
	yesno("always-show-logo", 0, "no", "print a logo at start"),
	yesno("set-proc-title", 0, "yes", "show the state in the process title"),
	text("proc-title-template", Mutable, "{title} {listen-addr} {server-mode}", "form of the process title").checked(checkProcTitle),
	yesno("crash-log-enabled", Mutable, "yes", "log a report on a crash"),
	yesno("crash-memcheck-enabled", Mutable, "yes", "test memory on a crash"),
	yesno("use-exit-on-panic", Mutable|Hidden, "no", "end with exit instead of abort on a panic"),
	yesno("disable-thp", 0, "yes", "turn transparent huge pages off for the process"),
	enum("oom-score-adj", Mutable, "no", "no yes relative=yes absolute", "adjust the kernel's out-of-memory score"),
	special("oom-score-adj-values", Mutable|Multi, "0 200 800", "scores of master, replica and background child", applyOOMScores),
	enum("shutdown-on-sigint", Mutable|Multi, "default", "default save nosave now force", "how to stop on SIGINT").checked(checkShutdown),
	enum("shutdown-on-sigterm", Mutable|Multi, "default", "default save nosave now force", "how to stop on SIGTERM").checked(checkShutdown),
	integer("shutdown-timeout", Mutable, "10", 0, maxInt, "seconds to wait for replicas when stopping"),
	text("server_cpulist", 0, "", "CPUs of the main thread"),
	text("bio_cpulist", 0, "", "CPUs of background threads"),
	text("aof_rewrite_cpulist", 0, "", "CPUs of the AOF rewrite"),
	text("bgsave_cpulist", 0, "", "CPUs of the background save"),
	text("ignore-warnings", Mutable, "", "start-up warnings to ignore"),
	integer("watchdog-period", Mutable|Hidden, "0", 0, maxInt, "milliseconds after which a stall is logged; 0 off"),
}
