package cluster

import (
	"sync/atomic"
	"time"
)

// Tick is how long to wait for the next of the times, interval apart, at which all members of an installation say what
// they have to say. As they share them as far as their clocks agree, whoever listens to many is woken once and not by
// each. A wait is between a half and one and a half of the interval, which must be positive.
func Tick(now time.Time, interval time.Duration) time.Duration {
	wait := interval - time.Duration(now.UnixNano())%interval
	if wait < interval/2 {
		wait += interval
	}
	return wait
}

// Beat says when a member next speaks. It may be used by several goroutines.
type Beat struct {
	now      func() time.Time
	interval atomic.Int64
}

// NewBeat makes one by a clock.
func NewBeat(now func() time.Time, interval time.Duration) *Beat {
	b := &Beat{now: now}
	b.Set(interval)
	return b
}

// Set changes the interval, which is a millisecond at least.
func (b *Beat) Set(interval time.Duration) { b.interval.Store(int64(max(interval, time.Millisecond))) }

// Interval is what lies between two times.
func (b *Beat) Interval() time.Duration { return time.Duration(b.interval.Load()) }

// Next is how long it is to the next time, see Tick.
func (b *Beat) Next() time.Duration { return Tick(b.now(), b.Interval()) }
