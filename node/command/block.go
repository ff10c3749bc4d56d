package command

import (
	"container/list"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"

	"holdfast/resp"
	"holdfast/server/session"
)

// blocking knows the clients that wait for keys. A change of such a key makes it ready, and after the command, the
// transaction or the applied effect that changed it, clients are asked about it in the order in which they came.
// Serving one may make other keys ready, which come behind those that are ready already.
type blocking struct {
	queues map[watchKey]*waitQueue
	ready  []watchKey
	marked map[watchKey]struct{} // those in ready that nobody was asked about yet
	begun  bool                  // clients are being asked about ready[0]:
	next   *list.Element         // this one comes next
}

// waiter is a client that is blocked until one of its keys has something for it.
type waiter struct {
	waiting
	c      *Context
	cmd    *Command
	places []queuePlace
}

// waiting is what a client waits for.
type waiting struct {
	keys      [][]byte
	timeout   time.Duration // 0: for ever
	serve     func(c *Context, key []byte) bool
	onTimeout func(w *resp.Writer)
	absence   bool // serve is asked about a key that does not exist as well
}

// waitQueue are those who wait for a key, first come first.
type waitQueue struct {
	list.List     // of *waiter
	absence   int // how many of them are asked when the key does not exist
}

type queuePlace struct {
	key watchKey
	at  *list.Element
}

func newBlocking() blocking {
	return blocking{queues: map[watchKey]*waitQueue{}, marked: map[watchKey]struct{}{}}
}

// BlockOn parks the client until serve succeeds for one of the keys, or the timeout is over (0: never); then onTimeout
// writes the reply. Inside a transaction nobody waits: that reply is written at once.
//
// serve runs later, as an execution of its own in this client's context: it writes the reply, changes the store and
// adds the effects, or it returns false when the key has nothing for this client, a value of another type included. The
// arguments of the command are gone by then: what serve and onTimeout need of them must have been copied.
func (c *Context) BlockOn(keys [][]byte, timeout time.Duration, serve func(c *Context, key []byte) bool,
	onTimeout func(w *resp.Writer)) {
	c.blockOn(waiting{keys: keys, timeout: timeout, serve: serve, onTimeout: onTimeout})
}

func (c *Context) blockOn(on waiting) {
	if c.InExec || c.Apply {
		on.onTimeout(&c.S.W)
		return
	}
	wt := &waiter{waiting: on, c: c, cmd: c.Cmd}
	for _, key := range on.keys {
		k := watchKey{c.DB.Index(), string(key)}
		if slices.ContainsFunc(wt.places, func(p queuePlace) bool { return p.key == k }) {
			continue
		}
		queue := c.blocking.queues[k]
		if queue == nil {
			queue = new(waitQueue)
			c.blocking.queues[k] = queue
		}
		if on.absence {
			queue.absence++
		}
		wt.places = append(wt.places, queuePlace{k, queue.PushBack(wt)})
	}
	c.Park(c.S, &session.Block{Kind: c.Cmd.Name, Cancel: func() { c.blocking.leave(wt) }, Timeout: on.onTimeout},
		on.timeout)
}

func (b *blocking) leave(wt *waiter) {
	for _, p := range wt.places {
		queue := b.queues[p.key]
		if p.at == b.next {
			b.next = p.at.Next()
		}
		if wt.absence {
			queue.absence--
		}
		if queue.Remove(p.at); queue.Len() == 0 {
			delete(b.queues, p.key)
		}
	}
	wt.places = nil
}

// keyChanged makes a key ready that somebody waits for; without a key, all of the database.
func (b *blocking) keyChanged(db int, key []byte) {
	if len(b.queues) == 0 {
		return
	}
	if key != nil {
		if b.queues[watchKey{db, string(key)}] != nil {
			b.mark(watchKey{db, string(key)})
		}
		return
	}
	var all []watchKey
	for k := range b.queues {
		if k.db == db {
			all = append(all, k)
		}
	}
	slices.SortFunc(all, func(x, y watchKey) int { return strings.Compare(x.key, y.key) })
	for _, k := range all {
		b.mark(k)
	}
}

func (b *blocking) mark(k watchKey) {
	if _, marked := b.marked[k]; !marked {
		b.marked[k] = struct{}{}
		b.ready = append(b.ready, k)
	}
}

