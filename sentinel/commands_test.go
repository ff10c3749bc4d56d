package sentinel

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"holdfast/resp"
)

// client is a connection of a test to one sentinel.
type client struct {
	t *testing.T
	c *resp.Client
}

func (w *testCluster) client(i int) client {
	w.t.Helper()
	c, err := resp.Dial(context.Background(), w.net.Host("10.0.9.9"), sentinelIP(i)+":26379")
	if err != nil {
		w.t.Fatal(err)
	}
	return client{w.t, c}
}

func (c client) do(args ...any) resp.Value {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	v, err := c.c.Do(ctx, args...)
	if err != nil && v.Kind != resp.KindError {
		c.t.Fatalf("%v: %v", args, err)
	}
	return v
}

// names are the field names of a map, or of the flat array that RESP2 has for it.
func fieldNames(v resp.Value) []string {
	var list []string
	for i := 0; i < len(v.Elems); i += 2 {
		list = append(list, v.Elems[i].String())
	}
	return list
}

func field(v resp.Value, name string) string {
	for i := 0; i+1 < len(v.Elems); i += 2 {
		if v.Elems[i].String() == name {
			return v.Elems[i+1].String()
		}
	}
	return "(absent)"
}

const commonFields = "name ip port runid flags link-pending-commands link-refcount last-ping-sent last-ok-ping-reply " +
	"last-ping-reply down-after-milliseconds"

func TestSentinelReplies(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		head := w.agreed().Chain[0]
		host, port := splitAddr(head.Addr)
		c := w.client(0)
		defer c.c.Close()
		for _, proto := range []int{2, 3} {
			c.do("HELLO", proto)
			kind := map[int]resp.Kind{2: resp.KindArray, 3: resp.KindMap}[proto]
			list := c.do("SENTINEL", "MASTERS")
			if len(list.Elems) != 1 || list.Elems[0].Kind != kind {
				t.Fatalf("RESP%d: %v", proto, list)
			}
			m := list.Elems[0]
			want := commonFields + " info-refresh role-reported role-reported-time config-epoch num-slaves " +
				"num-other-sentinels quorum failover-timeout parallel-syncs"
			if got := strings.Join(fieldNames(m), " "); got != want {
				t.Errorf("fields of a master: %s", got)
			}
			for name, want := range map[string]string{
				"name": testGroup, "ip": host, "port": port, "flags": "master", "runid": head.Incarnation,
				"num-slaves":          "2",
				"num-other-sentinels": "2", "quorum": "2", "down-after-milliseconds": "1000",
			} {
				if got := field(m, name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			for _, e := range m.Elems {
				if e.Kind != resp.KindBulk {
					t.Errorf("%v is no bulk string", e)
				}
			}
		}
		replicas := c.do("SENTINEL", "REPLICAS", testGroup)
		if len(replicas.Elems) != 2 {
			t.Fatalf("replicas: %v", replicas)
		}
		want := commonFields + " info-refresh role-reported role-reported-time master-link-down-time " +
			"master-link-status master-host master-port slave-priority slave-repl-offset replica-announced"
		for _, r := range replicas.Elems {
			if got := strings.Join(fieldNames(r), " "); got != want {
				t.Errorf("fields of a replica: %s", got)
			}
			if field(r, "flags") != "slave" || field(r, "master-host") != host || field(r, "master-port") != port ||
				field(r, "master-link-status") != "ok" {
				t.Errorf("replica %v", r)
			}
		}
		sentinels := c.do("SENTINEL", "SENTINELS", testGroup)
		if len(sentinels.Elems) != 2 || field(sentinels.Elems[0], "flags") != "sentinel" ||
			field(sentinels.Elems[0], "port") != "26379" {
			t.Errorf("sentinels: %v", sentinels)
		}
	})
}

