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
	"holdfast/node/command"
	"holdfast/node/config"
	"holdfast/node/session"
	"holdfast/node/store"
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
	// LeaseClock measures the lease: a clock that only goes forward, at a rate that may differ a little from the sentinels'; nil: time.Now.
	LeaseClock func() time.Time
	Now        func() time.Time // time as data: expiry, TTL; nil: time.Now
	Rand       *rand.Rand       // nil: seeded by the system
	Yield      func()           // has the scheduler look at all sockets; nil: it will anyway
	Dir        *os.Root         // where dump.rdb lies; nil: nothing is kept on disk
	Files      aof.FS           // where the log is kept; nil: in Dir
	Process    command.Process  // what the operating system says of this process
}

// Node is one data node.
type Node struct {
	settings *config.Config
	network  transport.Network
	logger   *slog.Logger
	now      func() time.Time
	dir      *aof.Root // nil: nothing is kept
	files    aof.FS
	kept     atomic.Pointer[disk] // see disk()
	joins    bool                 // it was started as a member of a group
	self     cluster.Member       // Name and Addr are known once the listener is open

	// mu is the execution lock: store, env, sessions' state and place are read and changed under it, and effects are
	// appended to the log under it. Nothing waits while holding it. Lock order: mu, then a lock of replication or gates.
	mu         sync.Mutex
	env        *command.Env
	place      place
	pause      pause
	parting    parting
	deferred   map[*driver]struct{} // clients whose next command a pause holds back
	waits      []*wait              // parked WAITs
	waiting    atomic.Bool          // there may be some
	pace       map[string]time.Time // since when followers on probation have kept pace, by incarnation
	deposedAt  time.Time            // when it last ceased to be the master
	backlog    bool                 // a replica has been here: outside a group only then there is a log
	streamDB   int                  // the database that the predecessor's log stands in
	touched    *touched
	changed    []uint16 // slots of touched that the execution in hand has changed
	changedAll bool     // it has changed keys that nobody names
	nextID     int64
	resident   int64 // bytes, as of a second ago at most
	saves      saves
	loading    bool // the data is being replaced: clients are told to wait
	progress   atomic.Pointer[progress]
	rewrites   rewrites
	logEpoch   atomic.Uint64 // in which the log was last written

	log      *replication.Log
	feeder   *replication.Feeder
	traffic  replication.Traffic // what countLinks has not counted yet
	gates    gates
	loops    loops
	lease    lease
	confirms confirmations
	agent    *agent

	follower  *following    // guarded by mu
	snapshots chan struct{} // holds a token while no snapshot runs
	imaging   *image        // the snapshot that runs; guarded by mu
	yield     func()        // Config.Yield
	yielded   int64         // when it was last called, by the environment's clock; guarded by mu
	reclaimer reclaimer     // guarded by mu
	evictions chan struct{} // holds a token while keys are to be evicted

	servers  []*resp.Server  // one per address listened on
	ctx      context.Context // ends at Close
	cancel   context.CancelFunc
	work     sync.WaitGroup // cron, agent, following
	writers  sync.WaitGroup // flushSoon
	stopped  <-chan struct{}
	leaving  atomic.Bool
	draining atomic.Bool   // pause.drain is set
	forming  atomic.Bool   // a new master waits for the chain behind it, see formed
	exit     chan struct{} // closed when the node asks to be ended
	exitOnce sync.Once
}

// New prepares a node. Nothing listens before Start.
func New(c Config) (*Node, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
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
		settings: c.Settings, network: c.Network, logger: c.Logger, now: c.Now, yield: c.Yield,
		deferred:  map[*driver]struct{}{},
		confirms:  confirmations{due: make(chan struct{}, 1), waiting: map[*driver]struct{}{}},
		touched:   newTouched(),
		snapshots: make(chan struct{}, 1),
		evictions: make(chan struct{}, 1),
		exit:      make(chan struct{}),
	}
	n.files = c.Files
	if c.Dir != nil {
		root := aof.NewRoot(c.Dir)
		if n.dir = &root; n.files == nil {
			n.files = root
		}
	}
	n.snapshots <- struct{}{}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.stopped = n.ctx.Done()
	n.self = cluster.Member{Incarnation: runID}
	n.log = replication.NewLog(replication.LogConfig{
		Position: replication.Position{ID: id},
		Limit:    c.Settings.ReplBacklogSize(),
		OnCommit: n.committed,
	})
	n.log.Watch(n.chainMoved)
	n.feeder = n.newFeeder()
	n.env = command.NewEnv(command.EnvConfig{
		Store: store.New(c.Settings.Databases(), c.Rand), Config: c.Settings, Node: n, Logger: c.Logger, Rand: c.Rand,
		RunID: runID, Version: c.Version, Started: c.Now(), Process: c.Process,
	}, n.keyChanged)
	n.loops.n = n
	if n.lease.now = c.LeaseClock; n.lease.now == nil {
		n.lease.now = time.Now
	}
	n.lease.base = n.lease.now()
	n.place = place{master: !n.joins, position: -1}
	n.saves.last, n.saves.ok = c.Now(), true
	n.resident = n.env.Process.RSS()
	n.onSettings()
	return n, nil
}

