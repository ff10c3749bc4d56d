package sentinel

import (
	"context"
	"strings"
	"testing"
	"time"

	"holdfast/resp"
)

// client is a connection of a test to one sentinel.
type client struct {
	t *testing.T
	c *resp.Client
}

func (w *world) client(i int) client {
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

const commonFields = "name ip port runid flags link-pending-commands link-refcount last-ping-sent last-ok-ping-reply last-ping-reply down-after-milliseconds"

func TestSentinelReplies(t *testing.T) {
	inWorld(t, 3, func(w *world) {
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
			want := commonFields + " info-refresh role-reported role-reported-time config-epoch num-slaves num-other-sentinels quorum failover-timeout parallel-syncs"
			if got := strings.Join(fieldNames(m), " "); got != want {
				t.Errorf("fields of a master: %s", got)
			}
			for name, want := range map[string]string{
				"name": testGroup, "ip": host, "port": port, "flags": "master", "runid": head.Incarnation, "num-slaves": "2",
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
		want := commonFields + " info-refresh role-reported role-reported-time master-link-down-time master-link-status master-host master-port slave-priority slave-repl-offset replica-announced"
		for _, r := range replicas.Elems {
			if got := strings.Join(fieldNames(r), " "); got != want {
				t.Errorf("fields of a replica: %s", got)
			}
			if field(r, "flags") != "slave" || field(r, "master-host") != host || field(r, "master-port") != port || field(r, "master-link-status") != "ok" {
				t.Errorf("replica %v", r)
			}
		}
		sentinels := c.do("SENTINEL", "SENTINELS", testGroup)
		if len(sentinels.Elems) != 2 || field(sentinels.Elems[0], "flags") != "sentinel" || field(sentinels.Elems[0], "port") != "26379" {
			t.Errorf("sentinels: %v", sentinels)
		}
	})
}

func TestSentinelScalars(t *testing.T) {
	inWorld(t, 3, func(w *world) {
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
			{"SENTINEL SET mymaster nonsense 1", "ERR Unknown option or number of arguments for SENTINEL SET 'nonsense'"},
			{"GET x", "ERR unknown command 'GET', with args beginning with: 'x' "},
			{"PUBLISH news hello", "ERR Only HELLO messages are accepted by Sentinel instances."},
			{"ROLE", "[sentinel [mymaster]]"},
			{"AUTH secret", string(errNoPassword)},
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
		for _, want := range []string{"redis_mode:sentinel", "sentinel_masters:1", "master0:name=mymaster,status=ok,address=10.0.1.", ",slaves=2,sentinels=3"} {
			if !strings.Contains(text, want) {
				t.Errorf("INFO lacks %q:\n%s", want, text)
			}
		}
		hello := c.do("HELLO", 3)
		if got := strings.Join(fieldNames(hello), " "); got != "server version proto id mode modules" || field(hello, "mode") != "sentinel" {
			t.Errorf("HELLO: %v", hello)
		}
	})
}

func TestPassword(t *testing.T) {
	inWorld(t, 1, func(w *world) {
		w.sentinels[0].cfg.RequirePass = "secret" // read for every new connection
		c := w.client(0)
		defer c.c.Close()
		for _, test := range []struct{ cmd, want string }{
			{"PING", "NOAUTH Authentication required."},
			{"AUTH wrong", string(errWrongPass)},
			{"HELLO 3", string(errHelloAuth)},
			{"HELLO 3 AUTH default wrong", string(errWrongPass)},
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