func TestSentinelScalars(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		c := w.client(1)
		defer c.c.Close()
		for _, test := range []struct{ cmd, want string }{
			{"PING", "PONG"},
			{"SENTINEL CKQUORUM mymaster", "OK 3 usable Sentinels. Quorum and failover authorization can be reached"},
			{"SENTINEL CKQUORUM other", "ERR No such master with that name"},
			{"SENTINEL GET-MASTER-ADDR-BY-NAME other", ""},
			{"SENTINEL MASTER other", "ERR No such master with that name"},
			{"SENTINEL FAILOVER other", "ERR No such master with that name"},
			{"SENTINEL IS-MASTER-DOWN-BY-ADDR 10.0.1.1 6379 0 *", "[0 * 0]"},
			{"SENTINEL RESET my*", "1"},
			{"SENTINEL RESET x*", "0"},
			{"SENTINEL FLUSHCONFIG", "OK"},
			{"SENTINEL NONSENSE", "ERR unknown subcommand 'NONSENSE'. Try SENTINEL HELP."},
			{"SENTINEL MASTER", "ERR wrong number of arguments for 'sentinel|master' command"},
			{"SENTINEL SET mymaster quorum 3 down-after-milliseconds 2000", "OK"},
			{"SENTINEL SET mymaster quorum zero", "ERR Invalid argument 'zero' for SENTINEL SET 'quorum'"},
			{"SENTINEL SET mymaster nonsense 1",
				"ERR Unknown option or number of arguments for SENTINEL SET 'nonsense'"},
			{"GET x", "ERR unknown command 'GET', with args beginning with: 'x' "},
			{"PUBLISH news hello", "ERR Only HELLO messages are accepted by Sentinel instances."},
			{"ROLE", "[sentinel [mymaster]]"},
			{"AUTH secret", "ERR AUTH <password> called without any password configured for the default user. " +
				"Are you sure your configuration is correct?"},
			{"CLIENT SETNAME me", "OK"},
			{"CLIENT GETNAME", "me"},
			{"CLIENT SETINFO LIB-NAME redis-py", "OK"},
			{"SENTINEL REMOVE mymaster", "OK"},
		} {
			var args []any
			for _, word := range strings.Fields(test.cmd) {
				args = append(args, word)
			}
			if got := c.do(args...).String(); got != test.want {
				t.Errorf("%s: %q, want %q", test.cmd, got, test.want)
			}
		}
		w.until("removed everywhere", time.Second, func() bool {
			v, _ := w.ask(2, "SENTINEL", "MASTERS")
			return len(v.Elems) == 0
		})
		epoch := w.agreed().Epoch
		if v := c.do("SENTINEL", "MONITOR", "mymaster", "10.0.1.1", "6379", "2"); v.String() != "OK" {
			t.Errorf("MONITOR: %v", v)
		}
		w.until("back everywhere, with its epoch", time.Second, func() bool {
			v, _ := w.ask(1, "SENTINEL", "MASTERS")
			return len(v.Elems) == 1 && w.agreed().Epoch >= epoch
		})
		text := c.do("INFO").String()
		for _, want := range []string{"redis_mode:sentinel", "sentinel_masters:1",
			"master0:name=mymaster,status=ok,address=10.0.1.", ",slaves=2,sentinels=3"} {
			if !strings.Contains(text, want) {
				t.Errorf("INFO lacks %q:\n%s", want, text)
			}
		}
		hello := c.do("HELLO", 3)
		if got := strings.Join(fieldNames(hello), " "); got != "server version proto id mode modules" ||
			field(hello, "mode") != "sentinel" {
			t.Errorf("HELLO: %v", hello)
		}
	})
}

const wrongPass = "WRONGPASS invalid username-password pair or user is disabled."

func TestPassword(t *testing.T) {
	inCluster(t, 1, func(w *testCluster) {
		w.sentinels[0].cfg.RequirePass = "secret" // read for every new connection
		c := w.client(0)
		defer c.c.Close()
		for _, test := range []struct{ cmd, want string }{
			{"PING", "NOAUTH Authentication required."},
			{"AUTH wrong", wrongPass},
			{"HELLO 3", "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH " +
				"<user> <pass> " +
				"option can be used to authenticate the client and select the RESP protocol version at the same time"},
			{"HELLO 3 AUTH default wrong", wrongPass},
			{"AUTH secret", "OK"},
			{"PING", "PONG"},
			{"RESET", "RESET"},
			{"SENTINEL MASTERS", "NOAUTH Authentication required."},
			{"AUTH default secret", "OK"},
			{"SENTINEL MYID", w.sentinels[0].ID()},
		} {
			var args []any
			for _, word := range strings.Fields(test.cmd) {
				args = append(args, word)
			}
			if got := c.do(args...).String(); got != test.want {
				t.Errorf("%s: %q, want %q", test.cmd, got, test.want)
			}
		}
	})
}

