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
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/cluster"
	"holdfast/internal/steps"
	"holdfast/membership"
	"holdfast/netloop"
	"holdfast/node/command"
	"holdfast/node/config"
	"holdfast/node/engine"
	"holdfast/node/member"
	"holdfast/node/persist"
	"holdfast/node/store"
	"holdfast/node/transfer"
	"holdfast/replication"
	"holdfast/replication/aof"
	"holdfast/resp"
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

// Node is one data node.
type Node struct {
	settings *config.Config
	network  transport.Network
	logger   *slog.Logger
	steps    steps.Observer
	now      func() time.Time
	dir      *aof.Root // nil: nothing is kept
	files    aof.FS
	joins    bool           // it was started as a member of a group
	self     cluster.Member // Name and Addr are known once the listener is open
	identity *member.Identity
	features *member.Features
	lock     string             // see Config
	keys     *membership.Group  // nil: members prove nothing
	proof    *membership.Member // likewise; known when self is

	// mu is the execution lock: store, env, sessions' state and place are read and changed under it, and effects are
	// appended to the log under it. Nothing waits while holding it. Lock order: mu, then a lock of replication or
	// gates.
	mu          engine.Locker // engine's
	engine      *engine.Engine
	host        host // what the engine asks of the node
	env         *command.Env
	pause       pause
	clientDrain clientDrain
	deferred    map[*driver]struct{} // clients whose next command a pause holds back
	deposedAt   time.Time            // when it last ceased to be the master
	backlog     bool                 // a replica has been here: outside a group only then there is a log
	nextID      int64
	resident    atomic.Int64 // bytes, as of a second ago at most
	loader      *persist.Loader
	persist     *persist.Persistence
	epochs      persist.Epochs

	log      *replication.Log
	feeder   *replication.Feeder
	traffic  replication.Traffic // what countLinks has not counted yet
	gates    engine.Gates[*driver]
	loops    *netloop.Loops
	lease    *member.Lease
	confirms confirmations
	agent    *member.Agent

	follower  *following                // guarded by mu, and by mu.appending
	followed  atomic.Pointer[following] // the same, for who can't wait for the lock
	yield     func()                    // Config.Yield
	yielded   atomic.Int64              // when it was last called, by the engine's clock
	reclaimer reclaimer                 // guarded by mu
	evictions chan struct{}             // holds a token while keys are to be evicted

	servers []*resp.Server  // one per address listened on
	ctx     context.Context // ends at Close
	cancel  context.CancelFunc
	work    sync.WaitGroup // cron, agent, following
	writers sync.WaitGroup // flushSoon
	stopped <-chan struct{}
}

