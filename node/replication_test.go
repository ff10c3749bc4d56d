package node

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"holdfast/internal/simnet"
)

// pair is a master and its replica.
type pair struct {
	net             *simnet.Network
	a, b            *Node
	master, replica client
}

// paired runs f with a master on 10.0.0.1 and a replica on 10.0.0.2 that are in step.
func paired(t *testing.T, f func(t *testing.T, p *pair)) {
	world(t, func(t *testing.T, net *simnet.Network) {
		one, two := net.Host("10.0.0.1"), net.Host("10.0.0.2")
		p := &pair{net: net}
		p.a = startNode(t, one, "10.0.0.1", "enable-debug-command yes")
		p.b = startNode(t, two, "10.0.0.2", "enable-debug-command yes", "replicaof 10.0.0.1 6379")
		p.master, p.replica = dial(t, one, "10.0.0.1"), dial(t, two, "10.0.0.2")
		time.Sleep(3 * time.Second)
		f(t, p)
		_ = p.b.Close()
		_ = p.a.Close()
	})
}

// same waits for the replica and compares digests.
func (p *pair) same(t *testing.T, what string) {
	t.Helper()
	time.Sleep(2 * time.Second)
	if a, b := p.master.do("DEBUG", "DIGEST"), p.replica.do("DEBUG", "DIGEST"); a != b {
		t.Errorf("%s: the digests are %s and %s", what, a, b)
	}
}

// TestReplicaHasTheSame: what these commands do on the master they do on the replica.
func TestReplicaHasTheSame(t *testing.T) {
	paired(t, func(t *testing.T, p *pair) {
		waiting := dial(t, p.net.Host("10.0.0.1"), "10.0.0.1")
		for _, c := range []struct{ blocked, commands, ask, want string }{
			{"", "SET test 1 EX 100|INCRBYFLOAT test 0.1", "TTL test", "98"},
			{"", "SET test foo|GETSET test bar|SET test vaz GET", "GET test", "vaz"},
			{"BRPOPLPUSH a b 5", "LPUSH a foo", "LRANGE b 0 -1", "[foo]"},
			{"", "LPUSH c 1|LPUSH c 2|LPUSH c 3|BRPOPLPUSH c d 5", "LRANGE d 0 -1", "[1]"},
			{"BLMOVE e f LEFT LEFT 5", "LPUSH e foo", "LRANGE f 0 -1", "[foo]"},
			{"BLMOVE e f LEFT RIGHT 5", "LPUSH e bar", "LRANGE f 0 -1", "[foo bar]"},
			{"BLMOVE e f RIGHT LEFT 5", "LPUSH e baz", "LRANGE f 0 -1", "[baz foo bar]"},
			{"BLMOVE e f RIGHT RIGHT 5", "LPUSH e end", "LRANGE f 0 -1", "[baz foo bar end]"},
			{"", "RPUSH g 1 2 3 4|BLMOVE g h LEFT LEFT 5|BLMOVE g h LEFT RIGHT 5|BLMOVE g h RIGHT LEFT 5|BLMOVE g h " +
				"RIGHT RIGHT 5", "LRANGE h 0 -1", "[4 1 2 3]"},
			{"", "SADD myset a b c d e f g|SPOP myset 3|SPOP myset", "SCARD myset", "3"},
			{"", "SET x 10|EXPIRE x -1", "EXISTS x", "0"},
			{"", "FLUSHDB|SET key value|FLUSHDB|SET key value2|FLUSHALL|FLUSHALL|FLUSHDB", "DBSIZE", "0"},
		} {
			if c.blocked != "" {
				go waiting.do(words(c.blocked)...)
				time.Sleep(time.Second)
			}
			for _, command := range strings.Split(c.commands, "|") {
				if r := p.master.do(words(command)...); strings.HasPrefix(r, "-") {
					t.Errorf("%s: %s", command, r)
				}
			}
			p.same(t, c.commands)
			p.replica.answers(c.ask, c.want)
		}
	})
}

