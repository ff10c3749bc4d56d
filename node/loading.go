package node

import (
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"holdfast/node/command"
)

// progress is how far a load has come: of dump.rdb, of the log on disk, or of a full copy from the master. Who loads counts, INFO looks.
type progress struct {
	logger  *slog.Logger
	from    string       // the file, or the master's address
	started time.Time    // as INFO shows it
	total   int64        // bytes; 0: not known before the end
	usedMem atomic.Int64 // bytes that the data took in the memory of who wrote the snapshot; 0: it does not say
	done    atomic.Int64 // bytes read
	told    time.Time    // when the last line was logged, at first the beginning
}

// progressEvery is the time between two lines about a load.
const progressEvery = 2 * time.Second

// beginLoad has INFO tell of a load until it is ended.
func (n *Node) beginLoad(from string, total int64) (p *progress, end func()) {
	p = &progress{logger: n.logger, from: from, started: n.now(), total: total, told: time.Now()}
	before := n.progress.Swap(p)
	return p, func() { n.progress.CompareAndSwap(p, before) }
}

// read counts, and now and then logs a line. It is called by the one who reads.
func (p *progress) read(bytes int) {
	p.done.Add(int64(bytes))
	now := time.Now()
	if now.Sub(p.told) < progressEvery {
		return
	}
	p.told = now
	s := p.state()
	p.logger.Info("loading", "from", p.from, "bytes", s.Done, "of", s.Total, "percent", int(s.Percent()))
}

func (p *progress) state() command.LoadProgress {
	return command.LoadProgress{Started: p.started, Total: p.total, UsedMemory: p.usedMem.Load(), Done: p.done.Load()}
}

// reader counts what is read from r.
func (p *progress) reader(r io.Reader) io.Reader { return progressReader{r, p} }

type progressReader struct {
	r io.Reader
	p *progress
}

func (r progressReader) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	r.p.read(n)
	return n, err
}

// loadProgress describes the load in hand, for INFO; nil when there is none.
func (n *Node) loadProgress() *command.LoadProgress {
	p := n.progress.Load()
	if p == nil {
		return nil
	}
	s := p.state()
	return &s
}
