package compat

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"holdfast/internal/servers"
)

// TestReplicas feeds a Redis and a Holdfast from Holdfast's log: after any commands they hold the same data as it does.
func TestReplicas(t *testing.T) {
	p := newPair(t)
	host, port, err := net.SplitHostPort(p.addr[1])
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{startRedis(t), servers.Holdfast(t, "").Addr} {
		c, err := dial(addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.close)
		if r, err := c.do("REPLICAOF", host, port); err != nil || r.kind == '-' {
			t.Fatalf("REPLICAOF: %s %v", r.raw, err)
		}
		p.replicas = append(p.replicas, c)
	}
	first := knob(t, "COMPAT_SEED", rand.Uint64N(1<<32))
	rounds := (knob(t, "COMPAT_ROUNDS", defaultRounds) + 1) / 2
	t.Logf("COMPAT_SEED=%d COMPAT_ROUNDS=%d", first, rounds)
	for seed := first; seed < first+rounds; seed++ {
		ops := generate(seed, roundLength)
		done, err := p.run(ops)
		if err != nil {
			t.Fatalf("seed %d, operation %d of %d: %s", seed, done, len(ops), explain(p, ops[:done], err))
		}
	}
}

// sameReplicas waits until the replicas have all that their master has, and compares digests.
func (p *pair) sameReplicas() error {
	master, err := dial(p.addr[1])
	if err != nil {
		return err
	}
	defer master.close()
	for deadline := time.Now().Add(replyTimeout); ; {
		// WAIT waits for this client's last write, so it makes one.
		if _, err := master.do("SET", "last", "write"); err != nil {
			return err
		}
		r, err := master.do("WAIT", fmt.Sprint(len(p.replicas)), "1000")
		if err != nil {
			return err
		}
		if r.text == fmt.Sprint(len(p.replicas)) {
			break
		}
		if time.Now().After(deadline) {
			return errors.New("the replicas do not follow")
		}
	}
	o := op{args: []string{"DEBUG", "DIGEST"}}
	want, err := master.do(o.args...)
	if err != nil {
		return err
	}
	for _, c := range p.replicas {
		got, err := c.do(o.args...)
		if err != nil {
			return err
		}
		if string(got.raw) != string(want.raw) {
			return &difference{o, got, want}
		}
	}
	return nil
}