// TestReplicaTakesLongCommands: neither many arguments nor the limits that a replica has for its clients get in their
// way.
func TestReplicaTakesLongCommands(t *testing.T) {
	paired(t, func(t *testing.T, p *pair) {
		p.replica.answers("CONFIG SET client-query-buffer-limit 1048576", "OK")
		p.master.do("SET", "key", strings.Repeat("x", 1_100_000))
		for i := range 20 {
			args := []any{"MSET"}
			for j := range 1000 {
				args = append(args, fmt.Sprint("key", i, j), strings.Repeat("v", j%50))
			}
			p.master.do(args...)
		}
		p.same(t, "long commands")
		p.replica.answers("STRLEN key", "1100000")
		p.replica.answers("DBSIZE", "20001")
	})
}

// TestClientsInManyDatabases write at the same time, while a replica joins.
func TestClientsInManyDatabases(t *testing.T) {
	paired(t, func(t *testing.T, p *pair) {
		done := make(chan struct{})
		for db := range 4 {
			c := dial(t, p.net.Host("10.0.0.1"), "10.0.0.1")
			go func() {
				c.do("SELECT", db)
				for i := range 300 {
					c.do("RPUSH", fmt.Sprint("list", i%7), i)
					c.do("SET", fmt.Sprint("key", i), i, "PX", 1000+i)
				}
				done <- struct{}{}
			}()
		}
		var joined []client
		var nodes []*Node
		for i := range 3 {
			ip := fmt.Sprint("10.0.1.", i+1)
			nodes = append(nodes, startNode(t, p.net.Host(ip), ip, "enable-debug-command yes",
				"replicaof 10.0.0.1 6379"))
			joined = append(joined, dial(t, p.net.Host(ip), ip))
		}
		for range 4 {
			<-done
		}
		time.Sleep(5 * time.Second)
		p.same(t, "many databases")
		want := p.master.do("DEBUG", "DIGEST")
		for i, c := range joined {
			if got := c.do("DEBUG", "DIGEST"); got != want {
				t.Errorf("replica %d: the digest is %s instead of %s", i, got, want)
			}
		}
		for _, n := range nodes {
			_ = n.Close()
		}
	})
}

// TestMinReplicasToWrite: writes need as many replicas in step as the directive says, on a master.
func TestMinReplicasToWrite(t *testing.T) {
	paired(t, func(t *testing.T, p *pair) {
		const refused = "-NOREPLICAS Not enough good replicas to write."
		p.replica.answers("CONFIG SET min-replicas-to-write 3", "OK")
		for _, step := range [][2]string{
			{"CONFIG SET min-slaves-to-write 1 min-slaves-max-lag 2", "OK"}, {"SET foo 1", "OK"},
			{"CONFIG SET min-slaves-to-write 2", "OK"}, {"SET foo 2", refused},
			{"GET foo", "1"}, {"CONFIG SET min-slaves-to-write 1", "OK"}, {"SET foo 3", "OK"},
		} {
			p.master.answers(step[0], step[1])
		}
		p.master.do("FUNCTION", "LOAD", "#!lua name=l\nredis.register_function('f', function() return 12345 end)\n"+
			"redis.register_function{function_name='r', callback=function() return 12345 end, flags={'no-writes'}}")
		p.master.answers("CONFIG SET min-slaves-to-write 2", "OK")
		p.master.answers("FCALL r 1 foo", "12345")
		if got := p.master.do("FCALL", "f", 1, "foo"); !strings.HasPrefix(got, "-NOREPLICAS ") {
			t.Errorf("a function that may write is answered %s", got)
		}
		p.master.answers("EVAL return(redis.call('GET','foo')) 0", "3")
		if got := p.master.do("EVAL", "return redis.call('SET','foo',4)", 0); !strings.HasPrefix(got, "-NOREPLICAS ") {
			t.Errorf("a script that writes is answered %s", got)
		}
		p.master.answers("CONFIG SET min-slaves-to-write 1", "OK")
		p.same(t, "accepted writes")
		p.replica.answers("GET foo", "3")
		p.net.Cut("10.0.0.1", "10.0.0.2")
		p.master.answers("SET foo 4", "OK")
		time.Sleep(4 * time.Second)
		p.master.answers("SET foo 5", refused)
		p.net.Heal("10.0.0.1", "10.0.0.2")
		time.Sleep(70 * time.Second)
		p.master.answers("SET foo 6", "OK")
		p.same(t, "writes after the cut")
	})
}

