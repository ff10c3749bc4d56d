package command

import (
	"math"
	"slices"
	"time"

	"holdfast/node/store"
	"holdfast/resp"
)

// streamReader is who reads streams, for itself or for a group.
type streamReader struct {
	keys            [][]byte
	after           []store.StreamID // what of each stream is wanted is behind it; MaxStreamID: what is new
	group, consumer []byte           // nil: it reads for itself
	noAck           bool
	count           int64 // 0: all
	block           time.Duration
	blocks          bool
}

// waitedCount is how many entries a client gets at most that had to wait, and did not say how many.
const waitedCount = 1000

func xRead(c *Context, args [][]byte, w *resp.Writer) error {
	var r streamReader
	return r.run(c, args, w, false)
}

func xReadGroup(c *Context, args [][]byte, w *resp.Writer) error {
	c.NoReplicate() // but what it comes to
	var r streamReader
	return r.run(c, args, w, true)
}

func (r *streamReader) run(c *Context, args [][]byte, w *resp.Writer, grouped bool) error {
	ids, err := r.parse(c, args, grouped)
	if err != nil {
		return err
	}
	if err := r.resolve(c, ids); err != nil {
		return err
	}
	if r.serveAll(c, w) {
		return nil
	}
	if !r.blocks {
		w.NullArray()
		return nil
	}
	r.wait(c)
	return nil
}

// parse reads all options, and returns the ids, which are still words.
func (r *streamReader) parse(c *Context, args [][]byte, grouped bool) (ids [][]byte, err error) {
	for i := 1; i < len(args); i++ {
		more := len(args) - 1 - i
		switch opt := args[i]; {
		case more > 0 && isWord(opt, "block"):
			if c.scripted {
				return nil, resp.Error("ERR " + cText(args[0]) +
					" command is not allowed with BLOCK option from scripts")
			}
			i++
			ms, err := milliseconds(args[i])
			if err != nil {
				return nil, err
			}
			r.blocks = true
			if ms <= math.MaxInt64/int64(time.Millisecond) { // what can't be counted is for ever
				r.block = time.Duration(ms) * time.Millisecond
			}
		case more > 0 && isWord(opt, "count"):
			i++
			if r.count, err = intArgument(args[i]); err != nil {
				return nil, err
			}
			r.count = max(r.count, 0)
		case more > 0 && isWord(opt, "streams"):
			rest := args[i+1:]
			if len(rest)%2 != 0 {
				return nil, resp.Error("ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must " +
					"be specified.")
			}
			r.keys = rest[:len(rest)/2]
			if grouped && r.group == nil {
				return nil, resp.Error("ERR Missing GROUP option for XREADGROUP")
			}
			return rest[len(rest)/2:], nil
		case more > 1 && isWord(opt, "group"):
			if !grouped {
				return nil, notGrouped("GROUP")
			}
			r.group, r.consumer = args[i+1], args[i+2]
			i += 2
		case isWord(opt, "noack"):
			if !grouped {
				return nil, notGrouped("NOACK")
			}
			r.noAck = true
		default:
			return nil, ErrSyntax
		}
	}
	return nil, ErrSyntax
}

func notGrouped(option string) error {
	return resp.Error("ERR The " + option + " option is only supported by XREADGROUP. You called XREAD instead.")
}

// resolve finds out what is wanted of each stream.
func (r *streamReader) resolve(c *Context, ids [][]byte) error {
	r.after = make([]store.StreamID, len(ids))
	for i, arg := range ids {
		if c.Engine.Gated() { // the command's row finds other keys where a group is called STREAMS
			c.gate = max(c.gate, c.Engine.LastChange(c.DB.Index(), r.keys[i]))
		}
		s, _, err := c.streamForRead(r.keys[i])
		if err != nil {
			return err
		}
		if r.group != nil && (s == nil || s.Group(r.group) == nil) {
			return noGroup(r.keys[i], r.group, " in XREADGROUP with GROUP option")
		}
		switch word := cText(arg); {
		case word == "$" && r.group != nil:
			return resp.Error("ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the " +
				"history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID " +
				"would just return an empty result set.")
		case word == "$":
			if s != nil {
				r.after[i] = s.LastID()
			}
		case word == ">" && r.group == nil:
			return resp.Error("ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> " +
				"<consumer> option.")
		case word == ">":
			r.after[i] = store.MaxStreamID
		default:
			if r.after[i], err = strictID(arg); err != nil {
				return err
			}
		}
	}
	return nil
}

