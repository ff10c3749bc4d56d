package transport_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"holdfast/transport"
)

// crowded is a network on which a port is in use so many times.
type crowded struct {
	transport.Network
	left int
	err  error
}

func (c *crowded) Listen(string) (net.Listener, error) {
	if c.left--; c.left >= 0 {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Err: c.err}
	}
	return nil, nil
}

func (c *crowded) ListenPacket(addr string) (net.PacketConn, error) {
	_, err := c.Listen(addr)
	return nil, err
}

// TestPatient: a port that is in use for a moment is waited for, and told of once; one that stays in use is given up,
// with what to do; another mistake is one at once.
func TestPatient(t *testing.T) {
	for _, c := range []struct {
		what   string
		busy   int
		err    error
		fails  string
		warned int
	}{
		{"free", 0, syscall.EADDRINUSE, "", 0},
		{"in use for a moment", 20, syscall.EADDRINUSE, "", 1},
		{"in use for good", 1000, syscall.EADDRINUSE, "ss -tuanp '( sport = :27379 )'", 1},
		{"no right to it", 1, syscall.EACCES, "permission denied", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			for name, listen := range map[string]func(p transport.Patient) error{
				"streams": func(p transport.Patient) error { _, err := p.Listen("127.0.0.1:27379"); return err },
				"datagrams": func(p transport.Patient) error {
					_,
						err := p.ListenPacket("127.0.0.1:27379")
					return err
				},
			} {
				log.Reset()
				err := listen(transport.Patient{Network: &crowded{left: c.busy, err: c.err},
					Logger: slog.New(slog.NewTextHandler(&log, nil))})
				if (err != nil) != (c.fails != "") || err != nil &&
					(!strings.Contains(err.Error(), c.fails) || !errors.Is(err, c.err)) {
					t.Errorf("%s, %s: %v", c.what, name, err)
				}
				if n := strings.Count(log.String(), "in use"); n != c.warned {
					t.Errorf("%s, %s: told %d times:\n%s", c.what, name, n, &log)
				}
			}
		})
	}
}
