package sim

import (
	"testing"
	"testing/synctest"

	"holdfast/internal/simnet"
	"holdfast/netloop"
)

// TestConnectionsArePolled: nodes serve simulated connections as they do those that the kernel polls, and don't read
// them ahead.
func TestConnectionsArePolled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(1)
		defer net.Close()
		l, err := net.Host("10.0.0.1").Listen(":1")
		if err != nil {
			t.Fatal(err)
		}
		dialed, err := net.Host("10.0.0.2").Dial(t.Context(), "10.0.0.1:1")
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := dialed.(netloop.Pollable); !ok {
			t.Errorf("%T is not pollable", dialed)
		}
		accepted, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := accepted.(netloop.Pollable); !ok {
			t.Errorf("%T is not pollable", accepted)
		}
	})
}