// TestReplicaLeavesExpiryToItsMaster: a key whose time has passed can't be seen on a replica, and is there until the
// master says otherwise.
func TestReplicaLeavesExpiryToItsMaster(t *testing.T) {
	paired(t, func(t *testing.T, p *pair) {
		p.master.answers("DEBUG SET-ACTIVE-EXPIRE 0", "OK")
		p.master.do("SET", "k", 1, "PX", 3000)
		time.Sleep(time.Second)
		p.net.Cut("10.0.0.1", "10.0.0.2")
		p.master.answers("INCR k", "2")
		time.Sleep(3 * time.Second)
		p.net.Heal("10.0.0.1", "10.0.0.2")
		time.Sleep(70 * time.Second)
		p.replica.answers("EXISTS k", "0")
		if r := p.replica.do("DEBUG", "OBJECT", "k"); strings.HasPrefix(r, "-") {
			t.Errorf("the key is gone: %s", r)
		}
		p.replica.answers("DBSIZE", "1")
		p.master.answers("EXISTS k", "0")
		p.same(t, "after the master looked")
		p.replica.answers("DBSIZE", "0")
	})
}

// TestLinkStates: what ROLE and INFO say from REPLICAOF on; a master that does not answer the handshake is given up
// after repl-timeout.
func TestLinkStates(t *testing.T) {
	world(t, func(t *testing.T, network *simnet.Network) {
		l, err := network.Host("10.0.0.9").Listen("10.0.0.9:6379")
		if err != nil {
			t.Fatal(err)
		}
		links := make(chan net.Conn, 10)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				links <- c
			}
		}()
		n := startNode(t, network.Host("10.0.0.2"), "10.0.0.2", "repl-timeout 5")
		c := dial(t, network.Host("10.0.0.2"), "10.0.0.2")
		fields(c, "replication", "role master")
		c.answers("REPLICAOF 10.0.0.9 6379", "OK")
		fields(c, "replication", "role slave", "master_link_status down")
		time.Sleep(time.Second)
		c.answers("ROLE", "[slave 10.0.0.9 6379 handshake -1]")
		time.Sleep(10 * time.Second)
		if len(links) < 2 {
			t.Errorf("%d links in 11 s: a silent master was not given up after 5", len(links))
		}
		_ = l.Close()
		a := startNode(t, network.Host("10.0.0.1"), "10.0.0.1")
		master := dial(t, network.Host("10.0.0.1"), "10.0.0.1")
		master.do("SET", "mykey", "foo")
		c.answers("REPLICAOF 10.0.0.1 6379", "OK")
		time.Sleep(3 * time.Second)
		c.answers("GET mykey", "foo")
		fields(c, "replication", "master_link_status up", "role slave")
		time.Sleep(time.Second)
		offset := field(master, "replication", "master_repl_offset")
		c.answers("ROLE", "[slave 10.0.0.1 6379 connected "+offset+"]")
		master.answers("ROLE", "[master "+offset+" [[10.0.0.2 6379 "+offset+"]]]")
		_ = n.Close()
		_ = a.Close()
	})
}

