package node

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast/internal/simnet"
)

// movers runs f with two nodes, a client of each and one that is free to do something meanwhile.
func movers(t *testing.T, f func(t *testing.T, net *simnet.Network, from, to, other client), lines ...string) {
	world(t, func(t *testing.T, net *simnet.Network) {
		net.SetDefaultLatency(5*time.Millisecond, 0)
		a := startNode(t, net.Host("10.0.0.1"), "10.0.0.1")
		b := startNode(t, net.Host("10.0.0.2"), "10.0.0.2", lines...)
		at := net.Host("10.0.0.9")
		f(t, net, dial(t, at, "10.0.0.1"), dial(t, at, "10.0.0.2"), dial(t, at, "10.0.0.1"))
		for _, n := range []*Node{a, b} {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// steps sends commands, each a line of words.
func (c client) steps(steps ...[2]string) {
	c.t.Helper()
	for _, s := range steps {
		var args []any
		for _, w := range strings.Fields(s[0]) {
			args = append(args, strings.Trim(w, `'`))
		}
		if got := c.do(args...); got != s[1] {
			c.t.Errorf("%s: %q, want %q", s[0], got, s[1])
		}
	}
}

func TestMigrate(t *testing.T) {
	movers(t, func(t *testing.T, _ *simnet.Network, from, to, other client) {
		from.steps(
			[2]string{"MIGRATE 10.0.0.2 6379 a 0 1000", "NOKEY"},
			[2]string{"MSET a 1 b 2 c 3", "OK"},
			[2]string{"RPUSH l x y z", "3"},
			[2]string{"PEXPIRE b 100000", "1"},
			[2]string{"MIGRATE 10.0.0.2 6379 a 0 1000", "OK"},
			[2]string{"MIGRATE 10.0.0.2 6379 a 0 1000", "NOKEY"},
			[2]string{"MIGRATE 10.0.0.2 6379 '' 3 1000 COPY KEYS b nope l", "OK"},
			[2]string{"MIGRATE 10.0.0.2 6379 '' 3 1000 KEYS b c l",
				"-ERR Target instance replied with error: BUSYKEY Target key name already exists."},
			[2]string{"EXISTS b c l", "2"},
			[2]string{"MIGRATE 10.0.0.2 6379 '' 3 1000 REPLACE KEYS b l b", "OK"},
			[2]string{"DBSIZE", "0"},
			[2]string{"SET a 1", "OK"},
			[2]string{"MIGRATE 10.0.0.2 6379 a 99 1000",
				"-ERR Target instance replied with error: ERR DB index is out of range"},
			[2]string{"MIGRATE 10.0.0.2 x a 0 1000", "-IOERR error or timeout writing to target instance"},
			[2]string{"MIGRATE 10.0.0.2 6378 a 0 1000", "-IOERR error or timeout writing to target instance"},
			[2]string{"MIGRATE 10.0.0.1 6379 a 0 1000",
				"-ERR Target instance replied with error: BUSYKEY Target key name already exists."},
			[2]string{"MIGRATE 10.0.0.1 6379 a 0 1000 REPLACE",
				"-TRYAGAIN Key 'a' kept changing while it was sent: it stays here, and the target has an older copy"},
			[2]string{"MIGRATE 10.0.0.1 6379 a 1 1000", "OK"},
			[2]string{"SELECT 1", "OK"},
			[2]string{"GET a", "1"},
			[2]string{"MULTI", "OK"},
			[2]string{"MIGRATE 10.0.0.2 6379 a 0 1000", "QUEUED"},
		)
		if got := from.do("EXEC"); got != "[ERR MIGRATE isn't allowed inside a transaction]" {
			t.Error(got)
		}
		to.steps([2]string{"GET a", "1"}, [2]string{"SELECT 3", "OK"}, [2]string{"MGET b c", "[2 3]"},
			[2]string{"LRANGE l 0 -1", "[x y z]"}, [2]string{"TTL b", "100"}, [2]string{"TTL c", "-1"})
	})
}

func TestMigrateAuthenticates(t *testing.T) {
	movers(t, func(t *testing.T, _ *simnet.Network, from, to, _ client) {
		const wrong = "-ERR Target instance replied with error: WRONGPASS invalid username-password pair or user is " +
			"disabled."
		from.steps(
			[2]string{"MSET a 1 b 2", "OK"},
			[2]string{"MIGRATE 10.0.0.2 6379 a 0 1000",
				"-ERR Target instance replied with error: NOAUTH Authentication required."},
			[2]string{"MIGRATE 10.0.0.2 6379 a 0 1000 AUTH nope", wrong},
			[2]string{"MIGRATE 10.0.0.2 6379 a 0 1000 AUTH2 nobody secret", wrong},
			[2]string{"MIGRATE 10.0.0.2 6379 a 0 1000 AUTH secret", "OK"},
			[2]string{"MIGRATE 10.0.0.2 6379 b 0 1000 AUTH2 default secret", "OK"},
		)
		to.steps([2]string{"AUTH secret", "OK"}, [2]string{"MGET a b", "[1 2]"})
	}, "requirepass secret")
}

// TestMigrateGoesOnWithOthers: while keys are on their way others are served, and what they do follows the keys.
func TestMigrateGoesOnWithOthers(t *testing.T) {
	movers(t, func(t *testing.T, net *simnet.Network, from, to, other client) {
		net.SetLatency("10.0.0.1", "10.0.0.2", 100*time.Millisecond, 0)
		for _, c := range []struct{ change, there string }{
			{"SET k new", "new"}, {"APPEND k x", "oldx"}, {"DEL k", ""}, {"FLUSHALL", ""}, {"PING", "old"},
			{"SWAPDB 0 5", ""},
		} {
			from.do("FLUSHALL")
			to.do("FLUSHALL")
			from.do("SET", "k", "old")
			from.send("MIGRATE", "10.0.0.2", 6379, "k", 0, 1000)
			time.Sleep(350 * time.Millisecond) // the value is on its way
			began := time.Now()
			args := strings.Fields(c.change)
			words := make([]any, len(args))
			for i := range args {
				words[i] = args[i]
			}
			other.do(words...)
			if took := time.Since(began); took > 20*time.Millisecond {
				t.Errorf("%s waited for %v", c.change, took)
			}
			if got := from.hear(); got != "OK" {
				t.Errorf("%s meanwhile: %s", c.change, got)
			}
			if got := from.do("GET", "k"); got != "" {
				t.Errorf("%s meanwhile: %q stays", c.change, got)
			}
			if got := to.do("GET", "k"); got != c.there {
				t.Errorf("%s meanwhile: target has %q", c.change, got)
			}
		}
	})
}

func TestMigrateGivesUp(t *testing.T) {
	movers(t, func(t *testing.T, net *simnet.Network, from, to, other client) {
		net.SetLatency("10.0.0.1", "10.0.0.2", 50*time.Millisecond, 0)
		from.do("SET", "k", 0)
		from.send("MIGRATE", "10.0.0.2", 6379, "k", 0, 1000)
		time.Sleep(20 * time.Millisecond)
		if got := to.do("PING"); got != "PONG" {
			t.Error(got)
		}
		if got := other.do("MIGRATE", "10.0.0.2", 6379, "k", 0, 1000,
			"REPLACE"); got != "-TRYAGAIN Another MIGRATE is moving the key" {
			t.Error(got)
		}
		n := 0
		for range 200 {
			if other.do("INCR", "k") == fmt.Sprint(n+1) {
				n++
			}
		}
		if got := from.hear(); !strings.HasPrefix(got, "-TRYAGAIN Key 'k' kept changing") {
			t.Error(got)
		}
		if got := from.do("GET", "k"); got != "200" || n != 200 {
			t.Errorf("%s after %d", got, n)
		}
		from.steps([2]string{"MIGRATE 10.0.0.2 6379 k 0 1000 REPLACE", "OK"})
		to.steps([2]string{"GET k", "200"})
	})
}

func TestMigrateTimesOut(t *testing.T) {
	movers(t, func(t *testing.T, net *simnet.Network, from, to, other client) {
		from.do("SET", "k", "v")
		net.Cut("10.0.0.1", "10.0.0.2")
		began := time.Now()
		from.steps([2]string{"MIGRATE 10.0.0.2 6379 k 0 300", "-IOERR error or timeout connecting to the client"})
		if took := time.Since(began); took < 300*time.Millisecond || took > 400*time.Millisecond {
			t.Error(took)
		}
		net.HealAll()
		net.SetLatency("10.0.0.1", "10.0.0.2", 50*time.Millisecond, 0)
		from.send("MIGRATE", "10.0.0.2", 6379, "k", 0, 300)
		time.Sleep(130 * time.Millisecond)
		net.Cut("10.0.0.1", "10.0.0.2")
		if got := from.hear(); got != "-IOERR error or timeout reading to target instance" {
			t.Error(got)
		}
		from.steps([2]string{"GET k", "v"})
	})
}

// TestMigrateOutlivesTheClient: what was begun is brought to its end; and not while a pause holds writes back.
func TestMigrateOutlivesTheClient(t *testing.T) {
	movers(t, func(t *testing.T, net *simnet.Network, from, to, other client) {
		net.SetLatency("10.0.0.1", "10.0.0.2", 50*time.Millisecond, 0)
		from.do("SET", "k", "v")
		from.send("MIGRATE", "10.0.0.2", 6379, "k", 0, 1000)
		time.Sleep(130 * time.Millisecond)
		if err := from.Close(); err != nil {
			t.Error(err)
		}
		other.steps([2]string{"CLIENT PAUSE 1000 WRITE", "OK"})
		time.Sleep(500 * time.Millisecond)
		other.steps([2]string{"GET k", "v"}) // and not deleted yet
		to.steps([2]string{"GET k", "v"})
		time.Sleep(time.Second)
		other.steps([2]string{"EXISTS k", "0"}, [2]string{"CLIENT UNPAUSE", "OK"})
	})
}

func TestMigratePassesDelOn(t *testing.T) {
	movers(t, func(t *testing.T, net *simnet.Network, from, to, other client) {
		replica := startNode(t, net.Host("10.0.0.3"), "10.0.0.3")
		third := dial(t, net.Host("10.0.0.9"), "10.0.0.3")
		third.steps([2]string{"REPLICAOF 10.0.0.1 6379", "OK"})
		time.Sleep(3 * time.Second)
		from.steps([2]string{"MSET a 1 b 2 c 3", "OK"}, [2]string{"WAIT 1 1000", "1"})
		from.steps([2]string{"MIGRATE 10.0.0.2 6379 '' 0 1000 KEYS a b", "OK"}, [2]string{"WAIT 1 1000", "1"})
		third.steps([2]string{"EXISTS a b c", "1"})
		if err := replica.Close(); err != nil {
			t.Error(err)
		}
	})
}