// Start loads what is on disk, opens the port and, when the node is to join a group, begins to heartbeat.
func (n *Node) Start() error {
	if err := n.openDisk(); err != nil {
		return err
	}
	listeners, err := n.listen()
	if err != nil {
		return err
	}
	n.mu.Lock()
	n.loading = true // until then clients are told to wait
	n.mu.Unlock()
	for _, l := range listeners {
		n.servers = append(n.servers, resp.Serve(l, n.logger, n.serve))
	}
	if err := n.load(); err != nil {
		return errors.Join(err, n.Close())
	}
	if n.grouped() {
		if err := n.startAgent(); err != nil {
			return errors.Join(err, n.Close())
		}
	}
	n.work.Go(n.cron)
	n.work.Go(n.evict)
	if n.grouped() {
		n.work.Go(n.confirm)
	}
	if host, port, ok := n.settings.ReplicaOf(); ok && !n.grouped() {
		n.do(func(time.Time) { err = n.ReplicaOf(host, port) })
		if err != nil {
			return errors.Join(err, n.Close())
		}
	}
	n.logger.Info("ready to accept connections", "addr", n.self.Addr, "run_id", n.self.Incarnation)
	return nil
}

// load loads what is on disk: the log, where there is one, else dump.rdb.
func (n *Node) load() error {
	if d := n.disk(); d == nil || !d.files.Exists() {
		if err := n.loadDump(); err != nil {
			return err
		}
	}
	if d := n.disk(); d != nil {
		if err := d.start(); err != nil {
			return err
		}
		n.work.Go(d.run)
	}
	n.mu.Lock()
	n.loading = false
	n.mu.Unlock()
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
		return fmt.Errorf("a node that listens on %s cannot know under which address others reach it: set announce-ip", host)
	}
	n.self.Addr = net.JoinHostPort(host, port)
	if n.self.Name = n.settings.NodeName(); n.self.Name == "" {
		n.self.Name = n.self.Addr
	}
	return nil
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

// Standing looks at the node from beside, for who checks what it promises.
func (n *Node) Standing() Standing {
	n.mu.Lock()
	defer n.mu.Unlock()
	return Standing{Epoch: n.place.group.Epoch, Position: n.place.position, End: n.log.End(), Commit: n.log.Commit(), Log: n.log}
}

// RunID names this start of the node.
func (n *Node) RunID() string { return n.self.Incarnation }

// Exit is closed when the node asks to be ended: SHUTDOWN.
func (n *Node) Exit() <-chan struct{} { return n.exit }

// grouped reports whether the node belongs to a group that sentinels govern.
func (n *Node) grouped() bool { return n.joins }

// Close ends the node at once, as its death would, and waits for all its goroutines.
func (n *Node) Close() error {
	n.cancel()
	var err error
	n.do(func(time.Time) {
		n.stopFollowing()
		n.pause.stop()
		n.parting.stop()
	})
	err = errors.Join(err, n.feeder.Close())
	for _, s := range n.servers {
		err = errors.Join(err, s.Close())
	}
	err = errors.Join(err, n.loops.close())
	if n.agent != nil {
		err = errors.Join(err, n.agent.close())
	}
	n.work.Wait()
	n.writers.Wait()
	return errors.Join(err, n.disk().close())
}

// welcome registers a new connection, or says why it is turned away.
func (n *Node) welcome(d *driver) (refusal string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if reason := n.turnAway(d.conn); reason != "" {
		n.env.Stats.Rejected++
		return reason
	}
	n.nextID++
	n.env.Stats.Connections++
	d.s = session.New(n.nextID, d.conn.RemoteAddr().String(), d.conn.LocalAddr().String(), n.now(), d.wake)
	d.s.Authenticated = n.settings.RequirePass() == ""
	n.limitInput(d)
	d.ctx = n.env.NewContext(d.s)
	n.env.Clients.Add(d.s)
	return ""
}

// turnAway says why a connection is not served, if so.
func (n *Node) turnAway(conn net.Conn) string {
	if n.env.Clients.Len() >= n.settings.MaxClients() {
		return "ERR max number of clients reached"
	}
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() && n.settings.ProtectedMode() && n.settings.RequirePass() == "" {
		return "DENIED protected mode is on and no password is set: connections from other machines are refused. Set requirepass, or protected-mode no where the network is trusted."
	}
	return ""
}

// limitInput has the parser keep to the settings, and to what the client may do, as they are now.
func (n *Node) limitInput(d *driver) {
	l := resp.Limits{
		MaxBulk: n.settings.ProtoMaxBulkLen(), MaxQuery: n.settings.ClientQueryBufferLimit(),
		Unauthenticated: !d.s.Authenticated && n.settings.RequirePass() != "",
	}
	if l != d.limits {
		d.limits = l
		d.s.In.SetLimits(l)
	}
}

// farewell forgets a connection that has ended.
func (n *Node) farewell(d *driver, err error) {
	if err != nil {
		n.logger.Debug("client connection ended", "client", d.s.ID, "addr", d.s.Addr, "err", err)
	}
	n.forget(d)
	d.s.Out.Discard()
}

// forget takes the session out of everything that knows it.
func (n *Node) forget(d *driver) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.env.Clients.Get(d.s.ID) == nil {
		return
	}
	d.count(n.env.Stats)
	n.env.Forget(d.s)
	n.env.Clients.Remove(d.s)
	d.s.Unpark()
	delete(n.deferred, d)
	n.confirms.forget(d)
	n.parting.without(d.s)
}

// closing reports whether the session is to be ended.
func (n *Node) closing(s *session.Session) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	closing, _ := s.Closing()
	return closing
}

// randomBytes reads from the node's source of randomness.
type randomBytes struct{ *rand.Rand }

func (r randomBytes) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return len(p), nil
}