// noGroup is the error where a group is needed that is not there.
func noGroup(key, group []byte, where string) error {
	return resp.Error("NOGROUP No such key '" + cText(key) + "' or consumer group '" + cText(group) + "'" + where)
}

// serveAll answers what there is in any of the streams, and reports whether there is anything.
func (r *streamReader) serveAll(c *Context, w *resp.Writer) bool {
	var list resp.Later
	n := 0
	for i, key := range r.keys {
		s, it, err := c.streamForRead(key)
		if err != nil || s == nil {
			continue
		}
		history := r.group != nil && r.after[i] != store.MaxStreamID
		if !history && !r.hasNew(s, r.after[i]) {
			continue
		}
		if n++; n == 1 {
			if list = w.ArrayLater(); w.Proto == 3 {
				list = w.MapLater()
			}
		}
		if w.Proto != 3 {
			w.Array(2)
		}
		w.Bulk(key)
		switch {
		case history:
			r.serveHistory(c, w, key, &it, r.after[i])
		case r.group != nil:
			r.serveGroup(c, w, key, &it, r.count)
		default:
			r.serveSelf(w, s, r.after[i], r.count)
		}
	}
	if n > 0 {
		w.SetLen(list, n)
	}
	return n > 0
}

// hasNew reports whether a stream has an entry for the reader.
func (r *streamReader) hasNew(s *store.Stream, after store.StreamID) bool {
	if r.group != nil {
		after = s.Group(r.group).LastID
	}
	return s.Len() > 0 && after.Before(s.TopID())
}

func (r *streamReader) serveSelf(w *resp.Writer, s *store.Stream, after store.StreamID, count int64) {
	from, _ := after.Next()
	writeStreamRange(w, s.Range(from, store.MaxStreamID, false), count)
}

// streamGroup is a group that is being changed.
type streamGroup struct {
	*store.StreamGroup
	c         *Context
	key, name []byte
}

// consumer finds a consumer, which is created if need be.
func (g *streamGroup) consumer(name []byte) (consumer *store.StreamConsumer, created bool) {
	if consumer = g.Consumer(name); consumer != nil {
		consumer.Seen = g.c.Now
		return consumer, false
	}
	consumer = g.CreateConsumer(name, g.c.Now)
	g.c.Dirty++
	g.c.Notify(NotifyStream, "xgroup-createconsumer", g.key)
	return consumer, true
}

// replicateConsumer passes on that a consumer was created.
func (g *streamGroup) replicateConsumer(name []byte) {
	g.c.Replicate([]byte("XGROUP"), []byte("CREATECONSUMER"), g.key, g.name, name)
}

// replicatePending passes on what is known of an entry that is pending, or was until now. Its id may be given as a
// word.
func (g *streamGroup) replicatePending(p *store.StreamPending, owner, id []byte) {
	if id == nil {
		id = streamIDText(p.ID)
	}
	last := streamIDText(g.LastID)
	g.c.Replicate([]byte("XCLAIM"), g.key, g.name, owner, []byte("0"), id, []byte("TIME"), decimal(p.Delivered),
		[]byte("RETRYCOUNT"), decimal(p.Count), []byte("FORCE"), []byte("JUSTID"), []byte("LASTID"), last)
}

// replicateLast passes on up to where the group has read.
func (g *streamGroup) replicateLast() {
	g.c.Replicate([]byte("XGROUP"), []byte("SETID"), g.key, g.name, streamIDText(g.LastID), []byte("ENTRIESREAD"),
		decimal(g.Read))
}

