package replication

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"holdfast/cluster"
	"holdfast/internal/steps"
	"holdfast/membership"
	"holdfast/netloop"
	"holdfast/transport"
)

// Entry is one command of the stream: its arguments, and the bytes they came as.
type Entry struct {
	Args [][]byte
	Raw  []byte
}

// Applier is the node's side of following.
type Applier interface {
	// Apply executes batch, in order, and appends the Raw of each entry to the Log, also of those that change nothing
	// (PING, REPLCONF, SELECT), then flushes the log: all of it under the execution lock, so that data and log never
	// disagree. A transaction (MULTI … EXEC) always comes whole. The slices belong to the caller again afterwards.
	// After an error the data is taken for damaged, and copied whole again.
	Apply(batch []Entry) error
	// Continue has the log go on where it ends under the predecessor's id (Log.ContinueAs), under the execution lock.
	Continue(id string) error
	// Load reads an RDB image from r to its end (io.EOF), building a data set beside the present one; when it is whole
	// it swaps the two and calls Log.Reset(pos), both under the execution lock. On any error, also r's, it leaves data
	// and log as they are.
	Load(r io.Reader, pos Position) error
	// Rewind drops the log's end from offset on, which was never committed, and restores the data as it was there.
	// After an error, as where nothing is kept on disk, everything is copied.
	Rewind(offset int64) error
}

// FollowState is where a Follower stands, in the words of Redis's ROLE.
type FollowState string

// The states of a Follower, in order.
const (
	FollowConnect    FollowState = "connect"    // between two attempts
	FollowConnecting FollowState = "connecting" // dialing
	FollowHandshake  FollowState = "handshake"  // from PING to the answer to PSYNC
	FollowSync       FollowState = "sync"       // receiving a full copy
	FollowConnected  FollowState = "connected"  // receiving the log
)

// FollowConfig is what a Follower is made with. Network, Addr, Log, Applier, Loops and Logger are
// required.
type FollowConfig struct {
	Network        transport.Network
	Addr           string // of the predecessor, or the master outside a chain
	User, Password string // no AUTH without a password
	AnnounceIP     string // sent as REPLCONF ip-address, unless empty
	AnnouncePort   int    // sent as REPLCONF listening-port
	Log            *Log
	Applier        Applier
	Timeout        func() time.Duration // repl-timeout; nil: 60 s
	Beat           *cluster.Beat        // when it acknowledges also what is no news; nil: every second
	Loops          *netloop.Loops       // serve the connection
	OnState        func(FollowStatus)   // called, outside locks, when the state changed; nil ok
	Traffic        *Traffic             // is counted in; nil ok
	Steps          steps.Observer       // nil ok
	Logger         *slog.Logger

	// Proof has both sides prove who they are before anything is said, the other one that it is ProofOf; nil: nobody
	// asks.
	Proof   *membership.Member
	ProofOf membership.Peer

	Chain        bool           // a member or learner of Group: says hello, acknowledges with commit and epoch
	Group        string         // the fields below only matter in a chain
	Epoch        uint64         // that this member has adopted; see SetEpoch
	Member       cluster.Member // this member
	Upstream     cluster.Member // whom it means to follow
	Installation string         // of the member
	Level        cluster.Level  // the newest feature level that it understands
}

// FollowStatus describes a Follower.
type FollowStatus struct {
	State     FollowState
	Addr      string
	Upstream  cluster.Member
	LastIO    time.Time // when bytes came last; zero: never
	DownSince time.Time // since when the state isn't connected; zero while it is
	SyncTotal int64     // bytes of the running full copy; -1 while not known
	SyncRead  int64     // of them received
	Offset    int64     // the log's end
	LastError error     // why the last link ended
}

const (
	retryMin   = 50 * time.Millisecond
	retryMax   = time.Second
	retrySoon  = time.Millisecond      // the two are in different epochs: one of them will learn very soon,
	retryEpoch = 20 * time.Millisecond // in most cases
	ackEvery   = time.Second

	dialTimeout = 5 * time.Second
)

func (c *FollowConfig) ackEvery() time.Duration {
	if c.Beat == nil {
		return ackEvery
	}
	return c.Beat.Next()
}

// Follower follows one predecessor: it connects, asks to go on where the log ends or takes a full copy, applies what
// comes and acknowledges it, and begins again when the link breaks.
type Follower struct {
	cfg FollowConfig

	mu        sync.Mutex // guards the rest
	epoch     uint64
	status    FollowStatus
	poke      chan struct{}           // a token: acknowledge now
	forceFull bool                    // the data is damaged: ask for everything
	end       context.CancelCauseFunc // of the connection there is; nil: none
}

// NewFollower makes a follower that does nothing until Run.
func NewFollower(cfg FollowConfig) *Follower {
	if cfg.Traffic == nil {
		cfg.Traffic = new(Traffic)
	}
	return &Follower{cfg: cfg, epoch: cfg.Epoch, poke: make(chan struct{}, 1),
		status: FollowStatus{State: FollowConnect, Addr: cfg.Addr, Upstream: cfg.Upstream, DownSince: time.Now(),
			SyncTotal: -1}}
}

