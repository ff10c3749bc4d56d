package replication

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// BlockSize is the unit in which a log takes and gives back memory.
const BlockSize = 64 << 10

const (
	defaultLimit       = 1 << 20   // repl-backlog-size
	defaultReaderLimit = 256 << 20 // client-output-buffer-limit replica
	maxFormer          = 64        // former ids that a log remembers
	maxSpare           = 8         // trimmed blocks kept to be written again
)

// LogConfig is what a Log is made with.
type LogConfig struct {
	Position    Position // where the log begins
	Limit       int64    // bytes of history kept for partial synchronisation; 0: 1 MiB
	ReaderLimit int64    // bytes that one reader, or an uncommitted tail, may hold back besides a giant; 0: 256 MiB
	OnCommit    OnCommit // nil ok
}

// OnCommit is told, outside the log's lock, that the commit point moved otherwise than by Flush; acked: a follower's
// word moved it.
type OnCommit func(commit int64, acked bool)

type block [BlockSize]byte

// Log is the replication log in memory: a run of bytes, addressed by offset, from First to End, in blocks of a fixed
// size. One goroutine at a time appends (the node, under its execution lock); any number read.
type Log struct {
	cfg LogConfig

	// Owned by the appender.
	tail *block // the block written to
	used int    // bytes of it
	at   int64  // the offset after the last appended byte

	end    atomic.Int64 // at, for everybody
	commit atomic.Int64 // tracker.Commit, for everybody

	mu          sync.Mutex // guards the rest
	lineage     Lineage
	blocks      []*block
	base        int64 // offset of the first byte of blocks[0]
	published   int64 // the end at the last Flush
	spare       []*block
	readers     []*Reader
	limit       int64
	readerLimit int64
	tracker     Tracker
	history     History // what is on disk; nil: nothing
	oldest      int64   // with a history: its first byte
	ackedAt     time.Time
	advanced    chan struct{} // closed when the commit point moves; nil: nobody waits
	watchers    []*func()     // replaced, never changed

	unacknowledged, unstored waitAge // see Delays
	giantFrom, giantEnd      int64
	giants                   []span // of what is in memory

	progress progress
}

// NewLog makes an empty log that begins at cfg.Position, alone (see SetChain) in epoch 0.
func NewLog(cfg LogConfig) *Log {
	l := &Log{cfg: cfg, lineage: Lineage{ID: cfg.Position.ID}}
	l.limit, l.readerLimit = cfg.Limit, cfg.ReaderLimit
	if l.limit <= 0 {
		l.limit = defaultLimit
	}
	if l.readerLimit <= 0 {
		l.readerLimit = defaultReaderLimit
	}
	l.begin(cfg.Position.Offset)
	return l
}

// begin empties the log; it needs mu, except in NewLog.
func (l *Log) begin(offset int64) {
	l.blocks, l.spare, l.tail, l.used = nil, nil, nil, BlockSize
	l.at, l.base, l.published = offset, offset, offset
	l.end.Store(offset)
	l.tracker.Reset(offset)
	l.unacknowledged.reset()
	l.unstored.reset()
	l.giantFrom, l.giantEnd, l.giants = 0, 0, nil
	l.commit.Store(l.tracker.Commit)
}

// Append adds p and returns the new end. It wakes nobody: call Flush once after a batch of them. Only the holder of
// the execution lock may append.
func (l *Log) Append(p []byte) (end int64) {
	counts := len(p) > giant
	for len(p) > 0 {
		if l.used == BlockSize {
			l.roll()
		}
		n := copy(l.tail[l.used:], p)
		l.used += n
		l.at += int64(n)
		p = p[n:]
		if counts {
			l.progress.taken.Add(int64(n))
		}
	}
	l.end.Store(l.at)
	return l.at
}

// roll begins the next block, after trimming what nobody needs any more.
func (l *Log) roll() {
	l.mu.Lock()
	lagged := l.trim(l.at)
	var b *block
	if n := len(l.spare); n > 0 {
		b = l.spare[n-1]
		l.spare = l.spare[:n-1]
	} else {
		b = new(block)
	}
	l.blocks = append(l.blocks, b)
	l.tail, l.used = b, 0
	l.mu.Unlock()
	for _, r := range lagged {
		r.dropped()
	}
}

// Flush shows readers what was appended since the last Flush and wakes those that wait; of a log that is kept on disk,
// Stored does. Feeder.Push is to follow, outside the execution lock. When the log is alone that is committed by then;
// OnCommit is not called for it, for who appends knows.
func (l *Log) Flush() {
	l.mu.Lock()
	if l.published != l.at {
		l.noteGiant()
		l.published = l.at
		l.tracker.Settle(l.at)
		l.commitMoved()
		if !l.tracker.waitsForDisk() {
			l.wakeReaders()
		}
	}
	l.mu.Unlock()
}

// wakeReaders needs mu.
func (l *Log) wakeReaders() {
	for _, r := range l.readers {
		if !r.pushed {
			r.wakeUp()
		}
	}
}

