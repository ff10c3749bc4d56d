package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/spf13/cobra"

	"holdfast/sentinel"
	"holdfast/transport"
)

// Unless they are set, a sentinel's other ports lie at fixed distances from the one its clients use.
const (
	raftPortOffset   = 10000
	gossipPortOffset = 20000
)

func sentinelCommand() *cobra.Command {
	cfg := sentinel.Default()
	var dir, gossipKey, logLevel string
	var downAfterMs, failoverTimeoutMs, chainSlowMs int64
	c := &cobra.Command{
		Use:   "sentinel",
		Short: "Run a sentinel",
		Long: `Run a sentinel: a member of the quorum that decides who is master and answers clients that
ask for it. Start an odd number, three or more, on machines that fail independently; they
begin once --bootstrap-expect of them see each other.`,
		Example: `  holdfast sentinel --port 26379 --dir /var/lib/holdfast-sentinel --announce-ip 10.0.0.1 \
    --join 10.0.0.2:46379,10.0.0.3:46379 --bootstrap-expect 3 --down-after-milliseconds 1000`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.IntVar(&cfg.Port, "port", cfg.Port, "port for clients, nodes and other sentinels")
	f.IntVar(&cfg.RaftPort, "raft-port", 0, "port for the agreement among sentinels (default: --port + 10000)")
	f.IntVar(&cfg.GossipPort, "gossip-port", 0, "port for finding each other (default: --port + 20000)")
	f.StringVar(&cfg.Bind, "bind", "", "address to listen on (default: all)")
	f.StringVar(&cfg.AnnounceIP, "announce-ip", "", "address that others are told (default: --bind, else 127.0.0.1)")
	f.IntVar(&cfg.AnnouncePort, "announce-port", 0, "client port that others are told (default: --port)")
	f.StringSliceVar(&cfg.Join, "join", nil, "gossip addresses of any members that may be there already, HOST:PORT,…")
	f.StringVar(&gossipKey, "gossip-key", "", "encrypts gossip; the same for all members")
	f.StringVar(&dir, "dir", "", "directory for the agreed state (required)")
	f.IntVar(&cfg.BootstrapExpect, "bootstrap-expect", cfg.BootstrapExpect, "how many sentinels must see each other before they begin")
	f.IntVar(&cfg.Quorum, "quorum", cfg.Quorum, "shown to clients; decisions always take a majority")
	f.Int64Var(&downAfterMs, "down-after-milliseconds", cfg.DownAfter.Milliseconds(), "silence after which a node counts as down")
	f.Int64Var(&failoverTimeoutMs, "failover-timeout", cfg.FailoverTimeout.Milliseconds(), "milliseconds that a planned handover may take")
	f.Int64Var(&chainSlowMs, "chain-slow-timeout", cfg.ChainSlow.Milliseconds(), "milliseconds that a slow member may hold up its chain before the chain goes on without it; 0: for ever")
	f.StringVar(&cfg.RequirePass, "requirepass", "", "password that clients, nodes and other sentinels must give")
	f.StringVar(&logLevel, "loglevel", "notice", "debug, verbose, notice or warning")
	_ = c.MarkFlagRequired("dir")
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
		cfg.GossipKey = []byte(gossipKey)
		cfg.DownAfter = time.Duration(downAfterMs) * time.Millisecond
		cfg.FailoverTimeout = time.Duration(failoverTimeoutMs) * time.Millisecond
		cfg.ChainSlow = time.Duration(chainSlowMs) * time.Millisecond
		cfg.Logger = newLogger(os.Stderr, logLevel)
		cfg.Network = transport.Host{}
		cfg.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("the directory for the agreed state: %w", err)
		}
		if cfg.Storage, err = sentinel.OpenStorage(dir, cfg.Logger); err != nil {
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
