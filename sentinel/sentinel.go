package sentinel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/cluster"
	"holdfast/internal/steps"
	"holdfast/membership"
	"holdfast/resp"
	"holdfast/sentinel/plan"
	"holdfast/server"
	"holdfast/transport"
)

// Sentinel is one running sentinel.
type Sentinel struct {
	cfg         Config
	log         *slog.Logger
	id          string // for all starts on the same storage
	self        *identity
	incarnation string // of this start
	addr        string // announced to clients, nodes and sentinels
	raftAddr    string
	started     time.Time
	now         func() time.Time // judges who is down; monotonic

	keys   *membership.Group  // nil: members prove nothing
	member *membership.Member // likewise
	quorum *quorum
	gossip roster
	server *server.Listener
	ports  *sequencedListener // the client listener
	table  *resp.Table[*call]

	disk      *disk           // of cfg.Storage
	ctx       context.Context // ends when Close begins
	cancel    context.CancelFunc
	done      sync.WaitGroup // the loops
	closeOnce sync.Once
	closeErr  error
	leave     chan struct{} // closed when a client asked to shut down
	leaveOnce sync.Once
	retired   atomic.Bool // removed for good: it says goodbye

	commands     atomic.Int64 // executed since the start
	traffic      traffic
	rates        rates
	front        front
	pause        pause
	warnedOfHTTP resp.Sparing
	toldOfHeld   resp.Sparing

	// Each wakes a loop early; a full channel means it is awake already.
	wakeWatch, wakeReport, wakeLead, wakeHeart chan struct{}

	mu            sync.Mutex // protects everything below; never held over I/O
	state         *plan.State
	watches       map[string]*watch
	masters       map[string]*master
	verdicts      map[string]verdict   // of the leader, on itself too
	held          string               // which sentinels hold back the feature level, as the leader says
	heardLead     time.Time            // when the verdicts came
	transferTried time.Time            // when it last tried to have a better placed one lead
	reports       map[string]received  // on the leader: the last of each sentinel
	handovers     map[string]*handover // on the leader: asked for and not done
	dead          map[string]inEpoch   // on the leader: no member of the chain has been left
	calm          map[string]inEpoch   // on the leader: it has led the group
	alarms        map[string]*alarms   // what subscribers were told
	news          chan struct{}        // closed when a master is in doubt no more
	inTouch       bool                 // as of the last tick
	strangers     map[string]stranger
	said          string // the last thing that sayOnce told
	blocked       blocked

	announced announcement // of watchLoop alone
}

