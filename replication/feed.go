package replication

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/cluster"
	"holdfast/internal/steps"
	"holdfast/netloop"
	"holdfast/resp"
)

// Why a Feeder ends a link.
var (
	// ErrClosed: the feeder was closed.
	ErrClosed = errors.New("replication: feeder closed")
	// ErrEpoch: the follower has no place behind this member in the epoch it adopted.
	ErrEpoch = errors.New("replication: not a follower in the new epoch")
)

var errReplaced = errors.New("replication: the member has come on another connection")

// Snapshotter produces point-in-time images of the data for full synchronisations, one at a time.
type Snapshotter interface {
	// Snapshot fixes an image of the present. It may wait (for a running one to end); ctx ends that.
	Snapshot(ctx context.Context) (Snapshot, error)
}

// Snapshot is one image of the data, at a position of the log. In a chain the image must say which database the
// stream has selected there (Redis's aux field repl-stream-db), since the log goes on from it without a SELECT.
type Snapshot struct {
	Position Position // where in the log the image was fixed
	Image    Image
}

// Image writes itself as RDB; an error of the writer ends it. Close gives up what it holds, at any time.
type Image interface {
	io.WriterTo
	io.Closer
}

// FollowerInfo is what a follower said about itself before PSYNC.
type FollowerInfo struct {
	IP            string // REPLCONF ip-address, or the socket's
	ListeningPort int
	CapaEOF       bool           // takes a transfer whose length is not known before
	CapaPSYNC2    bool           // takes another id with +CONTINUE
	PlainSync     bool           // sent SYNC, not PSYNC: gets no +FULLRESYNC line
	IsMember      bool           // said hello: a member or learner of the group
	Epoch         uint64         // of that hello
	Member        cluster.Member // of that hello
}

// FeederConfig is what a Feeder is made with. Log, Snapshots, Random, Loops and Logger are required.
type FeederConfig struct {
	Log       *Log
	Snapshots Snapshotter
	Random    io.Reader            // for the marks that end transfers
	Timeout   func() time.Duration // repl-timeout; nil: 60 s
	Loops     *netloop.Loops       // serve the connections
	OnAck     func()               // called, outside locks, when a follower's own offset rose; nil ok
	OnChange  func()               // called, outside locks, when a follower came, went or changed state; nil ok
	Traffic   *Traffic             // is counted in; nil ok
	Steps     steps.Observer       // nil ok
	Logger    *slog.Logger
}

// Feeder serves the followers of this member: each gets, on the connection on which it sent PSYNC, what it lacks, and
// then the log as it grows.
type Feeder struct {
	cfg       FeederConfig
	copies    copies
	wg        sync.WaitGroup // a count for each ServeFollower
	strangers atomic.Int64   // links that are no member's

	mu     sync.Mutex     // guards the rest, and the mutable fields of the links
	group  cluster.Group  // see SetGroup
	self   cluster.Member // likewise
	links  []*link        // in the order in which they came
	lastID uint64
	closed bool

	online atomic.Pointer[[]*link] // links, for Push
}

// NewFeeder makes a feeder without followers.
func NewFeeder(cfg FeederConfig) *Feeder {
	if cfg.Traffic == nil {
		cfg.Traffic = new(Traffic)
	}
	return &Feeder{cfg: cfg}
}

// LinkState is where a follower's link stands, in Redis's words.
type LinkState string

// The states of a link.
const (
	LinkWaitSnapshot LinkState = "wait_bgsave"
	LinkTransfer     LinkState = "send_bulk"
	LinkOnline       LinkState = "online"
)

// FollowerStatus describes one link, for INFO, ROLE and CLIENT LIST.
type FollowerStatus struct {
	ID       uint64
	Info     FollowerInfo
	Addr     string // of its socket
	State    LinkState
	Offset   int64         // the follower's own end, as it last acknowledged
	Lag      time.Duration // since its last acknowledgement; negative before the first
	Since    time.Time
	Sent     int64 // the log was sent to here
	AckEpoch uint64
	// a member's: what it and those behind it hold, on disk where they keep one, as it knew in AckEpoch
	Held  int64
	Delay time.Duration // for how long the oldest byte that it does not hold has been there, see Log.Delays
}

