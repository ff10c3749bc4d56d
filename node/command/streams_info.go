package command

import (
	"holdfast/node/store"
	"holdfast/resp"
)

// streamToDescribe is the stream that a subcommand of XINFO is about.
func (c *Context) streamToDescribe(key []byte) (*store.Stream, error) {
	s, _, err := c.streamForRead(key)
	if err == nil && s == nil {
		err = ErrNoSuchKey
	}
	return s, err
}

func xInfoConsumers(c *Context, args [][]byte, w *resp.Writer) error {
	s, err := c.streamToDescribe(args[2])
	if err != nil {
		return err
	}
	g := s.Group(args[3])
	if g == nil {
		return noGroupOf(args[2], args[3])
	}
	w.Array(len(g.Consumers()))
	for _, consumer := range g.Consumers() {
		w.Map(3)
		w.BulkString("name")
		w.BulkString(consumer.Name())
		numberField(w, "pending", int64(consumer.Pending()))
		numberField(w, "idle", max(c.Now-consumer.Seen, 0))
	}
	return nil
}

func xInfoGroups(c *Context, args [][]byte, w *resp.Writer) error {
	s, err := c.streamToDescribe(args[2])
	if err != nil {
		return err
	}
	w.Array(len(s.Groups()))
	for _, g := range s.Groups() {
		w.Map(6)
		w.BulkString("name")
		w.BulkString(g.Name())
		numberField(w, "consumers", int64(len(g.Consumers())))
		numberField(w, "pending", int64(g.PendingCount()))
		writeGroupProgress(w, g)
	}
	return nil
}

func numberField(w *resp.Writer, name string, n int64) {
	w.BulkString(name)
	w.Int(n)
}

func idField(w *resp.Writer, name string, id store.StreamID) {
	w.BulkString(name)
	writeStreamID(w, id)
}

// writeGroupProgress answers the three fields that say how far a group has read.
func writeGroupProgress(w *resp.Writer, g *store.StreamGroup) {
	idField(w, "last-delivered-id", g.LastID)
	w.BulkString("entries-read")
	knownNumber(w, g.Read, g.Read != store.EntriesUnknown)
	w.BulkString("lag")
	lag, known := g.Lag()
	knownNumber(w, lag, known)
}

func knownNumber(w *resp.Writer, n int64, known bool) {
	if known {
		w.Int(n)
	} else {
		w.Null()
	}
}

func xInfoStream(c *Context, args [][]byte, w *resp.Writer) error {
	s, err := c.streamToDescribe(args[2])
	if err != nil {
		return err
	}
	const shown = 10
	full, count := len(args) > 3, int64(shown)
	switch {
	case !full:
	case len(args) != 4 && len(args) != 6, !isWord(args[3], "full"), len(args) == 6 && !isWord(args[4], "count"):
		return badSubcommand(args)
	case len(args) == 6:
		if count, err = intArgument(args[5]); err != nil {
			return err
		}
		if count < 0 {
			count = shown
		}
	}
	if full {
		w.Map(9)
	} else {
		w.Map(10)
	}
	numberField(w, "length", int64(s.Len()))
	numberField(w, "radix-tree-keys", int64(s.Blocks()))
	numberField(w, "radix-tree-nodes", int64(s.Nodes()))
	idField(w, "last-generated-id", s.LastID())
	idField(w, "max-deleted-entry-id", s.MaxDeletedID())
	numberField(w, "entries-added", s.Added())
	idField(w, "recorded-first-entry-id", s.FirstID())
	if full {
		w.BulkString("entries")
		writeStreamRange(w, s.Range(store.StreamID{}, store.MaxStreamID, false), count)
		w.BulkString("groups")
		w.Array(len(s.Groups()))
		for _, g := range s.Groups() {
			describeGroup(w, g, count)
		}
		return nil
	}
	numberField(w, "groups", int64(len(s.Groups())))
	for _, rev := range []bool{false, true} {
		name := "first-entry"
		if rev {
			name = "last-entry"
		}
		w.BulkString(name)
		if r := s.Range(store.StreamID{}, store.MaxStreamID, rev); r.Next() {
			writeStreamEntry(w, &r)
		} else {
			w.Null()
		}
	}
	return nil
}

// describeGroup answers all of a group, of what is pending so many at most if count is not 0.
func describeGroup(w *resp.Writer, g *store.StreamGroup, count int64) {
	w.Map(7)
	w.BulkString("name")
	w.BulkString(g.Name())
	writeGroupProgress(w, g)
	numberField(w, "pel-count", int64(g.PendingCount()))
	w.BulkString("pending")
	list, n := w.ArrayLater(), int64(0)
	g.EachPending(nil, store.StreamID{}, func(p *store.StreamPending) bool {
		w.Array(4)
		writeStreamID(w, p.ID)
		w.BulkString(g.Owner(p).Name())
		w.Int(p.Delivered)
		w.Int(p.Count)
		n++
		return count == 0 || n < count
	})
	w.SetLen(list, int(n))
	w.BulkString("consumers")
	w.Array(len(g.Consumers()))
	for _, consumer := range g.Consumers() {
		w.Map(4)
		w.BulkString("name")
		w.BulkString(consumer.Name())
		numberField(w, "seen-time", consumer.Seen)
		numberField(w, "pel-count", int64(consumer.Pending()))
		w.BulkString("pending")
		list, n := w.ArrayLater(), int64(0)
		g.EachPending(consumer, store.StreamID{}, func(p *store.StreamPending) bool {
			w.Array(3)
			writeStreamID(w, p.ID)
			w.Int(p.Delivered)
			w.Int(p.Count)
			n++
			return count == 0 || n < count
		})
		w.SetLen(list, int(n))
	}
}

func xInfoHelp(_ *Context, _ [][]byte, w *resp.Writer) error {
	resp.HelpReply(w, "xinfo",
		"CONSUMERS <key> <groupname>",
		"    Show consumers of <groupname>.",
		"GROUPS <key>",
		"    Show the stream consumer groups.",
		"STREAM <key> [FULL [COUNT <count>]",
		"    Show information about the stream.",
	)
	return nil
}