// New starts a sentinel: it listens, joins the gossip and opens its Raft state. It runs until Close.
func New(cfg Config) (*Sentinel, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := cfg.fitClients(); err != nil {
		return nil, fmt.Errorf("sentinel: maxclients: %w", err)
	}
	id, err := cfg.Storage.id(cfg.Rand)
	if err != nil {
		return nil, err
	}
	if removed, err := cfg.Storage.get(keyRemoved); err != nil {
		return nil, err
	} else if removed != nil {
		return nil, errors.New("sentinel: it was removed from the quorum for good; to have it join anew give it " +
			"another, empty --dir")
	}
	self := &identity{id: id, level: cfg.Level}
	if installed, err := cfg.Storage.get(keyInstalled); err != nil {
		return nil, err
	} else if installed != nil {
		text := string(installed)
		self.firm.Store(&text)
	}
	stored, err := cfg.Storage.loadJudgement()
	if err != nil {
		return nil, err
	}
	if err := cfg.Storage.saveJudgement(stored); err != nil {
		return nil, fmt.Errorf("sentinel: its disk takes no writes: %w", err)
	}
	s := &Sentinel{
		cfg: cfg, log: cfg.Logger.With("sentinel", id[:8]), id: id, self: self, incarnation: randomID(cfg.Rand),
		started: cfg.Clock(), now: cfg.Clock, table: commandTable(), leave: make(chan struct{}),
		wakeWatch: make(chan struct{}, 1), wakeReport: make(chan struct{}, 1), wakeLead: make(chan struct{}, 1),
		wakeHeart: make(chan struct{}, 1),
		state:     plan.NewState(), watches: map[string]*watch{}, masters: map[string]*master{},
		verdicts: map[string]verdict{},
		reports:  map[string]received{}, handovers: map[string]*handover{}, dead: map[string]inEpoch{},
		calm:   map[string]inEpoch{},
		alarms: map[string]*alarms{}, news: make(chan struct{}),
		strangers: map[string]stranger{},
	}
	s.front.init(host{&s.pause, s.now})
	for group, j := range stored.Groups {
		s.watches[group] = newWatch(s.started, j)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.disk = &disk{ctx: s.ctx, out: s.log}
	s.cfg.Storage = cfg.Storage.on(s.disk)
	if err := s.prove(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.done.Go(s.watchLoop)
	s.done.Go(s.reportLoop)
	s.done.Go(s.leadLoop)
	s.done.Go(s.heartbeatLoop)
	s.done.Go(s.electionLoop)
	s.done.Go(s.helloLoop)
	if _, exposed := membership.Exposed(cfg.Bind, cfg.AnnounceIP); exposed && s.member == nil {
		s.done.Go(s.warnLoop)
	}
	s.log.Info("sentinel started", "addr", s.addr, "raft", s.raftAddr, "id", id)
	return s, nil
}

// prove makes what this sentinel proves itself with.
func (s *Sentinel) prove() (err error) {
	if s.cfg.secret() == "" {
		return nil
	}
	if s.cfg.GroupKey == "" {
		s.log.Warn(membership.PasswordWarning)
	}
	if s.keys, err = membership.Derive(s.cfg.secret()); err != nil {
		return fmt.Errorf("sentinel: %w", err)
	}
	if s.member, err = s.keys.Member(membership.Peer{Kind: membership.Sentinel, Name: s.id}); err != nil {
		return fmt.Errorf("sentinel: %w", err)
	}
	return nil
}

// warnLoop says every hour that strangers are taken for members.
func (s *Sentinel) warnLoop() {
	for more := true; more; more = s.sleep(time.Hour, nil) {
		s.log.Warn(membership.InsecureWarning)
	}
}

// open brings up the parts in the order in which they need each other. Whoever the gossip tells to come waits in the
// listener until it is served.
func (s *Sentinel) open() error {
	raftListener, err := s.cfg.Network.Listen(s.cfg.listenAddr(s.cfg.RaftPort))
	if err != nil {
		return fmt.Errorf("listen for raft: %w", err)
	}
	s.raftAddr = s.cfg.announce(boundPort(raftListener, s.cfg.RaftPort))
	raftListener = transport.Bound(raftListener, maxRaftStreams)
	book := &addressBook{self: s.id, addr: s.raftAddr}
	layer := newStreamLayer(raftListener, s.cfg.Network, s.member, s.self, s.raftAddr,
		func(who string, why error) { s.refuse(who, true, false, why) })
	layer.elsewhere = book.elsewhere
	s.quorum, err = openQuorum(s.cfg, s.disk, layer, book, &fsm{state: s.state, level: s.cfg.Level, changed: s.adopt,
		log: s.log})
	if err != nil {
		return err
	}
	listener, err := s.cfg.Network.Listen(s.cfg.listenAddr(s.cfg.Port))
	if err != nil {
		return fmt.Errorf("listen for clients: %w", err)
	}
	port := s.cfg.AnnouncePort
	if port == 0 {
		port = boundPort(listener, s.cfg.Port)
	}
	s.addr = s.cfg.announce(port)
	s.ports = &sequencedListener{Listener: listener, now: s.now, traffic: &s.traffic}
	s.announced = announcement{id: s.self.installation()}
	s.gossip, err = openGossip(s.cfg, s.keys.Gossip(), cluster.Node{
		Kind: gossipKind, Name: s.id, Addr: s.addr, RaftAddr: s.raftAddr, Incarnation: s.incarnation,
		Installation: s.announced.id,
	}, func() { wake(s.wakeLead) }, s.refuseGossip)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	s.disk.onChange(s.gossip.SayDisk)
	book.use(s.raftAddrOf, s.raftAddrElsewhere)
	s.server = server.Serve(s.ports, s.log, s.serve)
	return nil
}

// maxRaftStreams is above what the others open: the leader a few to each, who wants votes one.
const maxRaftStreams = 24

// boundPort is the port really listened on, as port 0 asks for any.
func boundPort(l net.Listener, asked int) int {
	if asked != 0 {
		return asked
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return asked
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return asked
	}
	return n
}

// ID is the sentinel's id: 40 hex digits, the same for every start on the same storage.
func (s *Sentinel) ID() string { return s.id }

// Addr is the announced address for clients.
func (s *Sentinel) Addr() string { return s.addr }

// Run waits until ctx ends or a client sends SHUTDOWN, then closes the sentinel.
func (s *Sentinel) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-s.leave:
	case <-s.ctx.Done():
	}
	return s.Close()
}

