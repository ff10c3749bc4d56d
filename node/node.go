package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/cluster"
	door "holdfast/door/resp"
	"holdfast/internal/steps"
	"holdfast/netloop"
	"holdfast/node/command"
	"holdfast/node/config"
	"holdfast/node/cron"
	"holdfast/node/engine"
	"holdfast/node/identity"
	"holdfast/node/member"
	"holdfast/node/persist"
	"holdfast/node/store"
	"holdfast/node/transfer"
	"holdfast/replication"
	"holdfast/replication/aof"
	"holdfast/server"
	"holdfast/transport"
)

// Config is what a node is made with. Settings is the user's; the rest is what the program, or a test, hands in.
type Config struct {
	Settings *config.Config
	Network  transport.Network
	Logger   *slog.Logger
	Version  string
	// LeaseClock measures the lease: a clock that only goes forward, at a rate that may differ a little from the
	// sentinels'; nil: time.Now.
	LeaseClock func() time.Time
	Now        func() time.Time // time as data: expiry, TTL; nil: time.Now
	Rand       *rand.Rand       // nil: seeded by the system
	Yield      func()           // has the scheduler look at all sockets; nil: it will anyway
	Dir        *os.Root         // where dump.rdb lies; nil: nothing is kept on disk
	Files      aof.FS           // where the log is kept; nil: in Dir
	Process    command.Process  // what the operating system says of this process
	// NewLock makes the execution lock, and the disk's: one whose waiters let virtual time pass; nil: sync.Mutex.
	NewLock func() engine.Locker
	// Steps is told of the steps of changes, as they come; nil ok.
	Steps steps.Observer
	// OnLong is told of each command that may take long, before it runs, under the execution lock; nil ok.
	OnLong func(command string)

	// Level is the newest feature level that the node understands; 0: this version's.
	Level cluster.Level

	// Later are commands beside this version's, as a later one has them; for tests.
	Later []command.Command

	// Lock names the lock that keeps others out of the directory: whoever noted the same name there before has ended.
	// Empty: there is none.
	Lock string
}

// Node is one data node: the parts of which it is made, and their life.
type Node struct {
	settings *config.Config
	network  transport.Network
	logger   *slog.Logger
	steps    steps.Observer
	rand     *rand.Rand
	dir      *aof.Root      // nil: nothing is kept
	grouped  bool           // it was started as a member of a group
	self     cluster.Member // Name and Addr are known once the listener is open
	identity *identity.Identity
	features *identity.Features
	lock     string       // see Config
	proof    member.Proof // known when self is

	log         *replication.Log
	loops       *netloop.Loops
	lease       *member.Lease
	agent       *member.Agent
	replication *member.Replication
	engine      *engine.Engine // has the execution lock
	loader      *persist.Loader
	persist     *persist.Persistence
	env         *command.Env
	door        *door.Door
	cron        *cron.Cron
	resident    atomic.Int64 // bytes, as of a second ago at most

	servers []*server.Listener // one per address listened on
	ctx     context.Context    // ends at Close
	cancel  context.CancelFunc
	work    sync.WaitGroup // cron, agent, following
	writers sync.WaitGroup // who writes to clients
	stopped <-chan struct{}
}

