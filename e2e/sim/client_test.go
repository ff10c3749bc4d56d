package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/simnet"
	"holdfast/resp"
)

// client works on the group as an application does: it asks sentinels for the master, and goes on asking after each
// error.
type client struct {
	g    *group
	id   int
	name string
	host *simnet.Host
	rng  *rand.Rand
	next int // number of its next unique key
	pace time.Duration

	master   *resp.Client // nil while it has none
	at       string       // the master's address
	fresh    bool         // nothing was written on this connection yet
	others   map[string]*resp.Client
	failures int // writes that failed in a row
	// refused has every error reply that a write got, for scenarios that allow none.
	refused []string
}

// startClients lets n clients work until the group ends or stopClients.
func (g *group) startClients(n int, pace time.Duration) {
	for range n {
		id := len(g.clients)
		c := &client{g: g, id: id, name: fmt.Sprintf("client%d", id), host: g.net.Host(fmt.Sprintf("10.0.8.%d", id+1)),
			rng: rand.New(rand.NewPCG(g.rng.Uint64(), 4)), pace: pace, others: map[string]*resp.Client{}}
		g.clients = append(g.clients, c)
		g.work.Go(func() { c.run(g.running) })
	}
}

// stopClients ends clients and watchers and waits for them.
func (g *group) stopClients() {
	g.stop()
	g.work.Wait()
}

func (c *client) run(ctx context.Context) {
	defer c.close()
	for ctx.Err() == nil {
		if c.master == nil && !c.connect() {
			c.pause(ctx, 20*time.Millisecond)
			continue
		}
		before := c.failures
		c.step()
		if c.failures == before {
			c.failures = 0
		} else if c.failures > impatience {
			// what is not answered may have happened or not, and too much of that can't be judged
			c.pause(ctx, patience)
		}
		c.pause(ctx, time.Duration(c.rng.Int64N(int64(2*c.pace)+1)))
	}
}

func (c *client) pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (c *client) close() {
	c.leave()
	for _, o := range c.others {
		_ = o.Close()
	}
}

// leave gives up the connection to the master.
func (c *client) leave() {
	if c.master != nil {
		_ = c.master.Close()
		c.master = nil
	}
}

func (c *client) dial(addr string) (*resp.Client, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return resp.Dial(ctx, c.host, addr)
}

func (c *client) do(conn *resp.Client, args ...any) (resp.Value, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return conn.Do(ctx, args...)
}

// connect asks the sentinels, in any order, and takes the first that names a node which says that it is the master.
func (c *client) connect() bool {
	for _, i := range c.rng.Perm(size) {
		addr, ok := c.lookup(c.g.sentinels[i].addr())
		if !ok {
			continue
		}
		conn, err := c.dial(addr)
		if err != nil {
			continue
		}
		if v, err := c.do(conn, "ROLE"); err == nil && len(v.Elems) > 0 && string(v.Elems[0].Str) == "master" {
			if addr != c.at {
				c.g.story.tell(c.name, "writes to %s", addr)
			}
			c.master, c.at, c.fresh = conn, addr, true
			return true
		}
		_ = conn.Close()
	}
	return false
}