// Run follows until ctx ends. When it returns nothing of it is left running and the Applier will not be called again.
func (f *Follower) Run(ctx context.Context) {
	var backoff time.Duration
	var atOnce time.Time // when it was last tried again without waiting
	for {
		linked, err := f.attempt(ctx)
		f.setState(FollowConnect, err)
		if ctx.Err() != nil {
			return
		}
		level := slog.LevelInfo
		switch {
		case errors.Is(err, errStaleEpoch):
			backoff, level = min(max(2*backoff, retrySoon), retryEpoch), slog.LevelDebug
		case errors.Is(err, errRewound):
			backoff = 0
		case linked && time.Since(atOnce) > retryMax:
			// it worked until now: the reason is probably over, as when the log got another id
			backoff, atOnce = 0, time.Now()
		default:
			backoff = min(max(2*backoff, retryMin), retryMax)
		}
		f.cfg.Steps.At(steps.PredecessorGone)
		f.cfg.Logger.Log(ctx, level, "link to master ended", "master", f.cfg.Addr, "reason", err, "retry", backoff)
		if backoff == 0 {
			continue
		}
		select {
		case <-time.After(backoff):
		case <-ctx.Done():
			return
		}
	}
}

// attempt is the life of one connection. linked tells whether the stream was reached.
func (f *Follower) attempt(ctx context.Context) (linked bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	f.mu.Lock()
	f.end = cancel
	f.mu.Unlock()
	f.setState(FollowConnecting, nil)
	dialCtx, stopDial := context.WithTimeout(ctx, min(dialTimeout, timeoutOf(f.cfg.Timeout)))
	raw, err := f.cfg.Network.Dial(dialCtx, f.cfg.Addr)
	if err == nil && f.cfg.Proof != nil {
		if err = f.cfg.Proof.Prove(dialCtx, raw, f.cfg.ProofOf); err != nil {
			_ = raw.Close() // what went wrong is said
		}
	}
	stopDial()
	if err != nil {
		return false, fmt.Errorf("replication: connect to master: %w", err)
	}
	c := newUpstream(f, raw, cancel)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel(nil) // before the wait
	wg.Go(func() {
		<-ctx.Done()
		raw.Close()
	})
	f.setState(FollowHandshake, nil)
	answer, err := c.handshake()
	if err == nil {
		wg.Go(func() { c.acknowledge(ctx) })
		linked, err = c.follow(ctx, answer)
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return linked, err
}

// SetEpoch adopts an epoch in which the predecessor stays the same: the link is kept, and what this member holds is
// acknowledged anew. Call it after Log.SetChain.
func (f *Follower) SetEpoch(epoch uint64) {
	f.mu.Lock()
	f.epoch = max(f.epoch, epoch)
	f.mu.Unlock()
	wake(f.poke)
}

// Status describes the follower now.
func (f *Follower) Status() FollowStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.status
	s.Offset = f.cfg.Log.End()
	return s
}

// setState moves to another state, and tells the node.
func (f *Follower) setState(state FollowState, err error) {
	now := time.Now()
	f.mu.Lock()
	changed := f.status.State != state
	f.status.State = state
	switch {
	case state == FollowConnected:
		f.status.DownSince = time.Time{}
	case f.status.DownSince.IsZero():
		f.status.DownSince = now
	}
	if state != FollowSync {
		f.status.SyncTotal, f.status.SyncRead = -1, 0
	}
	if err != nil {
		f.status.LastError = err
	}
	f.mu.Unlock()
	if changed && f.cfg.OnState != nil {
		f.cfg.OnState(f.Status())
	}
}

// sawBytes notes that n bytes came; during a full copy they count as its progress.
func (f *Follower) sawBytes(n int) {
	now := time.Now()
	f.cfg.Traffic.Received.Add(int64(n))
	f.mu.Lock()
	f.status.LastIO = now
	if f.status.State == FollowSync {
		f.status.SyncRead += int64(n)
	}
	f.mu.Unlock()
}

// lastHeard is when bytes last came.
func (f *Follower) lastHeard() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status.LastIO
}

// wanted is what to ask for: what follows the log's end, or everything.
func (f *Follower) wanted() Position {
	f.mu.Lock()
	full := f.forceFull
	f.mu.Unlock()
	if full {
		return Position{}
	}
	return f.cfg.Log.Position()
}

func (f *Follower) setForceFull(full bool) {
	f.mu.Lock()
	f.forceFull = full
	f.mu.Unlock()
}

// CopyAnew says that the data is damaged, and why: the link ends, and everything is copied. It waits for nothing.
func (f *Follower) CopyAnew(reason error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forceFull = true
	if f.end != nil {
		f.end(fmt.Errorf("replication: a full copy is needed: %w", reason))
	}
}

// currentEpoch is what hello states.
func (f *Follower) currentEpoch() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.epoch
}

// errStaleEpoch: the predecessor is in another epoch than this member.
var errStaleEpoch = errors.New("replication: predecessor is in another epoch")

// errRewound: the log was cut back to where it and the predecessor's part; now it can ask again.
var errRewound = errors.New("replication: log was rewound")

// refusal turns an error reply into an error.
func refusal(line string) error {
	text := strings.TrimPrefix(line, "-")
	if strings.HasPrefix(text, staleEpoch) {
		return fmt.Errorf("%w: %s", errStaleEpoch, text)
	}
	return fmt.Errorf("replication: master refused: %s", text)
}

// rewind does what a refusal of PSYNC tells this member to do, if it says REWIND.
func (f *Follower) rewind(line string) error {
	text, ok := strings.CutPrefix(line, "-"+rewind+" ")
	if !ok {
		return refusal(line)
	}
	word, _, _ := strings.Cut(text, " ")
	offset, err := strconv.ParseInt(word, 10, 64)
	if err == nil {
		f.cfg.Steps.At(steps.DropEnd)
		f.cfg.Logger.Warn("dropping the log's end, which was never committed", "from", offset, "end", f.cfg.Log.End())
		err = f.cfg.Applier.Rewind(offset)
	}
	if err != nil {
		f.setForceFull(true)
		return fmt.Errorf("%w no further than before, a full copy is needed: %w", errRewound, err)
	}
	return errRewound
}
