package persist

import (
	"io"
	"log/slog"
	"sync/atomic"
	"time"
)

// Progress is how far a load has come: of dump.rdb, of the log on disk, or of a full copy from the master. Who loads
// counts, INFO looks.
type Progress struct {
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

// Begin has INFO tell of a load until it is ended.
func (l *Loader) Begin(from string, total int64) (p *Progress, end func()) {
	p = &Progress{logger: l.Logger, from: from, started: l.Now(), total: total, told: time.Now()}
	before := l.progress.Swap(p)
	return p, func() { l.progress.CompareAndSwap(p, before) }
}

// Count has the load in hand, if there is one, count bytes that were read.
func (l *Loader) Count(bytes int) {
	if p := l.progress.Load(); p != nil {
		p.read(bytes)
	}
}

// read counts, and now and then logs a line. It is called by the one who reads.
func (p *Progress) read(bytes int) {
	p.done.Add(int64(bytes))
	now := time.Now()
	if now.Sub(p.told) < progressEvery {
		return
	}
	p.told = now
	s := p.state()
	p.logger.Info("loading", "from", p.from, "bytes", s.Done, "of", s.Total, "percent", int(s.Percent()))
}

func (p *Progress) state() LoadProgress {
	return LoadProgress{Started: p.started, Total: p.total, UsedMemory: p.usedMem.Load(), Done: p.done.Load()}
}

// Reader counts what is read from r.
func (p *Progress) Reader(r io.Reader) io.Reader { return progressReader{r, p} }

type progressReader struct {
	r io.Reader
	p *Progress
}

func (r progressReader) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	r.p.read(n)
	return n, err
}

// Progress describes the load in hand, for INFO; nil when there is none.
func (l *Loader) Progress() *LoadProgress {
	p := l.progress.Load()
	if p == nil {
		return nil
	}
	s := p.state()
	return &s
}
