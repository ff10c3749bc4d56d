package aof

import (
	"sync"
	"time"
)

const (
	briefCall = time.Millisecond       // a call that takes less is brief
	callsSoon = 100 * time.Millisecond // so soon comes the next one, where one follows the other
	smallCall = 64 << 10               // bytes of a write that ought to be brief
)

// brief says of one kind of system call on a file whether Go's scheduler has to be told of the next one. It has to when
// that may take long: then another thread gets this one's processor meanwhile. To see when, the scheduler's monitor
// wakes every 20 µs, for a millisecond and more after each call that it is told of; with a client alone that is half of
// what a write costs. So of calls that follow each other and were brief it isn't told: the next one ought to be like
// the last one. Where it is not, because the disk begins to stall, it holds up what runs on this processor, once.
type brief struct {
	mu    sync.Mutex
	ended time.Time // of the last call; zero: it was not brief
}

// expected reports whether a call that begins now is expected to be brief.
func (b *brief) expected(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.ended.IsZero() && now.Sub(b.ended) < callsSoon
}

// took notes when a call began and ended.
func (b *brief) took(began, ended time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended = ended; ended.Sub(began) >= briefCall {
		b.ended = time.Time{}
	}
}
