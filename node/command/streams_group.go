package command

import (
	"math"

	"holdfast/node/store"
	"holdfast/resp"
)

// groupOptions are those of XGROUP CREATE and SETID.
type groupOptions struct {
	makeStream bool
	read       int64
}

func (o *groupOptions) parse(args [][]byte, creates bool) (err error) {
	o.read = store.EntriesUnknown
	for rest := args[min(5, len(args)):]; len(rest) > 0; rest = rest[1:] {
		switch {
		case creates && isWord(rest[0], "mkstream"):
			o.makeStream = true
		case len(rest) > 1 && isWord(rest[0], "entriesread"):
			rest = rest[1:]
			if o.read, err = intArgument(rest[0]); err != nil {
				return err
			}
			if o.read < 0 && o.read != store.EntriesUnknown {
				return resp.Error("ERR value for ENTRIESREAD must be positive or -1")
			}
		default:
			return badSubcommand(args)
		}
	}
	return nil
}

const errNoStream = resp.Error("ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may " +
	"want to use the MKSTREAM option to create an empty stream automatically.")

// streamOfGroup is the stream that a subcommand of XGROUP is about.
func (c *Context) streamOfGroup(key []byte) (s *store.Stream, it store.Item, err error) {
	if s, it, err = c.streamForWrite(key); err == nil && s == nil {
		err = errNoStream
	}
	return s, it, err
}

// groupForChange is the group that a subcommand of XGROUP is about, which is to be changed.
func (c *Context) groupForChange(args [][]byte) (s *store.Stream, it store.Item, g *store.StreamGroup, err error) {
	if s, it, err = c.streamOfGroup(args[2]); err != nil {
		return s, it, nil, err
	}
	if g = s.Group(args[3]); g == nil {
		return s, it, nil, noGroupOf(args[2], args[3])
	}
	c.DB.EditStream(&it)
	return s, it, g, nil
}

func noGroupOf(key, group []byte) error {
	return resp.Error("NOGROUP No such consumer group '" + cText(group) + "' for key name '" + cText(key) + "'")
}

// groupChanged ends a change of a group.
func (c *Context) groupChanged(it *store.Item, key []byte, event string) {
	c.Dirty++
	c.DB.StreamChanged(it, key, false)
	c.Notify(NotifyStream, event, key)
}

func xGroupCreate(c *Context, args [][]byte, w *resp.Writer) error {
	var o groupOptions
	if err := o.parse(args, true); err != nil {
		return err
	}
	key := args[2]
	s, it, err := c.streamForWrite(key)
	switch {
	case err != nil:
		return err
	case s == nil && !o.makeStream:
		return errNoStream
	case len(args) > 8:
		return badSubcommand(args)
	}
	var id store.StreamID
	if cText(args[4]) != "$" {
		if id, err = strictID(args[4]); err != nil {
			return err
		}
	} else if s != nil {
		id = s.LastID()
	}
	created := s == nil
	if created {
		s, it = c.DB.NewStream(key)
		c.Notify(NotifyNew, "new", key)
	} else {
		c.DB.EditStream(&it)
	}
	if !s.CreateGroup(args[3], id, o.read) {
		return resp.Error("BUSYGROUP Consumer Group name already exists")
	}
	c.Dirty++
	c.DB.StreamChanged(&it, key, created)
	c.Notify(NotifyStream, "xgroup-create", key)
	w.OK()
	return nil
}

func xGroupSetID(c *Context, args [][]byte, w *resp.Writer) error {
	var o groupOptions
	if err := o.parse(args, false); err != nil {
		return err
	}
	s, it, g, err := c.groupForChange(args)
	if err != nil {
		return err
	}
	if len(args) > 7 {
		return badSubcommand(args)
	}
	id := s.LastID()
	if cText(args[4]) != "$" {
		if id, _, err = parseStreamID(args[4], idForm{edges: true}); err != nil {
			return err
		}
	}
	g.LastID, g.Read = id, o.read
	c.groupChanged(&it, args[2], "xgroup-setid")
	w.OK()
	return nil
}

// xGroupDestroy wakes who waits for the group.
func xGroupDestroy(c *Context, args [][]byte, w *resp.Writer) error {
	s, it, err := c.streamOfGroup(args[2])
	if err != nil {
		return err
	}
	c.DB.EditStream(&it)
	if !s.DestroyGroup(args[3]) {
		w.Int(0)
		return nil
	}
	c.groupChanged(&it, args[2], "xgroup-destroy")
	c.blocking.keyChanged(c.DB.Index(), args[2])
	w.Int(1)
	return nil
}

func xGroupCreateConsumer(c *Context, args [][]byte, w *resp.Writer) error {
	_, it, g, err := c.groupForChange(args)
	if err != nil {
		return err
	}
	if g.CreateConsumer(args[4], c.Now) == nil {
		w.Int(0)
		return nil
	}
	c.groupChanged(&it, args[2], "xgroup-createconsumer")
	w.Int(1)
	return nil
}

