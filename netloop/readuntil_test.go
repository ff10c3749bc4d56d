package netloop

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
)

// TestReadUntil: what comes while the loops don't serve a connection can be read by its own goroutine until something
// else happens, and nothing is missed before or after; the end is found by who reads next.
func TestReadUntil(t *testing.T) {
	for _, wrapped := range []bool{false, true} {
		ours, theirs := tcpPair(t)
		if wrapped {
			ours = struct{ net.Conn }{ours}
		}
		l := newLoops(t, Config{Execute: execute})
		c := l.Open(ours)
		e := &echo{c: c, in: make([]byte, 1000), stop: 'x'}
		say := func(text []byte) {
			if _, err := theirs.Write(text); err != nil {
				t.Error(err)
			}
		}
		hear := func(want string) {
			t.Helper()
			got := make([]byte, len(want))
			if _, err := io.ReadFull(theirs, got); err != nil || string(got) != want {
				t.Fatalf("%q, %v: want %q", got, err, want)
			}
		}
		for range 3 {
			say([]byte("x"))
			if err := c.ServeBatched(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			e.sends.Wait()
			hear("x")
			ahead := bytes.Repeat([]byte("ahead"), 20_000)
			go say(ahead)
			var got []byte
			in, stop := make([]byte, 3000), make(chan struct{}, 1)
			err := c.ReadUntil(t.Context(), stop, func() []byte { return in }, func(n int) {
				if got = append(got, in[:n]...); n > 0 && len(got) == len(ahead) {
					stop <- struct{}{}
				}
			})
			if err != nil || !bytes.Equal(got, ahead) {
				t.Fatalf("%d bytes were read of %d: %v", len(got), len(ahead), err)
			}
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		none := func() []byte { return nil }
		if err := c.ReadUntil(ended, nil, none, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("without stop it ends with %v", err)
		}
		_ = theirs.Close()
		stop := make(chan struct{}, 1)
		err := c.ReadUntil(t.Context(), stop, func() []byte { return make([]byte, 10) }, func(n int) {
			if n == 0 {
				stop <- struct{}{}
			}
		})
		if err != nil {
			t.Errorf("at the end: %v", err)
		}
		if err := c.ServeBatched(t.Context(), e); err != nil || !errors.Is(e.err, io.EOF) {
			t.Errorf("the end is %v, %v", err, e.err)
		}
		c.Stop()
		_ = ours.Close()
	}
}
