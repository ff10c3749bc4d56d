package sim

import (
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/internal/linear"
	"holdfast/resp"
)

// The two keys that scripts and functions keep equal: who sees them differ sees the half of one.
const (
	bothEqual   = "redis.call('INCR', 'left') redis.call('INCR', 'right') return redis.call('INCR', 'counter')"
	twinsScript = "return {redis.call('GET', 'left'), redis.call('GET', 'right')}"
	// slowScript takes so many milliseconds between its first and its last write.
	slowScript = "redis.call('INCR', 'left') local t = redis.call('TIME') repeat for i = 1, 10000 do end " +
		"local now = redis.call('TIME') until (now[1] - t[1]) * 1000 + (now[2] - t[2]) / 1000 >= tonumber(ARGV[1]) " +
		"redis.call('INCR', 'right') return redis.call('INCR', 'counter')"
	// thinkingScript takes them before it writes anything.
	thinkingScript = "local t = redis.call('TIME') repeat for i = 1, 10000 do end " +
		"local now = redis.call('TIME') until (now[1] - t[1]) * 1000 + (now[2] - t[2]) / 1000 >= tonumber(ARGV[1]) " +
		bothEqual
)

func shaOf(script string) string { return fmt.Sprintf("%x", sha1.Sum([]byte(script))) }

// knownScripts are those that SCRIPT LOAD, or EVAL, was acknowledged of, by what they are, and their SHA1.
type knownScripts struct {
	kept atomic.Bool // the group is of the level for that
	mu   sync.Mutex
	list []string
}

func (k *knownScripts) add(script string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.list = append(k.list, script)
}

// pick is one of them; empty: there is none.
func (k *knownScripts) pick(pick func(n int) int) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.list) == 0 {
		return ""
	}
	return k.list[pick(len(k.list))]
}

// runScript makes a script known, or runs one that somebody else has made known, on the master or on any other node.
func (c *client) runScript() {
	script := c.g.scripts.pick(c.rng.IntN)
	switch dice := c.rng.IntN(10); {
	case script == "" || dice < 2:
		c.makeKnown()
	case dice < 8:
		before := c.g.history.beginIncr()
		if v, err := c.do(c.master, "EVALSHA", shaOf(script), "0"); err != nil {
			c.notKnown(c.at, script, err)
			c.failed("EVALSHA", err)
		} else {
			c.g.history.endIncr(c.id, c.at, before, v.Int)
		}
	default:
		if conn, who := c.someNode(); conn != nil {
			asks := []any{"SCRIPT", "EXISTS", shaOf(script)}
			if dice == 9 {
				asks = []any{"EVALSHA_RO", shaOf(script), "0"} // which is refused only when it would write
			}
			v, err := c.do(conn, asks...)
			if err == nil && v.Elems[0].Int != 1 {
				err = resp.Error("NOSCRIPT")
			}
			c.notKnown(who, script, err)
			c.leaveOther(who, err)
		}
	}
}

// makeKnown makes known another script that counts.
func (c *client) makeKnown() {
	script := fmt.Sprintf("%s -- %d.%d", bothEqual, c.id, c.next)
	c.next++
	how := []any{"SCRIPT", "LOAD", script}
	before := int64(0)
	if runs := c.rng.IntN(2) == 0; runs {
		how = []any{"EVAL", script, "0"}
		before = c.g.history.beginIncr()
	}
	v, err := c.do(c.master, how...)
	switch {
	case err != nil && strings.Contains(err.Error(), "needs feature level"):
		return // the group has just begun
	case err != nil:
		c.failed(how[0].(string), err)
		return
	case how[0] == "EVAL":
		c.g.history.endIncr(c.id, c.at, before, v.Int)
		if !c.g.scripts.kept.Load() {
			return // it need not be known before the group has come to the level for that
		}
	default:
		c.g.scripts.kept.Store(true)
	}
	c.g.scripts.add(script)
}

// notKnown judges the answer to who wanted a script to run.
func (c *client) notKnown(who, script string, err error) {
	if err != nil && strings.HasPrefix(err.Error(), "NOSCRIPT") {
		c.g.story.violated("scripts", "%s does not know a script that was acknowledged: %s", who, script)
	}
}

// libraryCode is the library whose functions count, and say which version of it they are of. The version is a register
// that all clients share.
func libraryCode(version string) string {
	return "#!lua name=lib\nredis.register_function('count', function() " + bothEqual + " end)\n" +
		"redis.register_function{function_name='version', flags={'no-writes'}, callback=function() return '" +
		version + "' end}"
}

// useLibrary loads the library, takes it away, calls one of its functions on the master, or the other one on any node.
func (c *client) useLibrary() {
	version := fmt.Sprintf("%d.%d", c.id, c.next)
	c.next++
	switch dice := c.rng.IntN(20); {
	case dice < 4:
		c.changeLibrary(linear.Op("SET", "library", version), "FUNCTION", "LOAD", "REPLACE", libraryCode(version))
	case dice < 5:
		c.changeLibrary(linear.Op("DEL", "library", ""), "FUNCTION", "DELETE", "lib")
	case dice < 6:
		c.changeLibrary(linear.Op("CLEAR", "library", ""), "FUNCTION", "FLUSH")
	case dice < 12:
		c.countByFunction()
	default:
		c.readLibrary()
	}
}