// ServeFollower feeds the follower behind conn until the link ends: ctx, an error, a drop. It owns conn from here on
// and closes it. buffered are bytes that were already read past PSYNC.
func (f *Feeder) ServeFollower(ctx context.Context, conn net.Conn, buffered []byte, info FollowerInfo,
	ask Position) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l, err := f.register(conn, info, cancel)
	if err != nil {
		conn.Close()
		return err
	}
	defer f.unregister(l)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel(nil) // before the wait
	wg.Go(func() {
		<-ctx.Done()
		conn.Close()
	})
	if err := f.accept(info); err != nil {
		f.cfg.Traffic.PartialErr.Add(1)
		_, _ = l.out.Write([]byte("-" + oneLine(err) + "\r\n")) // it is refused whether it hears why or not
		return fmt.Errorf("replication: follower %s refused: %w", l.addr, err)
	}
	l.readAcks(buffered)
	defer l.conn.Stop()
	err = l.serve(ctx, ask)
	if cause := context.Cause(ctx); cause != nil {
		err = cause // what went wrong first; an error of the socket that was closed for it says less
	}
	f.cfg.Steps.At(steps.FollowerGone)
	f.cfg.Logger.Info("link to follower ended", "follower", l.addr, "member", info.Member.Name, "reason", err)
	return err
}

func (f *Feeder) register(conn net.Conn, info FollowerInfo, cancel context.CancelCauseFunc) (*link, error) {
	l := &link{feeder: f, conn: f.cfg.Loops.Open(conn), out: deadlineWriter{conn, f.cfg.Timeout, &f.cfg.Traffic.Sent},
		info:   info,
		cancel: cancel,
		addr:   conn.RemoteAddr().String(), since: time.Now(), firstAck: make(chan struct{}),
		takenBack: make(chan struct{}, 1), state: LinkWaitSnapshot}
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil, ErrClosed
	}
	f.lastID++
	l.id = f.lastID
	l.in.SetLimits(followerLimits)
	if !info.IsMember {
		f.strangers.Add(1)
	}
	for _, old := range f.links {
		if info.IsMember && old.info.IsMember && old.info.Member.Is(info.Member) {
			old.cancel(errReplaced) // its line may be dead, and nobody have noticed
		}
	}
	f.links = append(f.links, l)
	f.listed()
	f.wg.Add(1)
	f.mu.Unlock()
	f.changed()
	return l, nil
}

func (f *Feeder) unregister(l *link) {
	f.mu.Lock()
	if i := slices.Index(f.links, l); i >= 0 {
		f.links = slices.Delete(f.links, i, i+1)
		f.listed()
	}
	f.mu.Unlock()
	if !l.info.IsMember {
		f.strangers.Add(-1)
	}
	f.changed()
	f.wg.Done()
}

// Strangers counts the followers that are no members of the group.
func (f *Feeder) Strangers() int { return int(f.strangers.Load()) }

// followerLimits are far above what an acknowledgement takes.
var followerLimits = resp.Limits{MaxBulk: 64 << 10, MaxArgs: 1 << 10, MaxQuery: 256 << 10}

// listed needs mu.
func (f *Feeder) listed() {
	links := slices.Clone(f.links)
	f.online.Store(&links)
}

// Push sends followers what the log has got, as far as their connections take it at once. Whoever has flushed the log
// calls it, or, where it is kept on disk, has called Stored: outside the execution lock.
func (f *Feeder) Push() {
	if links := f.online.Load(); links != nil {
		for _, l := range *links {
			l.push()
		}
	}
}

func (f *Feeder) changed() {
	if f.cfg.OnChange != nil {
		f.cfg.OnChange()
	}
}

