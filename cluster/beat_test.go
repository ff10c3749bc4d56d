package cluster

import (
	"testing"
	"time"
)

func TestBeat(t *testing.T) {
	now := time.Unix(100, int64(30*time.Millisecond))
	b := NewBeat(func() time.Time { return now }, 200*time.Millisecond)
	if got := b.Next(); got != 170*time.Millisecond {
		t.Errorf("at 30 ms of 200 the next is in %v", got)
	}
	b.Set(40 * time.Millisecond)
	if got := b.Next(); got != 50*time.Millisecond {
		t.Errorf("at 30 ms of 40 the next but one is in %v", got)
	}
	if b.Set(0); b.Interval() != time.Millisecond {
		t.Errorf("no interval is %v", b.Interval())
	}
}
