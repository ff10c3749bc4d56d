package node

import (
	"strings"
	"testing"
	"time"

	"holdfast/internal/simnet"
	"holdfast/resp"
)

// TestReplicasInvalidate: a client may cache what it reads from a replica.
func TestReplicasInvalidate(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		a := startNode(t, net.Host("10.0.0.1"), "10.0.0.1")
		b := startNode(t, net.Host("10.0.0.2"), "10.0.0.2")
		outside := net.Host("10.0.0.9")
		ca, cb := dial(t, outside, "10.0.0.1"), dial(t, outside, "10.0.0.2")
		cb.do("REPLICAOF", "10.0.0.1", "6379")
		time.Sleep(3 * time.Second)
		conn, err := outside.Dial(t.Context(), "10.0.0.2:6379")
		if err != nil {
			t.Fatal(err)
		}
		r := resp.NewReader(conn)
		read := func() string {
			v, err := r.ReadValue()
			if err != nil {
				t.Fatal(err)
			}
			return v.String()
		}
		wire := resp.AppendCommandStrings(nil, "hello", "3")
		wire = resp.AppendCommandStrings(wire, "client", "tracking", "on")
		wire = resp.AppendCommandStrings(wire, "get", "k")
		if _, err := conn.Write(wire); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			read()
		}
		ca.do("SET", "k", "v")
		if got := read(); !strings.Contains(got, "invalidate") {
			t.Errorf("the replica pushes %s", got)
		}
		ca.do("FLUSHALL")
		if got := read(); !strings.Contains(got, "invalidate") {
			t.Errorf("the replica pushes %s", got)
		}
		_ = conn.Close()
		for _, n := range []*Node{a, b} {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}
