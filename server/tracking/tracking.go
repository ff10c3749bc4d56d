package tracking

import (
	"maps"
	"slices"
	"strings"
)

// Client is a connection that has tracking switched on.
type Client struct {
	ID        int64
	Redirect  int64 // the client that gets the messages instead; 0: itself
	Broadcast bool
	OptIn     bool // only what is read after CLIENT CACHING YES is tracked
	OptOut    bool // what is read after CLIENT CACHING NO is not
	NoLoop    bool // it is not told of its own changes
	Caching   bool // CLIENT CACHING was said of the command that comes
	Broken    bool // the client that Redirect names is gone
	Prefixes  []string
}

// Tracks reports whether what the client reads now is to be remembered.
func (c *Client) Tracks() bool {
	return !c.Broadcast && (!c.OptIn || c.Caching) && (!c.OptOut || !c.Caching)
}

// Table is what one node knows of its clients' caches.
type Table struct {
	// Send has a client told to forget keys, all that it has if keys is nil.
	Send func(c *Client, keys []string)

	clients  map[int64]*Client
	holders  map[string][]int64 // by key: who was shown it, in ascending order; some may be gone
	items    int                // holders, of all keys
	memory   int64              // that holders take, about
	prefixes map[string]*prefix

	current int64 // the client whose command is executed
	pending []message
	over    int // how often in a row Limit could not get below its limit
}

// prefix is one prefix of broadcasting clients.
type prefix struct {
	clients []*Client
	changed map[string]int64 // keys that changed since they were last told, and who changed them; 0: nobody
}

// message waits for the end of the command in execution.
type message struct {
	to   *Client
	keys []string
}

// New is a table that tracks nothing.
func New() *Table {
	return &Table{clients: map[int64]*Client{}, holders: map[string][]int64{}, prefixes: map[string]*prefix{}}
}

// Enable switches tracking on for a client, or takes over its new options.
func (t *Table) Enable(c *Client) { t.clients[c.ID] = c }

// Watch adds a prefix to those of a broadcasting client.
func (t *Table) Watch(c *Client, text string) {
	p := t.prefixes[text]
	if p == nil {
		p = &prefix{changed: map[string]int64{}}
		t.prefixes[text] = p
	}
	if !slices.Contains(p.clients, c) {
		p.clients = append(p.clients, c)
		c.Prefixes = append(c.Prefixes, text)
		slices.Sort(c.Prefixes)
	}
}

// Disable switches tracking off. What the client was shown is forgotten when it changes: looking for it could take
// long.
func (t *Table) Disable(c *Client) {
	for _, text := range c.Prefixes {
		p := t.prefixes[text]
		p.clients = slices.DeleteFunc(p.clients, func(o *Client) bool { return o == c })
		if len(p.clients) == 0 {
			delete(t.prefixes, text)
		}
	}
	c.Prefixes = nil
	delete(t.clients, c.ID)
}

// Clients, Keys, Items and Prefixes count for INFO.
func (t *Table) Clients() int { return len(t.clients) }

// Keys counts the keys that somebody was shown.
func (t *Table) Keys() int { return len(t.holders) }

// Items counts who was shown them.
func (t *Table) Items() int { return t.items }

// Prefixes counts the distinct prefixes.
func (t *Table) Prefixes() int { return len(t.prefixes) }

// Memory is about what the table holds.
func (t *Table) Memory() int64 { return t.memory }

// What a key with its first holder takes beside its name in the map, and what a holder takes.
const (
	keyMemory    = 64
	holderMemory = 8
)

// Begin says whose command is executed: that client is told of changes after its reply, never in the middle.
func (t *Table) Begin(id int64) { t.current = id }

// Aside puts away what there is to tell the client whose command is executed, while another's is, until back is called.
func (t *Table) Aside() (back func()) {
	current, pending := t.current, t.pending
	t.current, t.pending = 0, nil
	return func() { t.current, t.pending = current, pending }
}

// Finish has the client told, now that its reply is written.
func (t *Table) Finish() {
	t.current = 0
	for _, m := range t.pending {
		t.send(m.to, m.keys)
	}
	clear(t.pending)
	t.pending = t.pending[:0]
}

