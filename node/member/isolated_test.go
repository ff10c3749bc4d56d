package member

import (
	"testing"
	"time"
)

func TestStuck(t *testing.T) {
	var s Stalled
	begin := time.Now()
	for i, c := range []struct{ commit, end, at, want int64 }{
		{commit: 5, end: 5, at: 0, want: 0},
		{commit: 5, end: 6, at: 1, want: 0}, // from here on something waits
		{commit: 5, end: 9, at: 3, want: 2},
		{commit: 6, end: 9, at: 4, want: 0}, // it goes on
		{commit: 6, end: 9, at: 9, want: 5},
		{commit: 9, end: 9, at: 10, want: 0},
		{commit: 9, end: 9, at: 20, want: 0},
		{commit: 9, end: 12, at: 21, want: 0}, // what came before was no wait
		{commit: 9, end: 12, at: 22, want: 1},
	} {
		if got := s.noticed(c.commit, c.end, begin.Add(time.Duration(c.at))); got != time.Duration(c.want) {
			t.Errorf("step %d: %d, want %d", i, got, c.want)
		}
	}
}