func (c *client) lookup(sentinel string) (string, bool) {
	conn, err := c.dial(sentinel)
	if err != nil {
		return "", false
	}
	defer conn.Close()
	v, err := c.do(conn, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", groupName)
	if err != nil {
		return "", false
	}
	return joinAddr(v)
}

// step is one operation.
func (c *client) step() {
	switch dice := c.rng.IntN(100); {
	case c.g.uniform && dice < 90:
		c.share()
	case c.g.uniform && dice < 95:
		c.writeKey()
	case dice < 25:
		c.writeKey()
	case dice < 33:
		c.setRegister()
	case dice < 36:
		c.count()
	case dice < 39:
		c.runScript()
	case dice < 43:
		c.useLibrary()
	case dice < 52:
		c.readKey()
	case dice < 92:
		c.share()
	case dice < 94:
		c.readTwins()
	default:
		c.readRegister()
	}
}

// impatience is how many writes in a row may fail before a client takes its time.
const impatience = 4

// failed looks at what became of a write: the connection is of no more use.
func (c *client) failed(what string, err error) {
	c.failures++
	var reply resp.Error
	if errors.As(err, &reply) {
		c.refused = append(c.refused, string(reply))
	}
	c.g.story.tell(c.name, "%s on %s: %v", what, c.at, err)
	c.leave()
}

// writeKey writes a key of its own. At times, and first on a connection, INFO goes along in the same pipeline and so in
// the same turn of the node: it says in which epoch the write was taken.
func (c *client) writeKey() {
	key, value := fmt.Sprintf("c%d:%d", c.id, c.next), fmt.Sprintf("v%d-%d", c.id, c.rng.Uint32())
	c.next++
	asks := c.fresh || c.rng.IntN(8) == 0
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := c.master.Send(ctx, "SET", key, value)
	if err == nil && asks {
		err = c.master.Send(ctx, "INFO", "replication")
	}
	if err == nil {
		_, err = c.master.Receive(ctx)
	}
	c.g.history.wrote(c.id, key, value, err == nil)
	if err != nil {
		c.failed("SET "+key, err)
		return
	}
	c.fresh = false
	if !asks {
		return
	}
	v, err := c.master.Receive(ctx)
	if err != nil {
		c.failed("INFO", err)
		return
	}
	info := infoOf(v)
	if info["role"] == "master" {
		epoch, _ := strconv.ParseUint(info["holdfast_epoch"], 10, 64)
		c.g.history.acknowledged(epoch, c.at+" "+info["master_replid"][:8])
	}
}

func infoOf(v resp.Value) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(string(v.Str)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields
}

func (c *client) registerName() string { return fmt.Sprintf("r%d", c.id) }

func (c *client) setRegister() {
	n := c.g.history.beginSet(c.registerName())
	if _, err := c.do(c.master, "SET", c.registerName(), n); err != nil {
		c.failed("SET "+c.registerName(), err)
		return
	}
	c.g.history.endSet(c.id, c.registerName(), n)
}

func (c *client) count() {
	before := c.g.history.beginIncr()
	v, err := c.do(c.master, "INCR", "counter")
	if err != nil {
		c.failed("INCR", err)
		return
	}
	c.g.history.endIncr(c.id, c.at, before, v.Int)
}

// someNode is a connection to any node, the master's or a slave's.
func (c *client) someNode() (*resp.Client, string) {
	addr := c.g.nodes[c.rng.IntN(size)].addr()
	if c.others[addr] == nil {
		conn, err := c.dial(addr)
		if err != nil {
			return nil, addr
		}
		c.others[addr] = conn
	}
	return c.others[addr], addr
}

// get reads from some node. A node may refuse, or not answer; if it answers, it must be right.
func (c *client) get(key string) (v resp.Value, who string, ok bool) {
	conn, who := c.someNode()
	if conn == nil {
		return v, who, false
	}
	v, err := c.do(conn, "GET", key)
	var refusal resp.Error
	if err != nil && !errors.As(err, &refusal) {
		_ = conn.Close()
		delete(c.others, who)
	}
	return v, who, err == nil
}

func (c *client) readKey() {
	key, ok := c.g.history.someKey(c.rng.IntN)
	if !ok {
		return
	}
	if v, who, ok := c.get(key); ok {
		c.g.history.read(who, key, string(v.Str), v.Null)
	}
}

func (c *client) readRegister() {
	name := fmt.Sprintf("r%d", c.rng.IntN(len(c.g.clients)))
	floor := c.g.history.beginRead(name)
	v, who, ok := c.get(name)
	if !ok {
		return
	}
	var n int64
	if !v.Null {
		n, _ = strconv.ParseInt(string(v.Str), 10, 64)
	}
	c.g.history.endRead(who, name, floor, n)
}
