package sentinel

import (
	"context"
	"strings"
	"sync"
	"time"
)

// pause is CLIENT PAUSE: what clients send is held back for a while. What members say to each other is not, nor is
// SHUTDOWN.
type pause struct {
	mu    sync.Mutex // protects both
	until time.Time
	over  chan struct{} // closed when it ends before its time; nil: there is none
}

// begin has clients wait until then, or for as long as they already do.
func (p *pause) begin(until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until.After(p.until) {
		p.until = until
	}
	if p.over == nil {
		p.over = make(chan struct{})
	}
}

func (p *pause) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over != nil {
		close(p.over)
	}
	p.until, p.over = time.Time{}, nil
}

// wait holds a command back.
func (p *pause) wait(ctx context.Context, command string) {
	if command == "shutdown" || strings.HasPrefix(command, "holdfast|") {
		return
	}
	for {
		p.mu.Lock()
		left, over := time.Until(p.until), p.over
		p.mu.Unlock()
		if over == nil || left <= 0 {
			return
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-over:
		case <-ctx.Done():
		}
		if timer.Stop(); ctx.Err() != nil {
			return
		}
	}
}