// trim gives up blocks at the front: all but the limit, except what is uncommitted and what readers still need, and
// of those never more than the reader limit and one giant. What was not published yet doesn't count: nobody could have
// read it. It returns the readers it has given up. It needs mu.
func (l *Log) trim(end int64) (lagged []*Reader) {
	keep := end - l.limit
	if l.tracker.Chain {
		keep = min(keep, l.tracker.Commit)
	}
	keep = max(keep, l.published-max(l.limit, l.readerLimit+l.largestGiant(keep)))
	reuse := end // blocks before it are in nobody's hands
	for _, r := range l.readers {
		reuse = min(reuse, r.pin)
		switch {
		case r.err != nil:
			continue
		case r.tap:
			keep = min(keep, r.pin)
			continue
		case l.history != nil:
			continue // it goes on reading on disk
		}
		if l.published-r.pin > l.readerLimit+l.largestGiant(r.pin) {
			r.fail(ErrLagged)
			lagged = append(lagged, r)
			continue
		}
		keep = min(keep, r.pin)
	}
	n := 0
	for n < len(l.blocks) && l.base+BlockSize <= keep {
		// A reader that was given up may still be writing from this block to its socket: then it is left to the
		// garbage collector, not written again.
		if l.base+BlockSize <= reuse && len(l.spare) < maxSpare {
			l.spare = append(l.spare, l.blocks[n])
		}
		l.base += BlockSize
		n++
	}
	l.blocks = slices.Delete(l.blocks, 0, n)
	l.giants = slices.DeleteFunc(l.giants, func(g span) bool { return g.end <= l.base })
	l.lineage.Formers = slices.DeleteFunc(l.lineage.Formers, func(f Former) bool { return f.Until < l.first() })
	return lagged
}

// ContinueAs goes on under another id from here: at a promotion, or because the predecessor did. Readers end at this
// offset, with ErrRenamed, so that followers ask again and learn it. The same id changes nothing.
func (l *Log) ContinueAs(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.lineage.ContinueAs(id, l.at) {
		return
	}
	for _, r := range l.readers {
		if !r.tap {
			r.stopAt = min(r.stopAt, l.at)
			r.wakeUp()
		}
	}
}

// Reset begins another log at pos, after a full synchronisation: the bytes and the former ids are gone, readers end
// with ErrReset, and the commit point falls back to what is known of the new log (all, when alone; else nothing).
func (l *Log) Reset(pos Position) {
	l.mu.Lock()
	l.begin(pos.Offset)
	l.lineage = Lineage{ID: pos.ID}
	if l.advanced != nil {
		close(l.advanced)
		l.advanced = nil
	}
	lost := slices.Clone(l.readers)
	for _, r := range lost {
		r.fail(ErrReset)
	}
	watchers := l.watchers
	l.mu.Unlock()
	for _, r := range lost {
		r.dropped()
	}
	tell(watchers)
}

// Resume is Lineage.Resume, of what the log has.
func (l *Log) Resume(asked Position) (from int64, ok bool, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lineage.Resume(asked, l.first(), l.published)
}

// SetLimits changes repl-backlog-size and the limit of a reader; values <= 0 leave what is.
func (l *Log) SetLimits(limit, readerLimit int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if limit > 0 {
		l.limit = limit
	}
	if readerLimit > 0 {
		l.readerLimit = readerLimit
	}
}

// End is the offset after the last appended byte: Redis's master_repl_offset. It takes no lock.
func (l *Log) End() int64 { return l.end.Load() }

// First is the offset of the oldest byte held in memory.
func (l *Log) First() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.base
}

// first is the offset of the oldest byte that a reader can have.
func (l *Log) first() int64 {
	if l.history != nil {
		return min(l.base, l.oldest)
	}
	return l.base
}

// ID is the id under which the log is written now.
func (l *Log) ID() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lineage.ID
}

// Position is the id and the end, read together.
func (l *Log) Position() Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Position{l.lineage.ID, l.end.Load()}
}

// LogInfo is the log as INFO shows it, in Redis's way of counting.
type LogInfo struct {
	ID           string // master_replid
	SecondID     string // master_replid2: the last former id, or 40 zeroes
	Offset       int64  // master_repl_offset
	SecondOffset int64  // second_repl_offset: -1 without a former id
	FirstByte    int64  // repl_backlog_first_byte_offset
	HistoryLen   int64  // repl_backlog_histlen
	Limit        int64  // repl_backlog_size
	Memory       int64  // bytes of all blocks
}

// Info describes the log.
func (l *Log) Info() LogInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	end := l.end.Load()
	info := LogInfo{ID: l.lineage.ID, SecondID: strings.Repeat("0", idDigits), Offset: end, SecondOffset: -1,
		FirstByte: wireOffset(l.base), HistoryLen: end - l.base, Limit: l.limit,
		Memory: int64(len(l.blocks)+len(l.spare)) * BlockSize}
	if n := len(l.lineage.Formers); n > 0 {
		last := l.lineage.Formers[n-1]
		info.SecondID, info.SecondOffset = last.ID, wireOffset(last.Until)
	}
	return info
}
