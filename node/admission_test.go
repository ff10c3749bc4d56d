package node

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"holdfast/cluster"
	"holdfast/internal/memfs"
	"holdfast/internal/simnet"
	"holdfast/membership"
	"holdfast/node/command"
	"holdfast/replication"
	"holdfast/resp"
	"holdfast/server"
)

const tooMany = "-ERR max number of clients reached\r\n"

// fullGroup runs a node that leads a chain of itself, and has a member follow it, with as many clients as it may have.
func fullGroup(t *testing.T, f func(t *testing.T, n *Node, world *simnet.Network, member cluster.Member,
	clients []client)) {
	world(t, func(t *testing.T, world *simnet.Network) {
		n := startOnDisk(t, world.Host("10.0.0.1"), memfs.New(), "10.0.0.1 127.0.0.1", "join 10.0.0.2:16379",
			"maxclients 3")
		member := cluster.Member{Name: "behind", Incarnation: "1", Addr: "10.0.0.3:6379"}
		n.replication.Adopt(cluster.Group{Name: n.settings.Group(), Epoch: 1, Chain: []cluster.Member{n.self, member}})
		n.lease.Grant("sentinel", time.Now(), time.Hour, 1)
		var clients []client
		for range 3 {
			c := dial(t, world.Host("10.0.0.9"), "10.0.0.1")
			c.answers("PING", "PONG")
			clients = append(clients, c)
		}
		f(t, n, world, member, clients)
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
}

func hello(t *testing.T, n *Node, m cluster.Member) []byte {
	t.Helper()
	text, err := json.Marshal(replication.Hello{Group: n.settings.Group(), Epoch: 1, Member: m, To: n.self})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// linkUp is a member's way in; it answers the first line that comes back.
func linkUp(t *testing.T, world *simnet.Network, n *Node, m cluster.Member) (net.Conn, string) {
	t.Helper()
	conn, err := world.Host("10.0.0.3").Dial(t.Context(), "10.0.0.1:6379")
	if err != nil {
		t.Fatal(err)
	}
	ask := resp.AppendCommandStrings(nil, "REPLCONF", "capa", "eof", "capa", "psync2")
	ask = resp.AppendCommandStrings(ask, "REPLCONF", "holdfast", string(hello(t, n, m)))
	ask = resp.AppendCommandStrings(ask, "PSYNC", "?", "-1")
	if _, err := conn.Write(ask); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	got, _ := io.ReadAtLeast(conn, buf, len("+OK\r\n+OK\r\n+FULLRESYNC"))
	return conn, string(buf[:got])
}

// TestStrangersAreRefused: whatever a client says or does not say, it hears soon that there is no place for it.
func TestStrangersAreRefused(t *testing.T) {
	fullGroup(t, func(t *testing.T, _ *Node, world *simnet.Network, _ cluster.Member, clients []client) {
		for _, said := range []string{
			"", "PING\r\n", "GET k\r\n", "NONSENSE\r\n", "GET\r\n", "HELLO 3\r\n", "CLIENT SETNAME x\r\n",
			"PSYNC ? -1\r\n", "SYNC\r\n", "REPLCONF capa eof\r\nPSYNC ? -1\r\n",
			"REPLCONF listening-port 6379\r\n", "CONFIG GET maxclients\r\n", "MONITOR\r\n", "SUBSCRIBE c\r\n", "*1\r\n",
			"MULTI\r\nSET k v\r\nEXEC\r\n", "POST / HTTP/1.1\r\n",
		} {
			conn, err := world.Host("10.0.0.9").Dial(t.Context(), "10.0.0.1:6379")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(conn, said); err != nil {
				t.Fatal(err)
			}
			_ = conn.SetReadDeadline(time.Now().Add(2 * server.Introduction))
			got, err := io.ReadAll(conn)
			text := strings.TrimPrefix(string(got), "+OK\r\n") // of REPLCONF
			if text != tooMany || err != nil {
				t.Errorf("%q is answered %q, %v", said, got, err)
			}
			_ = conn.Close()
		}
		clients[0].answers("GET k", "")
		_ = clients[1].Close()
		time.Sleep(time.Second)
		dial(t, world.Host("10.0.0.9"), "10.0.0.1").answers("GET k", "") // a place was left
	})
}

// TestMembersComeIn: neither clients, nor connections that say nothing, as many as there are, keep a member out.
func TestMembersComeIn(t *testing.T) {
	fullGroup(t, func(t *testing.T, n *Node, world *simnet.Network, member cluster.Member, clients []client) {
		for range 10 {
			for range 100 {
				conn, err := world.Host("10.0.0.9").Dial(t.Context(), "10.0.0.1:6379")
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
			}
			conn, got := linkUp(t, world, n, member)
			if !strings.HasPrefix(got, "+OK\r\n+OK\r\n+FULLRESYNC") {
				t.Fatalf("a member is answered %q", got)
			}
			_ = conn.Close()
		}
		asks, err := resp.Dial(t.Context(), world.Host("10.0.0.3"), "10.0.0.1:6379")
		if err != nil {
			t.Fatal(err)
		}
		other := linkUpAs(t, world, n, member)
		member3 := client{t, asks}
		for range 3 { // it stays, and asks again
			if got := member3.do("REPLCONF", "confirm", hello(t, n, member)); got != "OK" {
				t.Fatalf("a member that asks is answered %q", got)
			}
			time.Sleep(2 * server.Introduction)
		}
		clients[0].answers("CONFIG SET maxclients 1", "OK")
		conn, got := linkUp(t, world, n, member)
		if !strings.HasPrefix(got, "+OK\r\n+OK\r\n+FULLRESYNC") {
			t.Errorf("with fewer places than clients a member is answered %q", got)
		}
		_ = conn.Close()
		refused, got := linkUp(t, world, n, cluster.Member{Name: "nobody", Incarnation: "2", Addr: "10.0.0.4:6379"})
		if !strings.Contains(got, "STALEEPOCH") {
			t.Errorf("who is not in the group is answered %q", got)
		}
		_ = refused.Close()
		_ = other.Close()
		time.Sleep(time.Second)
	})
}

// linkUpAs is a member that acknowledges all there is, for as long as it is open.
func linkUpAs(t *testing.T, world *simnet.Network, n *Node, m cluster.Member) net.Conn {
	conn, _ := linkUp(t, world, n, m)
	go func() {
		for {
			ack := resp.AppendCommandStrings(nil, "REPLCONF", "ACK", "1000000", "COMMIT", "1000000", "EPOCH", "1")
			if _, err := conn.Write(ack); err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	go func() {
		_ = conn.SetReadDeadline(time.Time{})
		_, _ = io.Copy(io.Discard, conn)
	}()
	return conn
}

// TestStrangersLinksAreClients: a connection does not cease to be counted because it has sent PSYNC.
func TestStrangersLinksAreClients(t *testing.T) {
	world(t, func(t *testing.T, world *simnet.Network) {
		n := startNode(t, world.Host("10.0.0.1"), "10.0.0.1", "maxclients 3")
		for range 3 {
			conn, err := world.Host("10.0.0.9").Dial(t.Context(), "10.0.0.1:6379")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, "PSYNC ? -1\r\n")
			time.Sleep(time.Second)
		}
		dial(t, world.Host("10.0.0.9"), "10.0.0.1").answers("PING", "-ERR max number of clients reached")
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestAdministratorsComeIn: on the machine itself somebody can always see what is the matter, and end clients; but not
// work with the data.
func TestAdministratorsComeIn(t *testing.T) {
	fullGroup(t, func(t *testing.T, n *Node, world *simnet.Network, _ cluster.Member, clients []client) {
		local := func() client {
			c, err := resp.Dial(t.Context(), world.Host("10.0.0.1"), "127.0.0.1:6379")
			if err != nil {
				t.Fatal(err)
			}
			return client{t, c}
		}
		var idle []client
		for range adminPlacesTaken {
			c := local()
			c.answers("CONFIG GET maxclients", "[maxclients 3]")
			idle = append(idle, c)
			time.Sleep(time.Second)
		}
		a := local()
		if got := a.do("INFO", "clients"); !strings.Contains(got, "maxclients:3") {
			t.Errorf("INFO: %q", got)
		}
		if got := idle[0].do("PING"); !strings.HasPrefix(got, "-") || strings.HasPrefix(got, "-ERR unknown") {
			t.Errorf("who was idle for longest has kept the place: %q", got)
		}
		idle[1].answers("PING", "PONG")
		a.answers("CLIENT KILL TYPE normal SKIPME yes", "6")
		time.Sleep(time.Second)
		dial(t, world.Host("10.0.0.9"), "10.0.0.1").answers("PING", "PONG")
		_ = clients
		b := local()
		b.answers("PING", "PONG") // there is room
		a.answers("GET k", "-ERR max number of clients reached")
	})
}

// TestToolsGreetBeforeTheyAdminister: what libraries and command lines say first keeps no administrator out, and lets
// nobody else in.
func TestToolsGreetBeforeTheyAdminister(t *testing.T) {
	greetings := []string{"HELLO 3", "CLIENT SETNAME tool", "CLIENT SETINFO LIB-NAME tool", "SELECT 0", "COMMAND COUNT"}
	fullGroup(t, func(t *testing.T, n *Node, world *simnet.Network, _ cluster.Member, _ []client) {
		for _, test := range []struct{ then, want string }{
			{"CONFIG GET maxclients", "[maxclients 3]"}, {"GET k", "-" + string(resp.ErrMaxClients)},
		} {
			c, err := resp.Dial(t.Context(), world.Host("10.0.0.1"), "127.0.0.1:6379")
			if err != nil {
				t.Fatal(err)
			}
			for _, said := range greetings {
				var args []any
				for _, word := range strings.Fields(said) {
					args = append(args, word)
				}
				if got := (client{t, c}).do(args...); got == "-"+string(resp.ErrMaxClients) {
					t.Errorf("%s: %q", said, got)
				}
			}
			client{t, c}.answers(test.then, test.want)
		}
		before := n.env.Stats.Rejected
		c, err := resp.Dial(t.Context(), world.Host("10.0.0.1"), "127.0.0.1:6379")
		if err != nil {
			t.Fatal(err)
		}
		client{t, c}.answers("SELECT 0", "OK")
		time.Sleep(2 * server.Introduction)
		if got := (client{t, c}).do("SELECT", 0); !strings.Contains(got, string(resp.ErrMaxClients)) {
			t.Errorf("who only greeted is still there: %q", got)
		}
		if n.env.Stats.Rejected != before+1 {
			t.Errorf("%d are counted as rejected, not one", n.env.Stats.Rejected-before)
		}
	})
}

const (
	adminPlacesTaken = 4
	unknownTaken     = 8
)

// TestAdministratorGivesThePassword: being on the machine is not enough.
func TestAdministratorGivesThePassword(t *testing.T) {
	world(t, func(t *testing.T, world *simnet.Network) {
		n := startNode(t, world.Host("10.0.0.1"), "10.0.0.1 127.0.0.1", "maxclients 1", "requirepass secret")
		dial(t, world.Host("10.0.0.9"), "10.0.0.1").answers("AUTH secret", "OK")
		for _, test := range []struct{ pass, want string }{{"", "-ERR max number of clients reached"},
			{"secret", "[maxclients 1]"}} {
			c, err := resp.Dial(t.Context(), world.Host("10.0.0.1"), "127.0.0.1:6379")
			if err != nil {
				t.Fatal(err)
			}
			if test.pass != "" {
				client{t, c}.answers("AUTH "+test.pass, "OK")
			}
			client{t, c}.answers("CONFIG GET maxclients", test.want)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestFewDescriptors: maxclients is what there are descriptors for, beside those that a member needs.
func TestFewDescriptors(t *testing.T) {
	for _, test := range []struct {
		lines []string
		limit uint64
		want  string // of CONFIG GET; empty: it does not start
	}{
		{nil, 256, "224"}, {nil, 32, ""}, {[]string{"maxclients 20"}, 64, "20"},
		{[]string{"join 10.0.0.2:16379"}, 64, "16"}, {[]string{"join 10.0.0.2:16379"}, 48, ""},
	} {
		world(t, func(t *testing.T, world *simnet.Network) {
			settings := settingsOf(t, append([]string{"bind 10.0.0.1"}, test.lines...)...)
			n, err := New(Config{Settings: settings, Network: world.Host("10.0.0.1"),
				Logger: slog.New(slog.DiscardHandler), Process: command.Process{
					OpenFiles: func(want uint64) (uint64, uint64, error) {
						return test.limit, test.limit,
							errors.New("not permitted")
					},
				}})
			if err != nil {
				t.Fatal(err)
			}
			if err := n.Start(); test.want == "" {
				if err == nil || !strings.Contains(err.Error(), "Please increase your open file limit to at least") {
					t.Errorf("%v at %d: %v", test.lines, test.limit, err)
				}
				return
			} else if err != nil {
				t.Fatal(err)
			}
			c := dial(t, world.Host("10.0.0.9"), "10.0.0.1")
			c.answers("CONFIG GET maxclients", "[maxclients "+test.want+"]")
			c.answers("CONFIG SET maxclients 5000", "-ERR CONFIG SET failed (possibly related to argument "+
				"'maxclients') - The operating system is not able to handle the specified number of clients, try with "+
				map[string]string{"20": "32"}[test.want]+map[bool]string{true: "", false: test.want}[test.want == "20"])
			c.answers("CONFIG GET maxclients", "[maxclients "+test.want+"]")
			c.answers("CONFIG SET maxclients 10", "OK")
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestProvenMembersComeIn: with a key, who begins a proof and doesn't end it keeps nobody out, nor does who only says
// that it is a member.
func TestProvenMembersComeIn(t *testing.T) {
	world(t, func(t *testing.T, world *simnet.Network) {
		n := startNode(t, world.Host("10.0.0.1"), "10.0.0.1", "maxclients 1", "join 10.0.0.2:16379",
			"group-key "+testKey)
		dial(t, world.Host("10.0.0.9"), "10.0.0.1").answers("PING", "PONG")
		for range 3 * unknownTaken {
			conn, err := world.Host("10.0.0.9").Dial(t.Context(), "10.0.0.1:6379")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, _ = conn.Write([]byte{membership.Hello, 3, 1})
		}
		m := memberOf(t, testKey, membership.Node, "other")
		got, err := proves(t, world.Host("10.0.0.3"), m, "10.0.0.1:6379", n.self.Name, "PING\r\nQUIT\r\n")
		if got != "+PONG\r\n+OK\r\n" || err != nil {
			t.Errorf("a member is answered %q, %v", got, err)
		}
		client := dial(t, world.Host("10.0.0.9"), "10.0.0.1")
		client.answers("PING", "-ERR max number of clients reached")
		liar, _ := world.Host("10.0.0.9").Dial(t.Context(), "10.0.0.1:6379")
		defer liar.Close()
		_, _ = liar.Write(resp.AppendCommandStrings(resp.AppendCommandStrings(nil, "REPLCONF", "holdfast", "{}"),
			"PSYNC", "?", "-1"))
		if got, _ := io.ReadAll(liar); !strings.HasPrefix(string(got), "-") ||
			strings.Contains(string(got), "FULLRESYNC") {
			t.Errorf("who only says that it is a member is answered %q", got)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
}