// New prepares a node. Nothing listens before Start.
func New(c Config) (*Node, error) {
	c.fill()
	if err := member.KeyNeeded(c.Settings); err != nil {
		return nil, err
	}
	random := replication.Random{Rand: c.Rand}
	runID, err := replication.NewID(random)
	if err != nil {
		return nil, fmt.Errorf("making a run id: %w", err)
	}
	id, err := replication.NewID(random)
	if err != nil {
		return nil, fmt.Errorf("making a replication id: %w", err)
	}
	n := &Node{
		settings: c.Settings, network: c.Network, logger: c.Logger, steps: c.Steps, rand: c.Rand,
		grouped: len(c.Settings.Join()) > 0, self: cluster.Member{Incarnation: runID}, lock: c.Lock,
	}
	files := c.Files
	if c.Dir != nil {
		root := aof.NewRoot(c.Dir)
		if n.dir = &root; files == nil {
			files = root
		}
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.stopped = n.ctx.Done()
	n.identity = identity.New(files, c.Logger)
	n.features = identity.NewFeatures(c.Level, n.identity)
	n.lease = member.NewLease(c.LeaseClock)
	n.log = replication.NewLog(replication.LogConfig{
		Position: replication.Position{ID: id}, Limit: c.Settings.ReplBacklogSize(), OnCommit: n.committed,
	})
	entrance := c.NewLock()
	n.loops = netloop.New(netloop.Config{Execute: n.execute, Lock: entrance, Yield: c.Yield, Logger: c.Logger,
		Expecting: func() bool { return n.log.Commit() < n.log.End() }})
	n.replication = member.NewReplication(member.ReplicationConfig{
		Context: n.ctx, Settings: c.Settings, Network: c.Network, Loops: n.loops, Logger: c.Logger, Steps: c.Steps,
		Go: n.work.Go, Grouped: n.grouped, OnAck: func() { n.env.AcksMoved() },
		Log: n.log, Identity: n.identity, Features: n.features, Lease: n.lease,
	})
	n.engine = engine.New(engine.Config{Log: n.log, Feeder: n.replication.Feeder, Lock: c.NewLock(),
		Entrance: entrance, Now: c.Now, Go: n.work.Go, Logger: c.Logger})
	n.loader = persist.NewLoader(persist.LoaderConfig{Settings: c.Settings, Logger: c.Logger, Now: c.Now,
		Stopped: n.stopped, Features: n.features})
	n.persist = persist.New(persist.Config{
		Engine: n.engine, Epochs: &n.replication.Epochs, Rand: c.Rand,
		Loader: n.loader, Settings: c.Settings, Logger: c.Logger, Now: c.Now,
		Dir: n.dir, Files: files, NewLock: c.NewLock, Yield: c.Yield, Go: n.work.Go, Stopped: n.stopped,
		Grouped: n.grouped, RunID: runID, Steps: n.steps,
	})
	n.agent = member.New(n.ctx, member.Config{
		Self: n.self, Settings: c.Settings, Identity: n.identity, Features: n.features, Lease: n.lease,
		Network: c.Network, Logger: c.Logger, Lock: n.engine, Log: n.log, Feeder: n.replication.Feeder,
		Replication: n.replication, Version: c.Version, Resident: &n.resident,
	})
	clients := server.New(server.Standalone, nil, nil)
	n.replication.Attach(n.engine, clients, n.persist, n.agent)
	n.env = command.NewEnv(command.EnvConfig{
		Engine: n.engine, Store: store.New(c.Settings.Databases(), c.Rand), Config: c.Settings,
		Replication: n.replication, Traffic: &n.replication.Traffic, Persist: n.persist, Server: clients,
		Logger: c.Logger, Rand: c.Rand, RunID: runID, Version: c.Version, Started: c.Now(), Process: c.Process,
		OnLong: c.OnLong, Level: n.level, Need: n.features.Need, Later: c.Later, GoLast: n.writers.Go,
		Transfers: transfer.Config{Context: n.ctx, Network: c.Network, Now: c.Now, Logger: c.Logger},
	})
	n.door = door.New(door.Config{Env: n.env, Engine: n.engine, Replication: n.replication, Loops: n.loops, Log: n.log,
		Settings: c.Settings, Logger: c.Logger, Yields: c.Yield != nil, Stopped: n.stopped, Writers: &n.writers})
	n.cron = &cron.Cron{Env: n.env, Engine: n.engine, Replication: n.replication, Persist: n.persist,
		Settings: c.Settings, Resident: &n.resident, Go: n.work.Go, Stopped: n.stopped}
	n.engine.Commands, n.engine.Clients, n.engine.Disk, n.engine.Node = n.env, n.door, n.persist, n.replication
	n.replication.SetPlace(n.firstPlace())
	n.resident.Store(n.env.Process.RSS())
	n.onSettings()
	return n, nil
}

// fill puts in what the machine has where nothing else was handed in.
func (c *Config) fill() {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.LeaseClock == nil {
		c.LeaseClock = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	if c.Level == 0 {
		c.Level = cluster.LevelNow
	}
	if c.NewLock == nil {
		c.NewLock = func() engine.Locker { return new(sync.Mutex) }
	}
}

// firstPlace is where the node stands until it is told otherwise. One that is to follow another server is no master
// before it does, either.
func (n *Node) firstPlace() member.Place {
	if host, port, ok := n.settings.ReplicaOf(); ok && !n.grouped {
		return member.Following(net.JoinHostPort(host, strconv.Itoa(port)))
	}
	return member.Alone(!n.grouped)
}

// execute executes what the loops have read.
func (n *Node) execute(batch []netloop.Batched) (yield bool) { return n.door.RunBatch(batch) }

// committed is called by the log whenever its commit point has moved.
func (n *Node) committed(commit int64, acked bool) {
	n.door.Committed(commit, acked)
	n.env.AcksMoved()
	n.replication.Committed(commit)
}

// Start loads what is on disk, opens the port and, when the node is to join a group, begins to heartbeat. Interrupt,
// and SHUTDOWN, end the loading. A node that could not start is closed.
func (n *Node) Start() error {
	if err := n.start(); err != nil {
		return errors.Join(err, n.Close())
	}
	n.steps.At(steps.Ready)
	n.logger.Info("ready to accept connections", "addr", n.self.Addr, "name", n.self.Name, "run_id", n.self.Incarnation)
	return nil
}

func (n *Node) start() error {
	if err := n.limitClients(); err != nil {
		return err
	}
	if err := n.features.Read(); err != nil {
		return err
	}
	if err := n.persist.Open(); err != nil {
		return err
	}
	listeners, err := n.listen()
	if err != nil {
		return err
	}
	n.engine.Lock()
	n.engine.Data.Loading, n.engine.Data.Partial = true, true // until then clients are told to wait
	n.engine.Unlock()
	for _, l := range listeners {
		n.servers = append(n.servers, server.Serve(l, n.logger, n.door.Serve))
	}
	if err := n.persist.Load(); err != nil {
		if n.loader.Interruption() != nil {
			err = ErrInterrupted
		}
		return err
	}
	if n.grouped {
		if err := n.joinGroup(); err != nil {
			return err
		}
	}
	n.work.Go(n.cron.Run)
	n.work.Go(n.cron.Evict)
	if n.grouped {
		n.work.Go(n.replication.Confirmations.Run)
		n.work.Go(func() { member.Warn(n.settings, n.logger, n.stopped) })
	}
	if host, port, ok := n.settings.ReplicaOf(); ok && !n.grouped {
		n.engine.Do(func(time.Time) { err = n.replication.ReplicaOf(host, port) })
	}
	return err
}

// Addr is the announced address.
func (n *Node) Addr() string { return n.self.Addr }

// ChainStatus is where a node stands in its chain, and how far its log reaches and is committed, all of one moment.
type ChainStatus struct {
	Epoch       uint64
	Position    int // in the chain; -1: not in it
	End, Commit int64
	Log         *replication.Log
}

// ChainStatus looks at the node from beside, for who checks what it promises. It waits for no command.
func (n *Node) ChainStatus() ChainStatus {
	for {
		p := n.agent.Standing()
		s := ChainStatus{Epoch: p.Epoch(), Position: p.Position, Commit: n.log.Commit(), Log: n.log}
		if s.End = n.log.End(); n.agent.Standing() == p {
			return s
		}
	}
}

// RunID names this start of the node.
func (n *Node) RunID() string { return n.self.Incarnation }

// Exit is closed when the node asks to be ended: SHUTDOWN.
func (n *Node) Exit() <-chan struct{} { return n.env.Exit() }

// SaveAtEnd saves once more before a signal ends the process, where save points are set or shutdown-on-sigint or
// -sigterm says so.
func (n *Node) SaveAtEnd(interrupt bool) error {
	if !n.persist.MustSave(n.settings.ShutdownOn(interrupt)) {
		return nil
	}
	return n.persist.SaveLast()
}

// ErrInterrupted is what Start answers when the node was told to end before its data was loaded. What is on disk is as
// it was.
var ErrInterrupted = persist.ErrInterrupted

// Interrupt has a load that is under way end at once: Start then answers ErrInterrupted. A node that has its data does
// not notice.
func (n *Node) Interrupt() { n.loader.Interrupt() }

// Close ends the node at once, as its death would, and waits for all its goroutines.
func (n *Node) Close() error {
	n.cancel()
	n.engine.Stop()
	err := n.replication.Close()
	for _, s := range n.servers {
		err = errors.Join(err, s.Close())
	}
	err = errors.Join(err, n.agent.Close())
	n.work.Wait()
	err = errors.Join(err, n.loops.Close()) // behind the link to the predecessor, which may just have begun to use them
	n.writers.Wait()
	return errors.Join(err, n.persist.Close())
}
