package node

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast/internal/simnet"
)

// fillAll makes keys of all types, small and large.
func fillAll(c client) {
	for _, n := range []int{3, 2000} {
		for i := range n {
			c.do("RPUSH", fmt.Sprint("list", n), fmt.Sprint("element ", i), i)
			c.do("SADD", fmt.Sprint("set", n), fmt.Sprint("member ", i))
			c.do("SADD", fmt.Sprint("ints", n), i)
			c.do("HSET", fmt.Sprint("hash", n), fmt.Sprint("field ", i), fmt.Sprint("value ", i))
			c.do("HSET", fmt.Sprint("timed", n), fmt.Sprint("field ", i), i)
			c.do("ZADD", fmt.Sprint("zset", n), float64(i)/7, fmt.Sprint("member ", i))
		}
		c.do("HPEXPIRE", fmt.Sprint("timed", n), 100000, "FIELDS", 1, "field 1")
		c.do("SET", fmt.Sprint("string", n), strings.Repeat("ab ", n), "PX", 50000)
	}
	c.do("SELECT", 5)
	c.do("SET", "elsewhere", 1)
	c.do("SELECT", 0)
}

// times are when some of it expires.
func times(c client) string {
	return c.do("PEXPIRETIME", "string3") + c.do("HPEXPIRETIME", "timed2000", "FIELDS", 1, "field 1") +
		c.do("HPEXPIRETIME", "timed3", "FIELDS", 1, "field 1")
}

func TestDumpsHoldAllTypes(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		dir := t.TempDir()
		n := startIn(t, net.Host("10.0.0.1"), "10.0.0.1", dir)
		c := dial(t, net.Host("10.0.0.9"), "10.0.0.1")
		fillAll(c)
		want, before := c.do("DEBUG", "DIGEST"), times(c)
		if got := c.do("DEBUG", "RELOAD"); got != "OK" || c.do("DEBUG", "DIGEST") != want {
			t.Errorf("RELOAD: %s, or the digest is another one", got)
		}
		if got := times(c); got != before {
			t.Errorf("after a reload it expires at %s, before at %s", got, before)
		}
		// A full synchronisation.
		r := startNode(t, net.Host("10.0.0.2"), "10.0.0.2", "enable-debug-command yes")
		cr := dial(t, net.Host("10.0.0.9"), "10.0.0.2")
		cr.do("REPLICAOF", "10.0.0.1", "6379")
		time.Sleep(5 * time.Second)
		if got := cr.do("DEBUG", "DIGEST"); got != want {
			t.Error("the replica's digest is another one")
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if got := c.do("SAVE"); got != "OK" {
			t.Error(got)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		// A new start from the file: first at once, then when the strings have expired.
		for i, keys := range []string{"15", "13"} {
			n := startIn(t, net.Host("10.0.0.1"), "10.0.0.1", dir)
			c := dial(t, net.Host("10.0.0.9"), "10.0.0.1")
			info := c.do("INFO", "persistence")
			if !strings.Contains(info, "rdb_last_load_keys_loaded:"+keys+"\r\n") {
				t.Errorf("%s keys should have been loaded: %s", keys, info)
			}
			if i == 0 && c.do("DEBUG", "DIGEST") != want {
				t.Error("the digest after a new start is another one")
			}
			if err := n.Close(); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Minute)
		}
	})
}

func TestReloadOptions(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		n := startIn(t, net.Host("10.0.0.1"), "10.0.0.1", t.TempDir())
		c := dial(t, net.Host("10.0.0.9"), "10.0.0.1")
		for _, step := range [][2]string{
			{"DEBUG RELOAD NOSAVE", "-ERR Error trying to load the RDB dump"},
			{"SET a saved", "OK"}, {"SET b saved", "OK"}, {"SAVE", "OK"}, {"SET a new", "OK"}, {"SET c new", "OK"},
			{"DEL b", "1"},
			{"DEBUG RELOAD x", "-ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options."},
			{"DEBUG RELOAD NOSAVE NOFLUSH", "-ERR Error trying to load the RDB dump"},
			{"DEBUG RELOAD NOSAVE NOFLUSH MERGE", "OK"},
			{"MGET a b c", "[saved saved new]"},
			{"DEBUG RELOAD NOSAVE", "OK"},
			{"MGET a b c", "[saved saved ]"},
		} {
			c.answers(step[0], step[1])
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestChangeReplID(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		n := startIn(t, net.Host("10.0.0.1"), "10.0.0.1", t.TempDir())
		c := dial(t, net.Host("10.0.0.9"), "10.0.0.1")
		before := n.log.ID()
		if got := c.do("DEBUG", "CHANGE-REPL-ID"); got != "OK" || n.log.ID() == before {
			t.Errorf("%s, id %s after %s", got, n.log.ID(), before)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
}