func xGroupDelConsumer(c *Context, args [][]byte, w *resp.Writer) error {
	_, it, g, err := c.groupForChange(args)
	if err != nil {
		return err
	}
	consumer := g.Consumer(args[4])
	if consumer == nil {
		w.Int(0)
		return nil
	}
	pending := g.DeleteConsumer(consumer)
	c.groupChanged(&it, args[2], "xgroup-delconsumer")
	w.Int(int64(pending))
	return nil
}

func xGroupHelp(_ *Context, _ [][]byte, w *resp.Writer) error {
	resp.HelpReply(w, "xgroup",
		"CREATE <key> <groupname> <id|$> [option]",
		"    Create a new consumer group. Options are:",
		"    * MKSTREAM",
		"      Create the empty stream if it does not exist.",
		"    * ENTRIESREAD entries_read",
		"      Set the group's entries_read counter (internal use).",
		"CREATECONSUMER <key> <groupname> <consumer>",
		"    Create a new consumer in the specified group.",
		"DELCONSUMER <key> <groupname> <consumer>",
		"    Remove the specified consumer.",
		"DESTROY <key> <groupname>",
		"    Remove the specified group.",
		"SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
		"    Set the current group ID and entries_read counter.",
	)
	return nil
}

func xAck(c *Context, args [][]byte, w *resp.Writer) error {
	s, it, err := c.streamForRead(args[1])
	if err != nil {
		return err
	}
	if s == nil || s.Group(args[2]) == nil {
		w.Int(0)
		return nil
	}
	ids, err := parseStreamIDs(args[3:])
	if err != nil {
		return err
	}
	g := c.DB.EditStream(&it).Group(args[2])
	acknowledged := 0
	for _, id := range ids {
		if g.Take(id) {
			acknowledged++
		}
	}
	if acknowledged > 0 {
		c.Dirty += acknowledged
		c.DB.StreamChanged(&it, args[1], false)
	}
	w.Int(int64(acknowledged))
	return nil
}

// pendingFilter is which of what is pending is asked for.
type pendingFilter struct {
	idle, count int64
	from, to    store.StreamID
	consumer    []byte // nil: any
}

func (f *pendingFilter) parse(args [][]byte) (err error) {
	if len(args) < 6 || len(args) > 9 {
		return ErrSyntax
	}
	at := 3
	if isWord(args[3], "idle") {
		if f.idle, err = intArgument(args[4]); err != nil {
			return err
		}
		if len(args) < 8 {
			return ErrSyntax
		}
		at = 5
	}
	if f.count, err = intArgument(args[at+2]); err != nil {
		return err
	}
	if f.from, err = parseRangeStart(args[at]); err != nil {
		return err
	}
	if f.to, err = parseRangeEnd(args[at+1]); err != nil {
		return err
	}
	if at+3 < len(args) {
		f.consumer = args[at+3]
	}
	return nil
}

func xPending(c *Context, args [][]byte, w *resp.Writer) error {
	var f pendingFilter
	if len(args) != 3 {
		if err := f.parse(args); err != nil {
			return err
		}
	}
	s, _, err := c.streamForRead(args[1])
	if err != nil {
		return err
	}
	if s == nil || s.Group(args[2]) == nil {
		return noGroup(args[1], args[2], "")
	}
	g := s.Group(args[2])
	if len(args) == 3 {
		pendingSummary(g, w)
	} else {
		f.write(c, g, w)
	}
	return nil
}

// pendingSummary answers how much is pending, from which id to which, and for whom.
func pendingSummary(g *store.StreamGroup, w *resp.Writer) {
	w.Array(4)
	w.Int(int64(g.PendingCount()))
	first, some := g.PendingFrom(store.StreamID{})
	if !some {
		w.Null()
		w.Null()
		w.NullArray()
		return
	}
	writeStreamID(w, first.ID)
	writeStreamID(w, g.LastPending())
	list := w.ArrayLater()
	n := 0
	for _, consumer := range g.Consumers() {
		if consumer.Pending() > 0 {
			w.Array(2)
			w.BulkString(consumer.Name())
			w.BulkInt(int64(consumer.Pending()))
			n++
		}
	}
	w.SetLen(list, n)
}

// write answers each entry that is asked for.
func (f *pendingFilter) write(c *Context, g *store.StreamGroup, w *resp.Writer) {
	var of *store.StreamConsumer
	if f.consumer != nil {
		if of = g.Consumer(f.consumer); of == nil {
			w.Array(0)
			return
		}
	}
	list := w.ArrayLater()
	n := int64(0)
	if f.count > 0 {
		g.EachPending(of, f.from, func(p *store.StreamPending) bool {
			if f.to.Before(p.ID) {
				return false
			}
			idle := c.Now - p.Delivered
			if f.idle != 0 && idle < f.idle {
				return true
			}
			w.Array(4)
			writeStreamID(w, p.ID)
			w.BulkString(g.Owner(p).Name())
			w.Int(max(idle, 0))
			w.Int(p.Count)
			n++
			return n < f.count
		})
	}
	w.SetLen(list, int(min(n, math.MaxInt32)))
}