// TestLinkHasTheLogAlone: what a replica sends on its link gets no reply in the midst of the log.
func TestLinkHasTheLogAlone(t *testing.T) {
	world(t, func(t *testing.T, network *simnet.Network) {
		host := network.Host("10.0.0.1")
		n := startNode(t, host, "10.0.0.1")
		c := dial(t, host, "10.0.0.1")
		c.answers("PSYNC replicationid offset_str", "-ERR value is not an integer or out of range")
		for _, ask := range []string{"SYNC\r\n", "PSYNC replicationid -1\r\n"} {
			conn, err := host.Dial(context.Background(), "10.0.0.1:6379")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write([]byte(ask)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if _, err := conn.Write([]byte("PING\r\nGET foo\r\nSLOWLOG GET\r\n")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			c.do("SET", "a", "1")
			time.Sleep(time.Second)
			_ = conn.SetReadDeadline(time.Now().Add(time.Second))
			var got []byte
			for b := make([]byte, 4096); err == nil; {
				var k int
				k, err = conn.Read(b)
				got = append(got, b[:k]...)
			}
			_, stream, found := strings.Cut(string(got), "\xff")
			if !found || len(stream) < 8 || strings.ContainsAny(stream[8:], "+-") ||
				!strings.Contains(stream, "SET\r\n$1\r\na") {
				t.Errorf("%q: after the copy there is %q", ask, stream)
			}
			_ = conn.Close()
		}
		c.answers("PING", "PONG")
		_ = n.Close()
	})
}

// TestLayouts rewires five nodes at random, under writes and broken links: after the first copies everybody goes on by
// partial resync.
func TestLayouts(t *testing.T) {
	const seed, size = 1, 5
	world(t, func(t *testing.T, network *simnet.Network) {
		rng := rand.New(rand.NewPCG(seed, 2))
		var nodes []*Node
		var clients []client
		for i := range size {
			ip := fmt.Sprint("10.0.0.", i+1)
			// No pings: those of the former master would part the logs of its replicas from the new one's.
			nodes = append(nodes, startNode(t, network.Host(ip), ip, "enable-debug-command yes",
				"repl-ping-replica-period 3600", "repl-timeout 7200"))
			clients = append(clients, dial(t, network.Host(ip), ip))
		}
		master, counter := 0, 0
		for cycle := range 12 {
			order := rng.Perm(size)
			if cycle == 0 {
				order[0] = master
				order = append(order[:1], without(rng.Perm(size), master)...)
			}
			master = order[0]
			clients[master].answers("REPLICAOF NO ONE", "OK")
			for i, who := range order[1:] {
				above := order[rng.IntN(i+1)]
				if r := clients[who].do("REPLICAOF", fmt.Sprint("10.0.0.", above+1), 6379); !strings.HasPrefix(r,
					"OK") {
					t.Fatalf("cycle %d: REPLICAOF: %s", cycle, r)
				}
				time.Sleep(3 * time.Second)
			}
			for range 50 {
				clients[master].do("INCR", "x")
				counter++
				if rng.IntN(10) == 0 {
					clients[rng.IntN(size)].do("CLIENT", "KILL", "TYPE", "replica")
				}
			}
			time.Sleep(5 * time.Second)
			want, full := clients[master].do("DEBUG", "DIGEST"), 0
			clients[master].answers("GET x", fmt.Sprint(counter))
			for i, c := range clients {
				if got := c.do("DEBUG", "DIGEST"); got != want {
					t.Fatalf("seed %d, cycle %d: node %d has another digest", seed, cycle, i)
				}
				var n int
				fmt.Sscan(field(c, "stats", "sync_full"), &n)
				full += n
			}
			if full != size-1 {
				t.Fatalf("seed %d, cycle %d: %d full copies, want %d", seed, cycle, full, size-1)
			}
		}
		for _, n := range nodes {
			_ = n.Close()
		}
	})
}

func without(list []int, x int) (rest []int) {
	for _, v := range list {
		if v != x {
			rest = append(rest, v)
		}
	}
	return rest
}
