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
	"holdfast/resp"
)

// Sentinel is one running sentinel.
type Sentinel struct {
	cfg         Config
	log         *slog.Logger
	id          string // for all starts on the same storage
	incarnation string // of this start
	addr        string // announced to clients, nodes and sentinels
	raftAddr    string
	started     time.Time
	now         func() time.Time // judges who is down; monotonic

	quorum *quorum
	gossip roster
	server *resp.Server
	ports  *numbering // the client listener
	table  *resp.Table[*call]
	hub    *hub

	disk      *disk           // of cfg.Storage
	ctx       context.Context // ends when Close begins
	cancel    context.CancelFunc
	done      sync.WaitGroup // the loops
	closeOnce sync.Once
	closeErr  error
	leave     chan struct{} // closed when a client asked to shut down
	leaveOnce sync.Once
	retired   atomic.Bool // removed for good: it says goodbye

	commands atomic.Int64 // executed since the start

	// Each wakes a loop early; a full channel means it is awake already.
	wakeWatch, wakeReport, wakeLead chan struct{}

	mu        sync.Mutex // protects everything below; never held over I/O
	state     *State
	watches   map[string]*watch
	masters   map[string]*master
	verdicts  map[string]verdict   // of the leader, on itself too
	heardLead time.Time            // when the verdicts came
	ceded     time.Time            // when it last tried to have a better placed one lead
	reports   map[string]received  // on the leader: the last of each sentinel
	handovers map[string]*handover // on the leader: asked for and not done
	dead      map[string]inEpoch   // on the leader: no member of the chain has been left
	calm      map[string]inEpoch   // on the leader: it has led the group
	alarms    map[string]*alarms   // what subscribers were told
	links     map[uint64]*link
	news      chan struct{} // closed when a master is in doubt no more
	inTouch   bool          // as of the last tick
}

// New starts a sentinel: it listens, joins the gossip and opens its Raft state. It runs until Close.
func New(cfg Config) (*Sentinel, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	id, err := cfg.Storage.id(cfg.Rand)
	if err != nil {
		return nil, err
	}
	if removed, err := cfg.Storage.get(keyRemoved); err != nil {
		return nil, err
	} else if removed != nil {
		return nil, errors.New("sentinel: it was removed from the quorum for good; to have it join anew give it another, empty --dir")
	}
	stored, err := cfg.Storage.loadJudgement()
	if err != nil {
		return nil, err
	}
	if err := cfg.Storage.saveJudgement(stored); err != nil {
		return nil, fmt.Errorf("sentinel: its disk takes no writes: %w", err)
	}
	s := &Sentinel{
		cfg: cfg, log: cfg.Logger.With("sentinel", id[:8]), id: id, incarnation: randomID(cfg.Rand),
		started: cfg.Clock(), now: cfg.Clock, table: commandTable(), hub: newHub(), leave: make(chan struct{}),
		wakeWatch: make(chan struct{}, 1), wakeReport: make(chan struct{}, 1), wakeLead: make(chan struct{}, 1),
		state: newState(), watches: map[string]*watch{}, masters: map[string]*master{}, verdicts: map[string]verdict{},
		reports: map[string]received{}, handovers: map[string]*handover{}, dead: map[string]inEpoch{}, calm: map[string]inEpoch{},
		alarms: map[string]*alarms{}, links: map[uint64]*link{}, news: make(chan struct{}),
	}
	for group, j := range stored.Groups {
		s.watches[group] = newWatch(s.started, j)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.disk = &disk{ctx: s.ctx, out: s.log}
	s.cfg.Storage = cfg.Storage.on(s.disk)
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.done.Go(s.watchLoop)
	s.done.Go(s.reportLoop)
	s.done.Go(s.leadLoop)
	s.done.Go(s.helloLoop)
	s.log.Info("sentinel started", "addr", s.addr, "raft", s.raftAddr, "id", id)
	return s, nil
}

// open brings up the parts in the order in which they need each other. Whoever the gossip tells to come waits in the
// listener until it is served.
func (s *Sentinel) open() error {
	raftListener, err := s.cfg.Network.Listen(s.cfg.listenAddr(s.cfg.RaftPort))
	if err != nil {
		return fmt.Errorf("listen for raft: %w", err)
	}
	s.raftAddr = s.cfg.announce(boundPort(raftListener, s.cfg.RaftPort))
	s.quorum, err = openQuorum(s.cfg, s.id, s.disk, raftListener, s.raftAddr, &fsm{state: s.state, changed: s.adopt})
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
	s.ports = &numbering{Listener: listener, now: s.now}
	s.gossip, err = openGossip(s.cfg, s.id, s.incarnation, s.addr, s.raftAddr, func() { wake(s.wakeLead) })
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	s.server = resp.Serve(s.ports, s.log, s.serve)
	return nil
}

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

// pace is a tenth of the shortest down-after: how often things are looked at that nobody wakes the loops for.
func (s *Sentinel) pace() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	shortest := s.cfg.DownAfter
	for _, g := range s.state.Groups {
		shortest = min(shortest, downAfter(g.Settings))
	}
	return max(shortest/10, 5*time.Millisecond)
}

func downAfter(s cluster.Settings) time.Duration {
	return max(time.Duration(s.DownAfterMs)*time.Millisecond, minDownAfter)
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
func (s *Sentinel) adopt(next *State) {
	now := s.now()
	s.mu.Lock()
	old := s.state
	s.state = next
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
		s.tellChange(was, g, next.Ignored[name], old.Ignored[name])
		if g.Epoch > was.Epoch {
			pushes = append(pushes, s.pushesOf(g)...)
		}
	}
	s.tellSentinels(old, next)
	gone := next.Removed[s.id] && !old.Removed[s.id]
	s.mu.Unlock()
	if gone {
		if err := s.retire(); err != nil {
			s.log.Error("cannot write the storage", "error", err)
		}
	}
	for _, p := range pushes {
		s.log.Debug("telling a node", "connection", p.link.origin.number)
		p.link.send(p.data)
	}
	wake(s.wakeWatch)
	wake(s.wakeReport)
	wake(s.wakeLead)
}
