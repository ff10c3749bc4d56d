package simnet

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// pollable is what event loops want of a connection.
type pollable interface {
	Notify(f func())
	TryRead(p []byte) (n int, drained bool, err error)
	TryWrite(p []byte) (n int, err error)
}

// polledPair is the two ends of a stream between two machines; told has a token when ours has got something.
func polledPair(t *testing.T, n *Network) (ours, theirs net.Conn, told chan struct{}) {
	t.Helper()
	l, err := n.Host("10.0.0.1").Listen(":1")
	if err != nil {
		t.Fatal(err)
	}
	if theirs, err = n.Host("10.0.0.2").Dial(context.Background(), "10.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	if ours, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	told = make(chan struct{}, 1)
	ours.(pollable).Notify(func() {
		select {
		case told <- struct{}{}:
		default:
		}
	})
	return ours, theirs, told
}

// TestPolled: what is sent is told of when it comes, read without waiting, and so is the end.
func TestPolled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		defer n.Close()
		ours, theirs, told := polledPair(t, n)
		p := ours.(pollable)
		if k, drained, err := p.TryRead(make([]byte, 1)); k != 0 || !drained || err != nil {
			t.Fatalf("nothing has come: %d, %v, %v", k, drained, err)
		}
		rng := rand.New(rand.NewPCG(1, 1))
		sent := make([]byte, 3*window)
		for i := range sent {
			sent[i] = byte(rng.Uint32())
		}
		go func() {
			for rest := sent; len(rest) > 0; {
				k, err := theirs.(pollable).TryWrite(rest[:min(len(rest), 1+rng.IntN(window))])
				if err != nil {
					t.Error(err)
					return
				}
				if rest = rest[k:]; k == 0 {
					time.Sleep(time.Millisecond)
				}
			}
			_ = theirs.Close()
		}()
		var got []byte
		for buf := make([]byte, 10_000); ; {
			<-told
			for {
				k, drained, err := p.TryRead(buf)
				if got = append(got, buf[:k]...); errors.Is(err, io.EOF) {
					if !bytes.Equal(got, sent) {
						t.Error("other bytes came")
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if drained {
					break
				}
			}
		}
	})
}

// TestPolledEnds: a reset, and that the connection was closed on this side, are told of.
func TestPolledEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		defer n.Close()
		ours, _, told := polledPair(t, n)
		n.Host("10.0.0.2").Kill()
		<-told
		if _, _, err := ours.(pollable).TryRead(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("after a reset: %v", err)
		}
		if _, err := ours.(pollable).TryWrite([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("after a reset: %v", err)
		}
		_ = ours.Close()
		<-told
		if _, _, err := ours.(pollable).TryRead(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("after its end: %v", err)
		}
	})
}
