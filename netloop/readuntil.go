package netloop

import (
	"context"
	"time"
)

// ReadUntil reads what comes, for the connection's own goroutine, until something comes over stop, or ctx ends. space
// is where to; when it has none nothing more is read. took is told how much came. The end of the connection is left to
// whoever reads next.
func (c *Conn) ReadUntil(ctx context.Context, stop <-chan struct{}, space func() []byte, took func(n int)) error {
	c.Stop()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		select {
		case <-stop:
		case <-ctx.Done():
		}
		_ = c.SetReadDeadline(longAgo) // where it fails the connection is closed, and nothing is read
	}()
	for p := space(); len(p) > 0; p = space() {
		n, err := c.Read(p)
		if took(n); err != nil {
			break
		}
	}
	<-stopped
	_ = c.SetReadDeadline(time.Time{})
	return ctx.Err()
}
