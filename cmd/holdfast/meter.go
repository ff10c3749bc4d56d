package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"holdfast/migrate"
)

const (
	drawEvery = 200 * time.Millisecond // on a terminal
	lineEvery = 5 * time.Second        // elsewhere
)

// meter shows how far an import is: as a bar on a terminal, as lines elsewhere.
type meter struct {
	out      io.Writer
	progress *migrate.Progress
	terminal bool
	began    time.Time
	done     chan struct{}
	ended    chan struct{}

	mu  sync.Mutex // one writes to out
	bar *progressbar.ProgressBar
}

func newMeter(out io.Writer, p *migrate.Progress) *meter {
	m := &meter{out: out, progress: p, terminal: isTerminal(out), began: time.Now(), done: make(chan struct{}),
		ended: make(chan struct{})}
	every := lineEvery
	if m.terminal {
		every = drawEvery
		m.bar = progressbar.NewOptions64(-1, progressbar.OptionSetWriter(out), progressbar.OptionShowBytes(true),
			progressbar.OptionShowTotalBytes(true),
			progressbar.OptionUseIECUnits(true), progressbar.OptionSetWidth(24),
			progressbar.OptionShowDescriptionAtLineEnd(), progressbar.OptionClearOnFinish())
	}
	go m.run(every)
	return m
}

func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (m *meter) run(every time.Duration) {
	defer close(m.ended)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-m.done:
			return
		case <-tick.C:
			m.draw()
		}
	}
}

func (m *meter) draw() {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.progress
	read, total := p.Bytes.Load(), p.Total.Load()
	if !m.terminal {
		rate := bytesText(int64(float64(read) / time.Since(m.began).Seconds()))
		share := ""
		if total > 0 && read <= total {
			share = fmt.Sprintf(" (%d%%)", read*100/total)
		}
		fmt.Fprintf(m.out, "%s%s, %s/s\n", tally(p), share, rate)
		return
	}
	// A bar that is full is finished for good, and a server's log goes on behind its snapshot.
	if total > read {
		m.bar.ChangeMax64(total)
	} else {
		m.bar.ChangeMax64(-1)
	}
	m.bar.Describe(counts(p))
	_ = m.bar.Set64(read) // what a terminal can't show is nothing to stop for
}

// say writes a line of its own.
func (m *meter) say(line string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bar != nil {
		_ = m.bar.Clear()
	}
	fmt.Fprintln(m.out, line)
}

func (m *meter) stop() {
	close(m.done)
	<-m.ended
	if m.bar != nil {
		_ = m.bar.Clear()
	}
}

// tally is what was done so far.
func tally(p *migrate.Progress) string { return bytesText(p.Bytes.Load()) + ", " + counts(p) }

func counts(p *migrate.Progress) string {
	text := fmt.Sprintf("%d keys", p.Keys.Load())
	if n := p.Commands.Load(); n > 0 {
		text += fmt.Sprintf(", %d commands", n)
	}
	if n := p.Busy.Load(); n > 0 {
		text += fmt.Sprintf(", %d left as they are", n)
	}
	if n := p.Behind.Load(); n >= 0 && p.Following.Load() {
		text += fmt.Sprintf(", %d bytes behind", n)
	}
	return text
}
