package simnet_test

import (
	"net"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"holdfast/internal/simnet"
)

// TestConnConformance runs the checks that every net.Conn should pass, outside a bubble, with and without latency.
func TestConnConformance(t *testing.T) {
	for _, latency := range []time.Duration{0, 200 * time.Microsecond} {
		t.Run(latency.String(), func(t *testing.T) {
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
				n := simnet.New(1)
				n.SetDefaultLatency(latency, latency/2)
				c1, c2 = pair(t, n)
				return c1, c2, n.Close, nil
			})
		})
	}
}