// Ready reports whether clients may be waiting for keys that have changed: ServeNext is to be called.
func (e *Env) Ready() bool { return len(e.blocking.ready) > 0 }

// ServeNext serves the next client that waits for the first ready key, and answers its context; nil when nobody is left
// whom that key could serve. Either way there may be effects, which are an execution of their own.
func (e *Env) ServeNext(now int64) *Context {
	b := &e.blocking
	k := b.ready[0]
	if !b.begun {
		b.begun = true
		delete(b.marked, k) // serving may make it ready again
		b.next = nil
		if queue := b.queues[k]; queue != nil {
			b.next = queue.Front()
		}
	}
	for b.next != nil {
		wt := b.next.Value.(*waiter)
		b.next = b.next.Next()
		if closing, _ := wt.c.S.Closing(); closing {
			continue
		}
		served, there := e.serve(wt, k, now)
		if served {
			return wt.c
		}
		if queue := b.queues[k]; !there && (queue == nil || queue.absence == 0) {
			break
		}
	}
	b.begun = false
	b.ready = b.ready[1:]
	if len(b.ready) == 0 {
		b.ready = nil
	}
	return nil
}

// serve asks a waiting client about a key; there is false when the key does not exist.
func (e *Env) serve(wt *waiter, k watchKey, now int64) (served, there bool) {
	c, key := wt.c, []byte(k.key)
	c.Now, c.DB, c.Cmd = now, e.Store.DB(k.db), wt.cmd
	if _, there = c.Find(key); !there && !wt.absence {
		return false, false
	}
	return e.resume(c, wt.cmd, k.db, now, func() bool {
		if !wt.serve(c, key) {
			return false
		}
		if e.Engine.Gated() {
			c.revealed = true
			c.gate = max(c.gate, e.Engine.LastChange(k.db, key))
		}
		return true
	}), there
}

// resume runs the rest of a command whose client is parked, as an execution of its own. When that has answered, the
// client goes on.
func (e *Env) resume(c *Context, cmd *Command, db int, now int64, rest func() (answered bool)) (answered bool) {
	c.Now, c.DB, c.Cmd, c.Dirty, c.replaced = now, e.Store.DB(db), cmd, 0, false
	c.Begin()
	start := e.Engine.Tick
	mark := c.S.W.Len()
	failures := e.Stats.ErrorReplies
	e.changer = c.S.ID
	e.Tracking.Begin(c.S.ID)
	defer e.Tracking.Finish() // behind the reply
	answered = rest()
	e.changer = 0
	if !answered {
		return false
	}
	if e.Stats.ErrorReplies != failures {
		e.statOf(cmd).Failed++
	}
	if c.S.Blocked().Silent {
		c.S.W.Truncate(mark)
	}
	block := c.S.Blocked()
	c.S.Unpark()
	e.Push(c.S)
	e.Engine.Tick = e.clock()
	e.observeServed(c, cmd, block, time.Duration(e.Engine.Tick-start))
	return true
}

// Unblock ends the wait of a blocked client with an error.
func (e *Env) Unblock(s *session.Session, err resp.Error) {
	e.Stats.Error(string(err))
	e.endWait(s, func(w *resp.Writer) { w.Error(err) })
}

// endWait ends the wait of a blocked client before its time.
func (e *Env) endWait(s *session.Session, reply func(w *resp.Writer)) {
	s.Answer(reply)
	e.Push(s)
}

// errUnblocked ends the waits of clients on a node that was the master.
const errUnblocked = resp.Error(
	"UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)")

const errTimeoutNotFloat = resp.Error("ERR timeout is not a float or out of range")

// parseTimeout reads a timeout in seconds; 0 is for ever. As in Redis, what has too many milliseconds to count is
// negative.
func parseTimeout(arg []byte) (time.Duration, error) {
	d, ok := parseLongDouble(arg)
	if !ok {
		return 0, errTimeoutNotFloat
	}
	ms, accuracy := new(big.Float).Mul(&d.f, big.NewFloat(1000)).Int64()
	if accuracy == big.Below {
		ms++ // and past the largest number to a negative one
	}
	if ms < 0 {
		return 0, ErrTimeoutNegative
	}
	if ms > int64(math.MaxInt64/time.Millisecond) {
		return 0, nil // longer than can be counted is for ever
	}
	return time.Duration(ms) * time.Millisecond, nil
}
