package compat

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"holdfast/internal/servers"
)

// TestFullSync copies data of all types from either server to a Redis and a Holdfast, by a full synchronisation, and
// has Holdfast save and load them.
func TestFullSync(t *testing.T) {
	p := newPair(t)
	first := knob(t, "COMPAT_SEED", rand.Uint64N(1<<32))
	t.Logf("COMPAT_SEED=%d", first)
	if done, err := p.run(generate(first, 2*roundLength)); err != nil {
		t.Fatalf("after %d operations: %v", done, err)
	}
	for i, name := range []string{"redis", "holdfast"} {
		master := p.conns[i][0]
		want := digestOf(t, master)
		for _, addr := range []string{startRedis(t), servers.Holdfast(t, "").Addr} {
			replica, err := dial(addr)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(replica.close)
			follow(t, replica, p.addr[i])
			if got := digestOf(t, replica); got != want {
				t.Errorf("the replica %s of %s has the digest %s, its master %s", addr, name, got, want)
			}
		}
	}
	reload(t, p.conns[1][0])
}

// follow returns when the link to the master is up.
func follow(t *testing.T, replica *conn, master string) {
	t.Helper()
	host, port, err := net.SplitHostPort(master)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := replica.do("REPLICAOF", host, port); err != nil || r.kind == '-' {
		t.Fatalf("REPLICAOF: %s %v", r.raw, err)
	}
	for deadline := time.Now().Add(replyTimeout); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		r, err := replica.do("INFO", "replication")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(r.text, "master_link_status:up") {
			return
		}
	}
	t.Fatal("the link does not come up")
}

func digestOf(t *testing.T, c *conn) string {
	t.Helper()
	r, err := c.do("DEBUG", "DIGEST")
	if err != nil || r.kind == '-' {
		t.Fatalf("DEBUG DIGEST: %s %v", r.raw, err)
	}
	return r.text
}

// reload saves the data and loads them again.
func reload(t *testing.T, c *conn) {
	t.Helper()
	for db := range 16 { // what has expired is deleted, since it would not be loaded
		for _, args := range [][]string{{"SELECT", fmt.Sprint(db)}, {"SCAN", "0", "COUNT", "1000000"}} {
			if r, err := c.do(args...); err != nil || r.kind == '-' {
				t.Fatalf("%q: %s %v", args, r.raw, err)
			}
		}
	}
	want := digestOf(t, c)
	if r, err := c.do("DEBUG", "RELOAD"); err != nil || r.text != "OK" {
		t.Fatalf("DEBUG RELOAD: %s %v", r.raw, err)
	}
	if got := digestOf(t, c); got != want {
		t.Errorf("the digest is %s after a reload, before %s", got, want)
	}
}