// New prepares a node. Nothing listens before Start.
func New(c Config) (*Node, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	if err := keyNeeded(c.Settings); err != nil {
		return nil, err
	}
	if c.Level == 0 {
		c.Level = cluster.LevelNow
	}
	random := randomBytes{c.Rand}
	runID, err := replication.NewID(random)
	if err != nil {
		return nil, fmt.Errorf("making a run id: %w", err)
	}
	id, err := replication.NewID(random)
	if err != nil {
		return nil, fmt.Errorf("making a replication id: %w", err)
	}
	n := &Node{
		joins:    len(c.Settings.Join()) > 0,
		settings: c.Settings, network: c.Network, logger: c.Logger, steps: c.Steps, now: c.Now, yield: c.Yield,
		deferred:  map[*driver]struct{}{},
		confirms:  confirmations{due: make(chan struct{}, 1), waiting: map[*driver]struct{}{}},
		evictions: make(chan struct{}, 1),
	}
	n.files = c.Files
	if c.Dir != nil {
		root := aof.NewRoot(c.Dir)
		if n.dir = &root; n.files == nil {
			n.files = root
		}
	}
	n.lock = c.Lock
	n.identity = member.NewIdentity(n.files, c.Logger)
	n.features = member.NewFeatures(c.Level, n.identity)
	if c.NewLock == nil {
		c.NewLock = func() engine.Locker { return new(sync.Mutex) }
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.stopped = n.ctx.Done()
	n.loader = persist.NewLoader(persist.LoaderConfig{Settings: c.Settings, Logger: c.Logger, Now: c.Now,
		Stopped: n.stopped, Levels: n.features})
	n.self = cluster.Member{Incarnation: runID}
	n.log = replication.NewLog(replication.LogConfig{
		Position: replication.Position{ID: id},
		Limit:    c.Settings.ReplBacklogSize(),
		OnCommit: n.committed,
	})
	n.loops = netloop.New(netloop.Config{Execute: n.runBatch, Yield: c.Yield, Logger: c.Logger,
		Expecting: func() bool { return n.log.Commit() < n.log.End() },
		NewLock:   func() sync.Locker { return c.NewLock() }})
	n.feeder = n.newFeeder()
	n.host.n = n
	n.engine = engine.New(engine.Config{
		Log: n.log, Feeder: n.feeder, Clients: &n.host, Disk: &n.host, Node: &n.host,
		Lock: c.NewLock(), Now: c.Now, Go: n.work.Go, Logger: c.Logger,
	})
	n.mu = n.engine
	n.env = command.NewEnv(command.EnvConfig{
		Engine: n.engine,
		Store:  store.New(c.Settings.Databases(), c.Rand), Config: c.Settings, Node: n, Logger: c.Logger, Rand: c.Rand,
		RunID: runID, Version: c.Version, Started: c.Now(), Process: c.Process, OnLong: c.OnLong,
		Level: n.level, Need: n.features.Need, Later: c.Later, GoLast: n.writers.Go,
		Transfers: transfer.Config{Context: n.ctx, Network: c.Network, Now: c.Now, Logger: c.Logger},
	})
	n.engine.Commands = n.env
	n.persist = persist.New(persist.Config{
		Engine: n.engine, Epochs: &n.epochs, Rand: c.Rand,
		Link: &n.host, Loader: n.loader, Settings: c.Settings, Logger: c.Logger, Now: c.Now,
		Dir: n.dir, Files: n.files, NewLock: c.NewLock, Yield: c.Yield, Go: n.work.Go, Stopped: n.stopped,
		Grouped: n.grouped(), RunID: runID, Steps: n.steps,
	})
	n.env.Persist = n.persist
	if c.LeaseClock == nil {
		c.LeaseClock = time.Now
	}
	n.lease = member.NewLease(c.LeaseClock)
	n.agent = member.New(n.ctx, member.Config{
		Self: n.self, Settings: c.Settings, Identity: n.identity, Features: n.features, Lease: n.lease,
		Network: c.Network, Logger: c.Logger, Lock: n.mu, Log: n.log, Feeder: n.feeder, Describe: n.describe,
	})
	n.setPlace(member.Alone(!n.joins))
	n.resident.Store(n.env.Process.RSS())
	n.onSettings()
	return n, nil
}

// Start loads what is on disk, opens the port and, when the node is to join a group, begins to heartbeat. Interrupt,
// and SHUTDOWN, end the loading.
func (n *Node) Start() error {
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
	n.mu.Lock()
	n.engine.Data.Loading, n.engine.Data.Partial = true, true // until then clients are told to wait
	n.mu.Unlock()
	for _, l := range listeners {
		n.servers = append(n.servers, resp.Serve(l, n.logger, n.serve))
	}
	if err := n.persist.Load(); err != nil {
		if n.loader.Interruption() != nil {
			err = ErrInterrupted
		}
		return errors.Join(err, n.Close())
	}
	if n.grouped() {
		if err := n.joinGroup(); err != nil {
			return errors.Join(err, n.Close())
		}
	}
	n.work.Go(n.cron)
	n.work.Go(n.evict)
	if n.grouped() {
		n.work.Go(n.confirm)
		n.work.Go(n.warn)
	}
	if host, port, ok := n.settings.ReplicaOf(); ok && !n.grouped() {
		n.do(func(time.Time) { err = n.ReplicaOf(host, port) })
		if err != nil {
			return errors.Join(err, n.Close())
		}
	}
	n.steps.At(steps.Ready)
	n.logger.Info("ready to accept connections", "addr", n.self.Addr, "name", n.self.Name, "run_id", n.self.Incarnation)
	return nil
}

// listen opens every address of bind. Of an address that begins with "-" it is no mistake when the machine has it not.
func (n *Node) listen() (listeners []net.Listener, err error) {
	for _, host := range n.settings.Bind() {
		host, optional := strings.CutPrefix(host, "-")
		addr := net.JoinHostPort(listenHost(host), strconv.Itoa(n.settings.Port()))
		l, e := n.network.Listen(addr)
		switch {
		case e == nil:
			listeners = append(listeners, l)
		case !optional:
			err = errors.Join(err, fmt.Errorf("cannot listen on %s: %w", addr, e))
		}
	}
	if err == nil && len(listeners) == 0 {
		err = fmt.Errorf("none of the addresses of bind (%s) can be listened on", strings.Join(n.settings.Bind(), " "))
	}
	if err == nil {
		err = n.identify(listeners[0].Addr())
	}
	if err != nil {
		for _, l := range listeners {
			err = errors.Join(err, l.Close())
		}
		return nil, err
	}
	return listeners, nil
}

// listenHost spells an address of bind as the network does: "*" is every IPv4 address, "::*" every IPv6 address.
func listenHost(host string) string {
	switch host {
	case "*":
		return "0.0.0.0"
	case "::*":
		return "::"
	}
	return host
}

// identify settles under which address and name the node is known to others.
func (n *Node) identify(listen net.Addr) error {
	host, port, err := net.SplitHostPort(listen.String())
	if err != nil {
		return fmt.Errorf("reading the listener's address %s: %w", listen, err)
	}
	if h := n.settings.AnnounceIP(); h != "" {
		host = h
	}
	if p := n.settings.AnnouncePort(); p != 0 {
		port = strconv.Itoa(p)
	}
	if ip := net.ParseIP(host); n.grouped() && ip != nil && ip.IsUnspecified() {
		return fmt.Errorf("a node that listens on %s cannot know under which address others reach it: set announce-ip",
			host)
	}
	n.self.Addr = net.JoinHostPort(host, port)
	if n.self.Name = n.settings.NodeName(); n.self.Name == "" {
		n.self.Name = n.self.Addr
	}
	if n.grouped() {
		n.self.Name, err = n.identity.TakeName(n.settings.NodeName(), n.self.Addr, n.persist.HasLog(),
			randomBytes{n.env.Rand})
		if err != nil {
			return err
		}
		n.identity.NoteStart(n.lock, n.self.Incarnation)
	}
	return n.prove()
}

// Addr is the announced address.
func (n *Node) Addr() string { return n.self.Addr }

// Standing is where a node stands in its group, and how far its log reaches and is committed, all of one moment.
type Standing struct {
	Epoch       uint64
	Position    int // in the chain; -1: not in it
	End, Commit int64
	Log         *replication.Log
}

// Standing looks at the node from beside, for who checks what it promises. It waits for no command.
func (n *Node) Standing() Standing {
	for {
		p := n.agent.Standing()
		s := Standing{Epoch: p.Epoch(), Position: p.Position, Commit: n.log.Commit(), Log: n.log}
		if s.End = n.log.End(); n.agent.Standing() == p {
			return s
		}
	}
}

// RunID names this start of the node.
func (n *Node) RunID() string { return n.self.Incarnation }

// Exit is closed when the node asks to be ended: SHUTDOWN.
func (n *Node) Exit() <-chan struct{} { return n.env.Exit() }

// Close ends the node at once, as its death would, and waits for all its goroutines.
func (n *Node) Close() error {
	n.cancel()
	var err error
	n.do(func(time.Time) {
		n.stopFollowing()
		n.pause.stop()
		n.clientDrain.stop()
	})
	err = errors.Join(err, n.feeder.Close())
	for _, s := range n.servers {
		err = errors.Join(err, s.Close())
	}
	err = errors.Join(err, n.agent.Close())
	n.work.Wait()
	err = errors.Join(err, n.loops.Close()) // behind the link to the predecessor, which may just have begun to use them
	n.writers.Wait()
	return errors.Join(err, n.persist.Close())
}

// randomBytes reads from the node's source of randomness.
type randomBytes struct{ *rand.Rand }

func (r randomBytes) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return len(p), nil
}