// TestHTTPIsTurnedAway: a web page has no say in a failover.
func TestHTTPIsTurnedAway(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		epoch := w.agreed().Epoch
		for name, request := range map[string]string{
			"POST": "POST / HTTP/1.1\r\n", "Host": "GET / HTTP/1.1\r\nhost: x\r\n", "array": "*1\r\n$5\r\nHOST:\r\n",
			"behind a command": "PING\r\npost /\r\n",
		} {
			conn, err := w.net.Host("10.0.9.9").Dial(context.Background(), sentinelIP(0)+":26379")
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
			if _, err := conn.Write([]byte(request + "SENTINEL FAILOVER mymaster\r\nSENTINEL SET mymaster quorum " +
				"3\r\nPING\r\n")); err != nil {
				t.Fatal(err)
			}
			// What stood before it may have left already, unlike in Redis.
			if got, err := io.ReadAll(conn); err != nil || strings.Contains(string(got), "OK") ||
				strings.Count(string(got), "PONG") > 1 {
				t.Errorf("%s: %q, %v", name, got, err)
			}
			_ = conn.Close()
		}
		time.Sleep(time.Second)
		if g := w.agreed(); g.Epoch != epoch || g.Settings.Quorum != 2 {
			t.Errorf("what stood behind was executed: %+v", g)
		}
	})
}

// TestOperatorsWordHoldsAtOnce: what a sentinel has said OK to holds there for the next command, also when another one
// leads: an operator that sets a group up again on each sentinel in turn finds every step done.
func TestOperatorsWordHoldsAtOnce(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		for i, s := range w.sentinels {
			if !s.quorum.isLeader() {
				w.stopSentinel(i)
				w.storage[i].logs = slowLogs{w.storage[i].logs}
				w.startSentinel(i)
				break
			}
		}
		w.until("all in touch", 10*time.Second, func() bool {
			return !slices.ContainsFunc(w.sentinels, func(s *Sentinel) bool { return !s.quorum.inTouch() })
		})
		for i := range 9 {
			c := w.client(i % 3)
			for _, step := range []struct{ cmd, want string }{
				{"SENTINEL MONITOR mymaster 10.0.1.1 6379 2", string(errDuplicate)},
				{"SENTINEL REMOVE mymaster", "OK"},
				{"SENTINEL REMOVE mymaster", string(errNoSuchGroup)},
				{"SENTINEL SET mymaster quorum 2", string(errNoSuchGroup)},
				{"SENTINEL MONITOR mymaster 10.0.1.1 6379 2", "OK"},
				{"SENTINEL MONITOR mymaster 10.0.1.1 6379 2", string(errDuplicate)},
				{"SENTINEL SET mymaster down-after-milliseconds 5000 failover-timeout 7000", "OK"},
			} {
				var args []any
				for _, word := range strings.Fields(step.cmd) {
					args = append(args, word)
				}
				if got := c.do(args...).String(); got != step.want {
					t.Errorf("round %d, sentinel %d: %s: %q, want %q", i, i%3, step.cmd, got, step.want)
				}
			}
			m := c.do("SENTINEL", "MASTER", "mymaster")
			if field(m, "down-after-milliseconds") != "5000" || field(m, "failover-timeout") != "7000" {
				t.Errorf("round %d, sentinel %d: down-after %s, failover-timeout %s", i, i%3,
					field(m, "down-after-milliseconds"), field(m, "failover-timeout"))
			}
			c.c.Close()
		}
	})
}

// TestOperatorsWordOutlivesTheLeader: what an operator says in the moment in which the leader dies is done by the next
// one.
func TestOperatorsWordOutlivesTheLeader(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		leader := slices.IndexFunc(w.sentinels, func(s *Sentinel) bool { return s.quorum.isLeader() })
		c := w.client((leader + 1) % 3)
		w.killSentinel(leader)
		if got := c.do("SENTINEL", "SET", "mymaster", "down-after-milliseconds", "5000").String(); got != "OK" {
			t.Errorf("answered %q", got)
		}
		w.killSentinel((leader + 2) % 3)
		if got := c.do("SENTINEL", "SET", "mymaster", "down-after-milliseconds", "6000").String(); got == "OK" {
			t.Error("one of three has it agreed on")
		}
	})
}

// slowLogs has a disk that takes its time: its sentinel learns later than the others of what was agreed.
type slowLogs struct{ raft.LogStore }

func (s slowLogs) StoreLogs(logs []*raft.Log) error {
	time.Sleep(20 * time.Millisecond)
	return s.LogStore.StoreLogs(logs)
}