func (r *streamReader) begin(c *Context, key []byte, it *store.Item) (*store.Stream, streamGroup) {
	s := c.DB.EditStream(it)
	return s, streamGroup{s.Group(r.group), c, key, r.group}
}

// serveGroup gives entries that the group has not read to the consumer. There is one.
func (r *streamReader) serveGroup(c *Context, w *resp.Writer, key []byte, it *store.Item, count int64) {
	s, g := r.begin(c, key, it)
	consumer, created := g.consumer(r.consumer)
	if created && r.noAck {
		g.replicateConsumer(r.consumer)
	}
	from, _ := g.LastID.Next()
	entries := s.Range(from, store.MaxStreamID, false)
	list := w.ArrayLater()
	n := 0
	writer := streamEntries{w: w}
	for (count == 0 || int64(n) < count) && entries.Next() {
		writer.write(&entries)
		n++
		g.Advance(entries.ID)
		if !r.noAck {
			p := store.StreamPending{ID: entries.ID, Delivered: c.Now, Count: 1}
			g.Give(consumer, p)
			g.replicatePending(&p, r.consumer, nil)
		}
	}
	w.SetLen(list, n)
	g.replicateLast()
	c.Dirty++
	c.DB.StreamChanged(it, key, false)
}

// serveHistory answers what is pending for the consumer, which counts as another delivery.
func (r *streamReader) serveHistory(c *Context, w *resp.Writer, key []byte, it *store.Item, after store.StreamID) {
	s, g := r.begin(c, key, it)
	consumer, created := g.consumer(r.consumer)
	if created {
		g.replicateConsumer(r.consumer)
	}
	from, _ := after.Next()
	var pending []store.StreamPending
	g.EachPending(consumer, from, func(p *store.StreamPending) bool {
		pending = append(pending, *p)
		return r.count == 0 || int64(len(pending)) < r.count
	})
	w.Array(len(pending))
	for i := range pending {
		p := &pending[i]
		entry := s.Range(p.ID, p.ID, false)
		if !entry.Next() { // it was deleted
			w.Array(2)
			writeStreamID(w, p.ID)
			w.NullArray()
			continue
		}
		writeStreamEntry(w, &entry)
		p.Delivered, p.Count = c.Now, p.Count+1
		g.Give(consumer, *p)
		g.replicatePending(p, r.consumer, nil)
	}
	c.Dirty++
	c.DB.StreamChanged(it, key, false)
}

const (
	errStreamGone = resp.Error("UNBLOCKED the stream key no longer exists")
	errGroupGone  = resp.Error("NOGROUP the consumer group this client was blocked on no longer exists")
)

// wait has the client wait for an entry in any of the streams. Who waits for a group is told when that goes.
func (r *streamReader) wait(c *Context) {
	r.keys, r.group, r.consumer = Copy(r.keys), slices.Clone(r.group), slices.Clone(r.consumer)
	if r.count == 0 {
		r.count = waitedCount
	}
	c.blockOn(waiting{keys: r.keys, timeout: r.block, absence: r.group != nil, serve: r.serveWaiting,
		onTimeout: (*resp.Writer).NullArray})
}

// serveWaiting answers a client that waited, if a stream has something for it.
func (r *streamReader) serveWaiting(c *Context, key []byte) bool {
	i := slices.IndexFunc(r.keys, func(k []byte) bool { return string(k) == string(key) })
	it, found := c.Find(key)
	if !found || it.Type() != store.TypeStream {
		if r.group != nil {
			c.fail(errStreamGone)
		}
		return r.group != nil
	}
	s, w := it.Stream(), &c.S.W
	if r.group != nil && s.Group(r.group) == nil {
		c.fail(errGroupGone)
		return true
	}
	if !r.hasNew(s, r.after[i]) {
		return false
	}
	if w.Proto == 3 {
		w.Map(1)
	} else {
		w.Array(1)
		w.Array(2)
	}
	w.Bulk(key)
	if r.group != nil {
		r.serveGroup(c, w, key, &it, r.count)
	} else {
		r.serveSelf(w, s, r.after[i], r.count)
	}
	return true
}
