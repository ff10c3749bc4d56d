package migrate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"holdfast/netloop"
	"holdfast/replication"
	"holdfast/resp"
	"holdfast/transport"
)

const (
	askEvery  = time.Second     // how far a followed server is
	askWait   = 2 * time.Second // for its answer
	catchUp   = 5 * time.Second // for what the source has written before the end
	catchStep = 10 * time.Millisecond
)

// Source is a server whose data is brought.
type Source struct {
	Server  Server
	Network transport.Network
	Follow  bool         // go on with its writes until the context ends
	Say     func(string) // is told what happens to the link
}

// Why following ends although nothing is wrong.
var (
	errCopied  = errors.New("all is copied")
	errStopped = errors.New("stopped")
)

// link follows a source; it is the replication.Applier of that.
type link struct {
	im     *Import
	from   *Source
	ctx    context.Context
	end    context.CancelCauseFunc
	log    *replication.Log
	loaded atomic.Bool
	lost   bool // the link to the source; known to the follower's goroutine
}

// Server brings the data of a server: its snapshot, as a replica gets it, and if so wanted what it writes from then on.
// When ctx ends while it follows, it waits a little for what the source has written by then. Then no error means that
// the target has all of it.
func (im *Import) Server(ctx context.Context, from Source) error {
	if from.Follow {
		if err := im.alone(); err != nil {
			return err
		}
	}
	run, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	l := &link{im: im, from: &from, ctx: run, end: end, log: replication.NewLog(replication.LogConfig{})}
	stop := context.AfterFunc(ctx, func() { l.interrupt(ctx) })
	defer stop()
	im.Progress.Behind.Store(-1)
	loops := netloop.New(netloop.Config{})
	defer func() { _ = loops.Close() }() // what they serve is closed
	f := replication.NewFollower(replication.FollowConfig{Network: from.Network, Addr: from.Server.Addr,
		User:     from.Server.User,
		Password: from.Server.Password, Log: l.log, Applier: l, Loops: loops, OnState: l.state,
		Logger: slog.New(slog.DiscardHandler)})
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		l.watch(f)
	}()
	f.Run(run)
	<-asked
	switch cause := context.Cause(run); {
	case errors.Is(cause, errCopied):
		return im.busy()
	case errors.Is(cause, errStopped):
		return nil
	default:
		return cause
	}
}

// Load brings the snapshot. There can be only one: what a second lacks, because it was deleted meanwhile, the target
// would keep.
func (l *link) Load(r io.Reader, pos replication.Position) (err error) {
	followed := l.log.Position()
	switch {
	case !l.loaded.Load():
		_, err = l.im.snapshot(l.ctx, r, 0)
	case pos.ID != followed.ID:
		l.im.Progress.Behind.Store(-1)
		err = &HistoryError{Addr: l.from.Server.Addr, Followed: followed, Now: pos}
	default:
		err = errors.New("the link to the source was broken for so long that only a full copy would help; empty the " +
			"target and begin again, and raise repl-backlog-size there")
	}
	if err == nil && !l.from.Follow {
		err = errCopied
	}
	if err != nil {
		l.end(err)
		return err
	}
	l.log.Reset(pos)
	l.loaded.Store(true)
	l.im.Progress.Following.Store(true)
	return nil
}

// Apply passes on what the source writes. It is acknowledged when the target has it.
func (l *link) Apply(batch []replication.Entry) error {
	var err error
	for _, e := range batch {
		if err = l.im.command(e.Args); err != nil {
			break
		}
	}
	if err == nil {
		err = l.im.To.settle()
	}
	if err != nil {
		l.end(err)
		return err
	}
	for _, e := range batch {
		l.log.Append(e.Raw)
		l.im.Progress.Bytes.Add(int64(len(e.Raw)))
	}
	l.log.Flush()
	return nil
}

// Rewind is only asked of members of a chain.
// Continue has the log go on under the source's id.
func (l *link) Continue(id string) error {
	l.log.ContinueAs(id)
	return nil
}

func (l *link) Rewind(int64) error { return errors.New("nothing can be taken back") }

// state hears how the link is. Until the snapshot is there any failure is the end.
func (l *link) state(s replication.FollowStatus) {
	news := ""
	switch {
	case s.State == replication.FollowConnected:
		l.lost = false
		news = fmt.Sprintf("following %s from offset %d of its log on", l.from.Server.Addr, s.Offset)
	case s.State != replication.FollowConnect:
	case !l.loaded.Load():
		l.end(fmt.Errorf("%s: %w", l.from.Server.Addr, s.LastError))
	case !l.lost && l.ctx.Err() == nil:
		l.lost = true
		news = fmt.Sprintf("lost %s, trying again: %v", l.from.Server.Addr, s.LastError)
	}
	if news != "" {
		l.from.Say(news)
	}
}