// Close stops the sentinel and waits for all it started, in the reverse order of open. The storage stays open.
func (s *Sentinel) Close() error {
	s.closeOnce.Do(func() {
		var errs []error
		s.cancel()
		if s.gossip != nil {
			if s.retired.Load() {
				if err := s.gossip.Leave(leavePatience); err != nil {
					s.log.Debug("the others have to find out that this sentinel has gone", "error", err)
				}
			}
			errs = append(errs, s.gossip.Close())
		}
		if s.server != nil {
			errs = append(errs, s.server.Close())
		}
		s.done.Wait()
		if s.quorum != nil {
			errs = append(errs, s.quorum.close())
		}
		s.closeErr = errors.Join(errs...)
		s.log.Info("sentinel stopped")
	})
	return s.closeErr
}

func (s *Sentinel) shutdown() { s.leaveOnce.Do(func() { close(s.leave) }) }

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// sleepTick waits for the next tick of interval d, for a wake-up, or for the end; only the end gives false.
func (s *Sentinel) sleepTick(d time.Duration, wakeup <-chan struct{}) bool {
	return s.sleep(cluster.Tick(s.now(), d), wakeup)
}

// sleep waits for d, for a wake-up, or for the end; only the end gives false.
func (s *Sentinel) sleep(d time.Duration, wakeup <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-s.ctx.Done():
		return false
	case <-wakeup:
	case <-t.C:
	}
	return true
}

// pace is the time between the heartbeats of nodes whose down-after is the shortest: how often things are looked at
// that nobody wakes the loops for, and reports are sent that tell nothing new.
func (s *Sentinel) pace() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	shortest := s.cfg.DownAfter
	for _, g := range s.state.Groups {
		shortest = min(shortest, plan.DownAfter(g.Settings))
	}
	return min(max(shortest/beats, 5*time.Millisecond), time.Second)
}

// group is the agreed group, or an empty one with the settings it would begin with. The caller holds mu.
func (s *Sentinel) group(name string) cluster.Group {
	if g, ok := s.state.Groups[name]; ok {
		return g
	}
	return cluster.Group{Name: name, Settings: s.cfg.settings()}
}

// watch finds or begins the watch of a group. The caller holds mu.
func (s *Sentinel) watch(name string, now time.Time) *watch {
	w := s.watches[name]
	if w == nil {
		w = newWatch(now, groupJudgement{})
		s.watches[name] = w
	}
	return w
}

// adopt takes over a state that Raft has committed. Raft calls it, one state after the other.
func (s *Sentinel) adopt(next *plan.State) {
	now := s.now()
	s.mu.Lock()
	old := s.state
	s.state = next
	s.self.agreed.Store(int64(next.Level.OrBase()))
	if len(next.Voters) != len(old.Voters) {
		for _, w := range s.watches {
			w.floor = now // see acceptance.accepts
		}
	}
	var pushes []push
	for name, g := range next.Groups {
		was := old.Groups[name]
		if g.Epoch == was.Epoch && next.Ignored[name] == old.Ignored[name] {
			continue
		}
		s.watch(name, now).adopt(g, now)
		s.adoptMaster(g, now)
		s.publishChange(was, g, next.Ignored[name], old.Ignored[name])
		if g.Epoch > was.Epoch {
			pushes = append(pushes, s.pushesOf(g)...)
		}
	}
	s.publishSentinels(old, next)
	gone := next.Removed[s.id] && !old.Removed[s.id]
	s.mu.Unlock()
	if gone {
		if err := s.retire(); err != nil {
			s.log.Error("cannot write the storage", "error", err)
		}
	}
	for _, p := range pushes {
		s.cfg.Steps.At(steps.TellNode)
		s.front.send(p.link, p.data)
	}
	wake(s.wakeWatch)
	wake(s.wakeReport)
	wake(s.wakeLead)
}
