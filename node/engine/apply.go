package engine

import (
	"errors"
	"fmt"
	"math"

	"holdfast/internal/rules"
	"holdfast/replication"
	"holdfast/resp"
)

const (
	// maxQuick is how long a command of a few arguments may be that is executed before what comes behind it is read.
	maxQuick = 64 << 10
	// maxBehind bounds what is appended and not executed.
	maxBehind = 64 << 20
	// maxCatchUp bounds it while no client's command runs, but what is behind is executed: else a replica that is
	// slower than its master would fall behind for ever, and have all of that to do before it could lead.
	maxCatchUp = 256 << 10
)

// ErrMayTakeLong is the answer of Commands where only what is quick is to run.
var ErrMayTakeLong = errors.New("the command may take long")

// Source is a predecessor whose log is applied.
type Source struct{ _ byte }

// ErrSuperseded refuses what comes from a predecessor that is followed no more.
var ErrSuperseded = errors.New("the node follows somebody else now")

// Follow has what comes from a source be taken, and from no other; nil: from none. It needs the lock, and that nothing
// is appended meanwhile.
func (e *Engine) Follow(s *Source) { e.source = s }

// Current says why nothing more is taken from a source. It needs the lock.
func (e *Engine) Current(s *Source) error {
	if rules.FenceOldEpochs && !e.Follows(s) {
		return ErrSuperseded
	}
	return nil
}

// Follows reports whether it is a source's bytes that are taken. It needs the lock.
func (e *Engine) Follows(s *Source) bool { return e.source == s }

// Apply takes what comes from the predecessor into the log, and executes it, unless somebody else executes, or it may
// take long. It waits for nobody, as long as not too much is behind.
func (e *Engine) Apply(batch []replication.Entry, from *Source) error {
	woken, err := e.take(batch, from)
	e.Publish()
	wake(woken)
	return err
}

func (e *Engine) take(batch []replication.Entry, from *Source) (woken []Waker, err error) {
	if behind := e.Log.End() - e.at.Load(); e.behind.Load() &&
		(behind > maxBehind || behind > maxCatchUp && e.settling.Load()) {
		e.settleBehind()
	}
	e.appending.Lock()
	if err = e.Current(from); err == nil {
		err = e.Broken()
	}
	if err != nil {
		e.appending.Unlock()
		return nil, err
	}
	done, locked := 0, false
	if !e.behind.Load() {
		if locked = e.turn.TryLock(); locked {
			e.begin()
			done, err = e.appendQuick(batch)
		}
	}
	torn := err != nil
	if rest := batch[done:]; err == nil && len(rest) > 0 {
		err = e.leaveBehind(rest)
		torn = err != nil && done > 0
	}
	if torn {
		e.fail(err) // before anybody sees the half of a transaction
	}
	e.Log.Flush()
	e.appending.Unlock()
	switch {
	case locked:
		e.open = true
		_, woken = e.leave()
	case e.turn.TryLock(): // who had it may have given it up before there was something to see
		e.begin()
		e.open = true
		_, woken = e.leave()
	}
	return woken, err
}

// appendQuick executes and appends what is quick, up to the first that is not. It needs turn and appending.
func (e *Engine) appendQuick(batch []replication.Entry) (done int, err error) {
	now := e.Now().UnixMilli()
	for _, entry := range batch {
		if len(entry.Raw) > maxQuick {
			break
		}
		err := e.Execute(entry.Args, now, true)
		if errors.Is(err, ErrMayTakeLong) {
			break
		}
		if err != nil {
			return done, fmt.Errorf("at offset %d: %w", e.Log.End(), err)
		}
		if rules.AppendEverything || len(entry.Raw) != len(pingWire) {
			e.changes.mark(e.Log.Append(entry.Raw))
		}
		done++
	}
	if done == len(batch) { // else the rest may be of the same transaction: who waits for its keys is served behind it
		e.applied(true)
	}
	return done, nil
}

// applied answers who waits for what the log has changed. stage: nobody else will stage what clients got by it.
func (e *Engine) applied(stage bool) {
	if e.serveBlocked(); stage {
		e.stage()
	}
}