func (t *Table) send(c *Client, keys []string) { t.Send(c, keys) }

func (t *Table) tell(c *Client, keys []string) {
	if c.ID == t.current || c.Redirect != 0 && c.Redirect == t.current {
		t.pending = append(t.pending, message{c, keys})
	} else {
		t.send(c, keys)
	}
}

// Remember notes that the client was shown a key.
func (t *Table) Remember(c *Client, key []byte) {
	held := t.holders[string(key)]
	if i, there := slices.BinarySearch(held, c.ID); !there {
		if len(held) == 0 {
			t.memory += keyMemory + int64(len(key))
		}
		t.holders[string(key)] = slices.Insert(held, i, c.ID)
		t.items++
		t.memory += holderMemory
	}
}

// Idle reports that nobody would be told of a change.
func (t *Table) Idle() bool { return len(t.holders) == 0 && len(t.prefixes) == 0 }

// Changed says that a client, or nobody (0: it expired, it was evicted), has changed a key.
func (t *Table) Changed(key []byte, by int64) {
	for text, p := range t.prefixes {
		if len(text) <= len(key) && text == string(key[:len(text)]) {
			p.changed[string(key)] = by
		}
	}
	if _, held := t.holders[string(key)]; held {
		t.forget(string(key))
	}
}

// forget has all who were shown a key told that it is not what it was, or that nobody will tell them of changes any
// more.
func (t *Table) forget(key string) {
	held := t.holders[key]
	delete(t.holders, key)
	t.items -= len(held)
	t.memory -= keyMemory + int64(len(key)) + int64(len(held))*holderMemory
	for _, id := range held {
		c := t.clients[id]
		if c == nil || c.Broadcast || c.NoLoop && id == t.current {
			continue
		}
		t.tell(c, []string{key})
	}
}

// Flushed says that all keys of a database, or of all, are gone.
func (t *Table) Flushed() {
	for _, id := range slices.Sorted(maps.Keys(t.clients)) {
		t.tell(t.clients[id], nil)
	}
	t.holders, t.items, t.memory = map[string][]int64{}, 0, 0 // to clear a large map would take long
}

// evictions is how many keys Limit forgets at a time, and as many more each time that it was not enough.
const evictions = 100

// Limit forgets keys beyond a number (0: there is no limit), at random, a bounded number at a time.
func (t *Table) Limit(most int) {
	if most == 0 || len(t.holders) <= most {
		t.over = 0
		return
	}
	t.over++
	effort := t.over * evictions
	for key := range t.holders { // in no order
		if effort == 0 {
			return
		}
		effort--
		t.forget(key)
		if len(t.holders) <= most {
			t.over = 0
			return
		}
	}
}

// Broadcast tells the clients that broadcast what has changed since the last time: one message for each prefix.
func (t *Table) Broadcast() {
	if len(t.prefixes) == 0 {
		return
	}
	for _, text := range slices.Sorted(maps.Keys(t.prefixes)) {
		p := t.prefixes[text]
		if len(p.changed) == 0 {
			continue
		}
		keys := slices.Sorted(maps.Keys(p.changed))
		for _, c := range p.clients {
			if told := p.without(c, keys); len(told) > 0 {
				t.send(c, told)
			}
		}
		clear(p.changed)
	}
}

// without leaves out a client's own changes if it asked for that.
func (p *prefix) without(c *Client, keys []string) []string {
	if !c.NoLoop {
		return keys
	}
	var others []string
	for _, key := range keys {
		if p.changed[key] != c.ID {
			others = append(others, key)
		}
	}
	return others
}

// Overlap finds a pair of prefixes that begin alike: one key would be told twice. own is a prefix the client has
// already.
func (c *Client) Overlap(prefixes []string) (added, other string, own, found bool) {
	for i, a := range prefixes {
		if c != nil {
			for _, b := range c.Prefixes {
				if alike(a, b) {
					return a, b, true, true
				}
			}
		}
		for _, b := range prefixes[i+1:] {
			if alike(a, b) {
				return a, b, false, true
			}
		}
	}
	return "", "", false, false
}

func alike(a, b string) bool { return strings.HasPrefix(a, b) || strings.HasPrefix(b, a) }