func (c *client) changeLibrary(o linear.Operation, args ...any) {
	call := c.g.linear.Begin()
	_, err := c.do(c.master, args...)
	out := linear.Outcome{Value: "OK"}
	switch {
	case err == nil:
	case strings.Contains(err.Error(), "Library not found"):
		out.Value = linear.Null
	case strings.Contains(err.Error(), "needs feature level"):
		return // the group has just begun
	default:
		if !linear.Refused(err) {
			c.g.linear.Done(c.id, o, call, linear.Outcome{Unknown: true})
		}
		c.failed(fmt.Sprint(args[0], " ", args[1]), err)
		return
	}
	c.g.linear.Done(c.id, o, call, out)
	c.g.history.wroteShared(c.id)
}

const notFound = "Function not found"

// countByFunction counts, and by that looks whether the library is there.
func (c *client) countByFunction() {
	before, call := c.g.history.beginIncr(), c.g.linear.Begin()
	v, err := c.do(c.master, "FCALL", "count", "0")
	switch {
	case err == nil:
		c.g.history.endIncr(c.id, c.at, before, v.Int)
	case strings.Contains(err.Error(), notFound):
		c.g.linear.Done(c.id, linear.Op("GET", "library", ""), call, linear.Outcome{Value: linear.Null})
	default:
		c.failed("FCALL", err)
	}
}

func (c *client) readLibrary() {
	conn, who := c.someNode()
	if conn == nil {
		return
	}
	call := c.g.linear.Begin()
	v, err := c.do(conn, "FCALL_RO", "version", "0")
	out := linear.Outcome{Value: v.String()}
	if err != nil && strings.Contains(err.Error(), notFound) {
		out.Value, err = linear.Null, nil
	}
	if err == nil {
		c.g.linear.Done(c.id, linear.Op("GET", "library", ""), call, out)
	}
	c.leaveOther(who, err)
}

// leaveOther gives up a connection of which no reply came.
func (c *client) leaveOther(who string, err error) {
	var refusal resp.Error
	if err != nil && !errors.As(err, &refusal) {
		_ = c.others[who].Close()
		delete(c.others, who)
	}
}

// readTwins looks on some node whether there is the half of a script.
func (c *client) readTwins() {
	conn, who := c.someNode()
	if conn == nil {
		return
	}
	v, err := c.do(conn, "EVAL_RO", twinsScript, "0")
	if err == nil && len(v.Elems) == 2 && v.Elems[0].String() != v.Elems[1].String() {
		c.g.story.violated("scripts", "%s shows the half of a script: %s, %s", who, v.Elems[0], v.Elems[1])
	}
	c.leaveOther(who, err)
}

// slowly has a node run a script for so long, and answers how that ends. It is the test's own client: others are told
// that the node is busy.
func (g *group) slowly(m *machine, script string, lasts time.Duration) (answer chan error) {
	g.story.tell("FAULT", "%s executes a script for %v, which writes %q", m.name, lasts,
		map[string]string{slowScript: "first", thinkingScript: "last"}[script])
	answer = make(chan error, 1)
	before, counts := int64(0), script == slowScript || script == thinkingScript
	if counts {
		before = g.history.beginIncr()
	}
	began := make(chan struct{})
	g.work.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), lasts+slowTimeout)
		defer cancel()
		c, err := resp.Dial(ctx, g.control, m.addr())
		if err == nil {
			defer c.Close()
			err = c.Send(ctx, "EVAL", script, "0", lasts.Milliseconds())
		}
		close(began)
		var v resp.Value
		if err == nil {
			v, err = c.Receive(ctx)
		}
		g.story.tell("test", "the script on %s: %v", m.name, err)
		if counts && err == nil {
			g.history.endIncr(-1, m.name, before, v.Int)
		}
		answer <- err
	})
	<-began
	return answer
}

// slowScript has the master run a script for longer than others wait without being told; what has not written may be
// ended by somebody, or the node be told to end.
func (f *faults) slowScript() bool {
	chain := f.chain()
	if len(chain) == 0 {
		return false
	}
	lasts, script := f.between(200*time.Millisecond, 4*time.Second), slowScript
	if f.rng.IntN(3) == 0 {
		script = thinkingScript
	}
	f.slowly(chain[0], script, lasts)
	if f.busy.Before(time.Now()) {
		f.busy = time.Now()
	}
	f.busy = f.busy.Add(lasts)
	if f.rng.IntN(3) == 0 {
		f.sleep(f.between(0, lasts))
		_, err := f.ask(chain[0].addr(), "SCRIPT", "KILL")
		f.story.tell("FAULT", "SCRIPT KILL on %s: %v", chain[0].name, err)
	}
	return true
}