// interrupt ends an import: one that follows, when it has what the source had written by now.
func (l *link) interrupt(ctx context.Context) {
	if !l.from.Follow || !l.loaded.Load() {
		l.end(fmt.Errorf("not all was copied: %w", context.Cause(ctx)))
		return
	}
	wait, cancel := context.WithTimeout(l.ctx, catchUp)
	defer cancel()
	client, err := l.from.Server.Dial(wait, l.from.Network)
	if err == nil {
		defer client.Close()
		err = l.catchUp(wait, client)
	}
	if err != nil {
		err = fmt.Errorf("what the source wrote last may be missing: %w", err)
	} else {
		err = errStopped
	}
	l.end(err)
}

// HistoryError says that a source has come back with another history than the one that was followed: it was started
// without what it had written last, or has been made a replica of somebody else. What the target has of the old history
// may be what the source lacks now.
type HistoryError struct {
	Addr          string
	Followed, Now replication.Position
}

func (e *HistoryError) Error() string {
	return fmt.Sprintf("%s has another history than the one that was followed: its log is now %s at offset %d, and "+
		"was %s, of which the target has all up to offset %d; "+
		"it has lost what it wrote last, or was given other data, so the two can differ in both directions: empty "+
		"the target and begin again",
		e.Addr, e.Now.ID, e.Now.Offset, e.Followed.ID, e.Followed.Offset)
}

// catchUp waits until the target has all that the source had written when it was called. Offsets of another history say
// nothing: when the source has got a new one, which can also be one that goes on from the old, the link has to have
// gone over to it first.
func (l *link) catchUp(ctx context.Context, client *resp.Client) error {
	goal, err := position(ctx, client)
	if err != nil {
		return err
	}
	for {
		at := l.log.Position()
		if at.ID == goal.ID && at.Offset >= goal.Offset {
			l.im.Progress.Behind.Store(0)
			return nil
		}
		select {
		case <-time.After(catchStep):
		case <-l.ctx.Done():
			return context.Cause(l.ctx)
		case <-ctx.Done():
			return l.notCaughtUp(at, goal)
		}
		if at.ID == goal.ID {
			continue
		}
		// The link may have gone over to what is newer than the goal.
		switch now, err := position(ctx, client); {
		case err == nil:
			goal = now
		case ctx.Err() == nil && !errors.Is(err, context.DeadlineExceeded):
			// else the time is up, which the connection may notice first
			return err
		}
	}
}

// notCaughtUp says what is known of a source in the end, and what its goal was.
func (l *link) notCaughtUp(at, goal replication.Position) error {
	if at.ID != goal.ID {
		l.im.Progress.Behind.Store(-1)
		return &HistoryError{Addr: l.from.Server.Addr, Followed: at, Now: goal}
	}
	l.im.Progress.Behind.Store(goal.Offset - at.Offset)
	return fmt.Errorf("the source is %d bytes ahead", goal.Offset-at.Offset)
}

// watch keeps up to date how far the import is, until it ends.
func (l *link) watch(f *replication.Follower) {
	var client *resp.Client
	defer func() {
		if client != nil {
			client.Close()
		}
	}()
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-tick.C:
		}
		if s := f.Status(); s.SyncTotal > 0 {
			l.im.Progress.Total.Store(s.SyncTotal)
		}
		if l.loaded.Load() {
			client = l.measure(client)
		}
	}
}

// measure asks how far the source is, over a client that is made anew after an error.
func (l *link) measure(client *resp.Client) *resp.Client {
	ctx, cancel := context.WithTimeout(l.ctx, askWait)
	defer cancel()
	var err error
	if client == nil {
		if client, err = l.from.Server.Dial(ctx, l.from.Network); err != nil {
			l.im.Progress.Behind.Store(-1)
			return nil
		}
	}
	source, err := position(ctx, client)
	if err != nil {
		client.Close()
		l.im.Progress.Behind.Store(-1)
		return nil
	}
	if at := l.log.Position(); at.ID == source.ID {
		l.im.Progress.Behind.Store(max(0, source.Offset-at.Offset))
	} else {
		l.im.Progress.Behind.Store(-1) // until the link has gone over to it
	}
	return client
}

// position asks where a server's log ends, and what the log is called.
func position(ctx context.Context, client *resp.Client) (pos replication.Position, err error) {
	v, err := client.Do(ctx, "INFO", "replication")
	if err != nil {
		return pos, err
	}
	text := v.String()
	if pos.ID = infoLine(text, "master_replid"); pos.ID == "" {
		return pos, errors.New("the source does not tell its replication id")
	}
	pos.Offset, err = strconv.ParseInt(infoLine(text, "master_repl_offset"), 10, 64)
	return pos, err
}

// Info asks for a line of INFO; it answers "" when there is none.
func Info(ctx context.Context, client *resp.Client, section, name string) (string, error) {
	v, err := client.Do(ctx, "INFO", section)
	if err != nil {
		return "", err
	}
	return infoLine(v.String(), name), nil
}

func infoLine(text, name string) string {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Keys counts the keys of a server, or of one of its databases.
func Keys(ctx context.Context, client *resp.Client, only int) (total int64, err error) {
	v, err := client.Do(ctx, "INFO", "keyspace")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(v.String()) {
		var db int
		var keys int64
		if n, _ := fmt.Sscanf(line, "db%d:keys=%d", &db, &keys); n == 2 && (only == AllDatabases || db == only) {
			total += keys
		}
	}
	return total, nil
}
