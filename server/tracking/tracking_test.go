package tracking

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// recorder is a table of which every message is kept as "client: keys".
type recorder struct {
	*Table
	sent []string
}

func record() *recorder {
	r := &recorder{Table: New()}
	r.Send = func(c *Client, keys []string) {
		text := "all"
		if keys != nil {
			text = strings.Join(keys, " ")
		}
		r.sent = append(r.sent, fmt.Sprintf("%d: %s", c.ID, text))
	}
	return r
}

func (r *recorder) want(t *testing.T, messages ...string) {
	t.Helper()
	if !slices.Equal(r.sent, messages) {
		t.Errorf("sent %q, want %q", r.sent, messages)
	}
	r.sent = nil
}

func TestHoldersAreToldOnce(t *testing.T) {
	r := record()
	a, b := &Client{ID: 1}, &Client{ID: 2}
	r.Enable(a)
	r.Enable(b)
	r.Remember(b, []byte("k"))
	r.Remember(a, []byte("k"))
	r.Remember(a, []byte("k"))
	if r.Keys() != 1 || r.Items() != 2 {
		t.Errorf("%d keys, %d items", r.Keys(), r.Items())
	}
	r.Changed([]byte("other"), 0)
	r.Changed([]byte("k"), 0)
	r.Changed([]byte("k"), 0)
	r.want(t, "1: k", "2: k")
	r.Remember(a, []byte("k"))
	r.Disable(a)
	r.Changed([]byte("k"), 0)
	r.want(t)
	if r.Keys()+r.Items() != 0 {
		t.Errorf("%d keys, %d items", r.Keys(), r.Items())
	}
}

func TestOwnChangesAreToldAfterTheReply(t *testing.T) {
	r := record()
	a, quiet, other := &Client{ID: 1}, &Client{ID: 2, NoLoop: true}, &Client{ID: 3}
	for _, c := range []*Client{a, quiet, other} {
		r.Enable(c)
		r.Remember(c, []byte("k"))
	}
	r.Begin(1)
	r.Changed([]byte("k"), 1)
	r.Flushed()
	r.want(t, "2: k", "3: k", "2: all", "3: all")
	r.Finish()
	r.want(t, "1: k", "1: all")
	r.Remember(quiet, []byte("k"))
	r.Begin(2)
	r.Changed([]byte("k"), 2)
	r.Finish()
	r.want(t)
}

func TestBroadcast(t *testing.T) {
	r := record()
	all, some, quiet := &Client{ID: 1, Broadcast: true}, &Client{ID: 2, Broadcast: true},
		&Client{ID: 3, Broadcast: true, NoLoop: true}
	for _, c := range []*Client{all, some, quiet} {
		r.Enable(c)
	}
	r.Watch(all, "")
	r.Watch(some, "b:")
	r.Watch(some, "a:")
	r.Watch(some, "a:")
	r.Watch(quiet, "a:")
	if !slices.Equal(some.Prefixes, []string{"a:", "b:"}) || r.Prefixes() != 3 {
		t.Errorf("prefixes %q of %d", some.Prefixes, r.Prefixes())
	}
	r.Changed([]byte("b:1"), 3)
	r.Changed([]byte("a:2"), 3)
	r.Changed([]byte("a:1"), 0)
	r.Changed([]byte("a:3"), 3)
	r.Changed([]byte("a:3"), 0) // the last change counts
	r.Changed([]byte("a"), 0)
	r.want(t)
	r.Broadcast()
	r.want(t, "1: a a:1 a:2 a:3 b:1", "2: a:1 a:2 a:3", "3: a:1 a:3", "2: b:1")
	r.Broadcast()
	r.want(t)
	r.Disable(some)
	r.Disable(all)
	if r.Prefixes() != 1 || len(some.Prefixes) != 0 {
		t.Errorf("%d prefixes", r.Prefixes())
	}
}

func TestOverlap(t *testing.T) {
	c := &Client{Prefixes: []string{"FOO", "BAR"}}
	for _, test := range []struct {
		add  string
		want string
	}{
		{"X Y", ""}, {"FO", "FO FOO true"}, {"BARB", "BARB BAR true"}, {"X XY", "X XY false"}, {"Z XY X", "XY X false"},
	} {
		added, other, own, found := c.Overlap(strings.Fields(test.add))
		got := ""
		if found {
			got = fmt.Sprint(added, " ", other, " ", own)
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.add, got, test.want)
		}
	}
	if _, _, _, found := (*Client)(nil).Overlap([]string{"a", "ab"}); !found {
		t.Error("a client without tracking may not bring overlapping prefixes")
	}
}

func TestLimitGoesOnUntilItIsReached(t *testing.T) {
	r := record()
	c := &Client{ID: 1}
	r.Enable(c)
	for i := range 1000 {
		r.Remember(c, fmt.Append(nil, i))
	}
	for _, left := range []int{900, 700, 400, 10, 10} {
		r.Limit(10)
		if r.Keys() != left || r.Items() != left {
			t.Errorf("%d keys and %d items, want %d", r.Keys(), r.Items(), left)
		}
	}
	if len(r.sent) != 990 {
		t.Errorf("%d messages", len(r.sent))
	}
	r.Limit(0)
	if r.Keys() != 10 {
		t.Error("no limit forgot keys")
	}
}

// TestAgainstModel keeps a cache for each client, as a client would: it never holds what has changed since it was read.
func TestAgainstModel(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 7))
		table := New()
		caches := map[int64]map[string]int{}
		table.Send = func(c *Client, keys []string) {
			if keys == nil {
				clear(caches[c.ID])
			}
			for _, k := range keys {
				delete(caches[c.ID], k)
			}
		}
		values := map[string]int{}
		clients := map[int64]*Client{}
		for step := range 500 {
			id, key := 1+rng.Int64N(4), string(rune('a'+rng.IntN(10)))
			switch c := clients[id]; rng.IntN(6) {
			case 0:
				if c == nil {
					clients[id], caches[id] = &Client{ID: id}, map[string]int{}
					table.Enable(clients[id])
				} else if rng.IntN(4) == 0 {
					table.Disable(c)
					delete(clients, id)
					delete(caches, id)
				}
			case 1, 2:
				if c != nil {
					table.Remember(c, []byte(key))
					caches[id][key] = values[key]
				}
			case 3, 4:
				table.Begin(id)
				values[key] = step
				table.Changed([]byte(key), id)
				table.Finish()
			case 5:
				if rng.IntN(10) == 0 {
					for k := range values {
						values[k] = -step
					}
					table.Flushed()
				}
				table.Limit(6)
			}
			for id, cache := range caches {
				for k, v := range cache {
					if v != values[k] {
						t.Fatalf("seed %d step %d: client %d holds %s = %d, it is %d", seed, step, id, k, v, values[k])
					}
				}
			}
			items, memory := 0, int64(0)
			for key, held := range table.holders {
				items += len(held)
				memory += keyMemory + int64(len(key)) + int64(len(held))*holderMemory
			}
			if items != table.Items() || memory != table.Memory() {
				t.Fatalf("seed %d step %d: %d items and %d bytes, counted %d and %d", seed, step, items, memory,
					table.Items(), table.Memory())
			}
		}
	}
}
