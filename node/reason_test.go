package node

import (
	"context"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/simnet"
	"holdfast/transport"
)

// shut is a connection that its other side has closed, after some words that arrive here when something could not be
// sent any more.
type shut struct {
	net.Conn
	words  io.Reader
	failed chan struct{}
	ended  chan struct{}
	fail   func()
	end    func()
}

func newShut(words string) *shut {
	c := &shut{words: strings.NewReader(words), failed: make(chan struct{}), ended: make(chan struct{})}
	c.fail = sync.OnceFunc(func() { close(c.failed) })
	c.end = sync.OnceFunc(func() { close(c.ended) })
	return c
}

func (c *shut) Write([]byte) (int, error) {
	c.fail()
	return 0, os.NewSyscallError("write", syscall.EPIPE)
}

func (c *shut) Read(p []byte) (int, error) {
	<-c.failed
	select {
	case <-time.After(5 * time.Millisecond):
		return c.words.Read(p)
	case <-c.ended:
		return 0, net.ErrClosed
	}
}

func (c *shut) Close() error                     { c.end(); return nil }
func (c *shut) SetReadDeadline(time.Time) error  { return nil }
func (c *shut) SetWriteDeadline(time.Time) error { return nil }

// shutAt is a network on which one address answers so.
type shutAt struct {
	transport.Network
	addr, words string
}

func (n shutAt) Dial(ctx context.Context, addr string) (net.Conn, error) {
	if addr == n.addr {
		return newShut(n.words), nil
	}
	return n.Network.Dial(ctx, addr)
}

// TestMigrateTellsWhyItMayNot: the target's reason comes before that nothing can be sent to it.
func TestMigrateTellsWhyItMayNot(t *testing.T) {
	for words, want := range map[string]string{
		"-ERR max number of clients reached\r\n": "-ERR Target instance replied with error: ERR max number of " +
			"clients reached",
		"-DENIED not you\r\n": "-ERR Target instance replied with error: DENIED not you",
		"":                    "-IOERR error or timeout writing to target instance",
	} {
		world(t, func(t *testing.T, net *simnet.Network) {
			n := startNode(t, shutAt{net.Host("10.0.0.1"), "10.0.0.2:6379", words}, "10.0.0.1")
			c := dial(t, net.Host("10.0.0.9"), "10.0.0.1")
			c.steps(
				[2]string{"SET a 1", "OK"},
				[2]string{"MIGRATE 10.0.0.2 6379 a 0 1000", want},
				[2]string{"GET a", "1"},
			)
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