// Followers lists the links in the order in which they came.
func (f *Feeder) Followers() []FollowerStatus {
	f.mu.Lock()
	links := slices.Clone(f.links)
	f.mu.Unlock()
	return f.statusOf(links)
}

func (f *Feeder) statusOf(links []*link) []FollowerStatus {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]FollowerStatus, 0, len(links))
	for _, l := range links {
		s := FollowerStatus{ID: l.id, Info: l.info, Addr: l.addr, State: l.state, Offset: l.ack.offset, Lag: -1,
			Since: l.since, Sent: l.sent.Load(), AckEpoch: l.ack.epoch, Held: l.ack.offset}
		if l.ack.chain {
			s.Held = l.ack.commit
		}
		l.waits.moved(l.ack.progress, now)
		s.Delay = l.waits.age(f.cfg.Log.End(), s.Held, now)
		if !l.ackedAt.IsZero() {
			s.Lag = now.Sub(l.ackedAt)
		}
		all = append(all, s)
	}
	return all
}

// Acked counts the followers that hold the log up to offset by their own acknowledgement: Redis's WAIT.
func (f *Feeder) Acked(offset int64) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, l := range f.links {
		if l.state == LinkOnline && !l.ackedAt.IsZero() && l.ack.offset >= offset {
			n++
		}
	}
	return n
}

// Good counts the followers that are online and acknowledged within maxLag: Redis's min-replicas-to-write.
func (f *Feeder) Good(maxLag time.Duration) int {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, l := range f.links {
		if l.state == LinkOnline && !l.ackedAt.IsZero() && now.Sub(l.ackedAt) <= maxLag {
			n++
		}
	}
	return n
}

// accept judges a member when its link begins; the epoch may have moved on since it said hello.
func (f *Feeder) accept(info FollowerInfo) error {
	if !info.IsMember {
		return nil
	}
	f.mu.Lock()
	g, self := f.group, f.self
	f.mu.Unlock()
	return Hello{Group: g.Name, Epoch: info.Epoch, Member: info.Member, To: self}.Check("", g, 0, self)
}

// SetGroup has the feeder go by an epoch of the group, in which this member is self: it keeps the links of members that
// follow this one, and ends those of the others; followers outside the group stay. Call it after Log.SetChain. What the
// successor already acknowledged in this epoch, because it learned of it first, counts from here on.
func (f *Feeder) SetGroup(g cluster.Group, self cluster.Member) {
	f.mu.Lock()
	f.group, f.self = g, self
	links := slices.Clone(f.links)
	acks := make([]ack, len(links))
	for i, l := range links {
		acks[i] = l.ack
	}
	f.mu.Unlock()
	for i, l := range links {
		switch {
		case !l.info.IsMember:
		case !feeds(g, self, l.info.Member):
			l.cancel(ErrEpoch)
		case acks[i].chain && acks[i].epoch == g.Epoch:
			f.cfg.Log.Ack(g.Epoch, l.info.Member, acks[i].commit)
		}
	}
}

// feeds reports whether a member follows self.
func feeds(g cluster.Group, self, m cluster.Member) bool {
	before, ok := g.Predecessor(m)
	return ok && before.Is(self)
}

// DropAll ends every link, for reason.
func (f *Feeder) DropAll(reason error) { f.Drop(reason, func(FollowerStatus) bool { return true }) }

// Drop ends the links that match picks, and answers how many. It does not wait for them.
func (f *Feeder) Drop(reason error, match func(FollowerStatus) bool) int {
	f.mu.Lock()
	links := slices.Clone(f.links)
	f.mu.Unlock()
	n := 0
	for i, s := range f.statusOf(links) {
		if match(s) {
			links[i].cancel(reason)
			n++
		}
	}
	return n
}

// Close ends all links, refuses new ones, and waits until every ServeFollower has returned.
func (f *Feeder) Close() error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.DropAll(ErrClosed)
	f.wg.Wait()
	return nil
}