// leaveBehind appends what is to be executed later, unless it is nothing that this node could execute. It needs
// appending.
func (e *Engine) leaveBehind(rest []replication.Entry) error {
	for _, entry := range rest {
		if err := e.Commands.Accept(entry.Args); err != nil {
			return fmt.Errorf("at offset %d: %w", e.Log.End(), err)
		}
	}
	if e.tap == nil {
		end := e.Log.End()
		e.tap, e.fed, e.stream = e.Log.Tap(end), end, resp.Parser{}
		// the master has judged its clients' input already
		e.stream.SetLimits(resp.Limits{MaxBulk: math.MaxInt64, MaxQuery: math.MaxInt64})
		e.at.Store(end)
	}
	e.behind.Store(true)
	for _, entry := range rest {
		e.Log.Append(entry.Raw)
	}
	return nil
}

// Execute executes one command of a log, at a time in unix milliseconds. With onlyQuick one that may take long is left,
// and ErrMayTakeLong the answer. It needs the lock.
func (e *Engine) Execute(args [][]byte, now int64, onlyQuick bool) error {
	return e.Commands.Apply(args, now, onlyQuick)
}

// catchUp has what is behind executed by a goroutine: who appends has more to read, and who has just had a turn was to
// serve clients.
func (e *Engine) catchUp() {
	if !e.catching.CompareAndSwap(false, true) {
		return
	}
	e.Go(func() {
		e.turn.Lock()
		e.catching.Store(false)
		e.settleOpen()
	})
}

// settleBehind executes what is behind, while more may be appended.
func (e *Engine) settleBehind() {
	e.turn.Lock()
	e.settleOpen()
}

// settleOpen needs turn, and gives it up.
func (e *Engine) settleOpen() {
	e.begin()
	if e.behind.Load() {
		e.settle(true)
	}
	e.open = true
	_, woken := e.leave()
	wake(woken)
}

// settleAll executes what is behind, and keeps appending so that it stays so. stage: nobody else will stage what
// clients got by it.
func (e *Engine) settleAll(stage bool) {
	for {
		e.appending.Lock()
		if !e.behind.Load() {
			return
		}
		e.appending.Unlock()
		e.settle(stage)
	}
}

// settle executes what is behind as it begins. It needs turn, and not appending.
func (e *Engine) settle(stage bool) {
	e.appending.Lock()
	tap, end := e.tap, e.Log.End()
	e.appending.Unlock()
	e.settling.Store(true)
	err := e.execute(tap, end)
	e.settling.Store(false)
	e.applied(stage)
	e.appending.Lock()
	defer e.appending.Unlock()
	switch {
	case err != nil:
		e.fail(err)
	case e.fed == e.Log.End():
		e.caughtUp()
	}
}

// caughtUp needs appending.
func (e *Engine) caughtUp() {
	if e.tap != nil {
		e.tap.Close()
	}
	e.tap, e.chunks = nil, nil
	e.behind.Store(false)
}

// execute executes what tap reads up to end, which is the end of a command, and of a transaction.
func (e *Engine) execute(tap *replication.Reader, end int64) error {
	for e.fed < end {
		if len(e.chunks) == 0 {
			var err error
			if e.chunks, err = tap.Poll(); err != nil {
				return err
			}
			if len(e.chunks) == 0 {
				return errors.New("the log ends before it should")
			}
		}
		piece := e.chunks[0][:min(int64(len(e.chunks[0])), end-e.fed)]
		fed := copy(e.stream.Space(len(piece)), piece) // no further than to the end of a long argument
		e.stream.Fill(fed)
		e.fed += int64(fed)
		if e.chunks[0] = e.chunks[0][fed:]; len(e.chunks[0]) == 0 {
			e.chunks = e.chunks[1:]
		}
		for {
			args, err := e.stream.Next()
			if err != nil {
				return err
			}
			if args == nil {
				break
			}
			// each is a command of its own: that many are behind keeps nobody busy for long
			e.since.Store(max(e.Clock(), 1))
			if err := e.Execute(args, e.Now().UnixMilli(), false); err != nil {
				return fmt.Errorf("at offset %d: %w", e.at.Load(), err)
			}
			e.changes.mark(e.at.Add(int64(len(e.stream.LastRaw()))))
		}
	}
	return nil
}
