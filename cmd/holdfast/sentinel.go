package main

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/openfiles"
	"holdfast/sentinel"
	"holdfast/transport"
)

// Unless they are set, a sentinel's other ports lie at fixed distances from the one its clients use: for that of Redis
// Sentinel all are below those that Linux gives to outgoing connections (32768 to 60999), one of which could otherwise
// have the port when the sentinel starts.
const (
	raftPortOffset   = 1000
	gossipPortOffset = 2000
)

func sentinelCommand() *cobra.Command {
	cfg := sentinel.Default()
	var dir, gossipKey, insecure, logLevel string
	var downAfterMs, failoverTimeoutMs, chainSlowMs, busyCommandMs int64
	c := &cobra.Command{
		Use:   "sentinel",
		Short: "Run a sentinel",
		Long: `Run a sentinel: a member of the quorum that decides who is master and answers clients that
ask for it. Start an odd number, three or more, on machines that fail independently; they
begin once --bootstrap-expect of them see each other.`,
		Example: `  holdfast sentinel --port 26379 --dir /var/lib/holdfast-sentinel --announce-ip 10.0.0.1 \
    --join 10.0.0.2:28379,10.0.0.3:28379 --bootstrap-expect 3 --down-after-milliseconds 1000`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.IntVar(&cfg.Port, "port", cfg.Port, "port for clients, nodes and other sentinels")
	f.IntVar(&cfg.RaftPort, "raft-port", 0, "port for the agreement among sentinels (default: --port + 1000)")
	f.IntVar(&cfg.GossipPort, "gossip-port", 0, "port for finding each other (default: --port + 2000)")
	f.StringVar(&cfg.Bind, "bind", "", "address to listen on (default: all)")
	f.StringVar(&cfg.AnnounceIP, "announce-ip", "", "address that others are told (default: --bind, else 127.0.0.1)")
	f.IntVar(&cfg.AnnouncePort, "announce-port", 0, "client port that others are told (default: --port)")
	f.StringSliceVar(&cfg.Join, "join", nil, "gossip addresses of any members that may be there already, HOST:PORT,…")
	key := secretFlag(f, &cfg.GroupKey, "group-key",
		"secret by which the members prove themselves to each other; the same for all")
	f.StringVar(&gossipKey, "gossip-key", "", "another name of --group-key")
	f.StringVar(&insecure, "insecure-group", "no",
		"yes: go on without a group-key where other machines can reach this sentinel")
	f.StringVar(&dir, "dir", "", "directory for the agreed state (required)")
	f.IntVar(&cfg.BootstrapExpect, "bootstrap-expect", cfg.BootstrapExpect,
		"how many sentinels must see each other before they begin")
	f.IntVar(&cfg.Quorum, "quorum", cfg.Quorum, "shown to clients; decisions always take a majority")
	f.Int64Var(&downAfterMs, "down-after-milliseconds", cfg.DownAfter.Milliseconds(),
		"silence after which a node counts as down")
	f.Int64Var(&failoverTimeoutMs, "failover-timeout", cfg.FailoverTimeout.Milliseconds(),
		"milliseconds that a planned handover may take")
	f.Int64Var(&chainSlowMs, "chain-slow-timeout", cfg.ChainSlow.Milliseconds(),
		"milliseconds that a slow member may hold up its chain before the chain goes on without it; 0: for ever")
	f.Int64Var(&busyCommandMs, "busy-command-timeout", cfg.BusyCommand.Milliseconds(),
		"milliseconds that one command may run before the chain goes on without its node; 0: for ever")
	pass := secretFlag(f, &cfg.RequirePass, "requirepass", "password that clients must give")
	f.IntVar(&cfg.MaxClients, "maxclients", cfg.MaxClients,
		"most clients at once; nodes, sentinels and a few administrators on this machine come in beyond them")
	f.StringVar(&logLevel, "loglevel", "notice", "debug, verbose, notice or warning")
	_ = c.MarkFlagRequired("dir")
	_ = f.MarkHidden("gossip-key")
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		if cfg.RaftPort == 0 {
			cfg.RaftPort = cfg.Port + raftPortOffset
		}
		if cfg.GossipPort == 0 {
			cfg.GossipPort = cfg.Port + gossipPortOffset
		}
		if cfg.AnnounceIP == "" {
			if cfg.AnnounceIP = cfg.Bind; cfg.AnnounceIP == "" || cfg.AnnounceIP == "0.0.0.0" {
				cfg.AnnounceIP = "127.0.0.1"
			}
		}
		if err := readSecrets(f, key, pass); err != nil {
			return err
		}
		cfg.GroupKey = cmp.Or(cfg.GroupKey, gossipKey)
		if insecure != "yes" && insecure != "no" {
			return errors.New("--insecure-group is yes or no")
		}
		cfg.Insecure = insecure == "yes"
		cfg.DownAfter = time.Duration(downAfterMs) * time.Millisecond
		cfg.FailoverTimeout = time.Duration(failoverTimeoutMs) * time.Millisecond
		cfg.ChainSlow = time.Duration(chainSlowMs) * time.Millisecond
		cfg.BusyCommand = time.Duration(busyCommandMs) * time.Millisecond
		limitProcessors()
		cfg.Logger = newLogger(os.Stderr, logLevel)
		cfg.Process.Usage = usageMeter()
		cfg.Process.Executable, _ = os.Executable() // INFO leaves it empty when it is not known
		cfg.Network = transport.Raw{Network: transport.Patient{Network: transport.Host{}, Logger: cfg.Logger}}
		cfg.OpenFiles = openfiles.Raise
		cfg.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("the directory for the agreed state: %w", err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			return fmt.Errorf("the directory for the agreed state: %w", err)
		}
		defer func() { err = errors.Join(err, root.Close()) }()
		if cfg.Storage, err = sentinel.OpenStorage(root, cfg.Logger); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, cfg.Storage.Close()) }()
		s, err := sentinel.New(cfg)
		if err != nil {
			return err
		}
		return s.Run(c.Context())
	}
	return c
}
