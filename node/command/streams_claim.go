package command

import (
	"strings"

	"holdfast/node/store"
	"holdfast/resp"
)

// claim is who is to have what is pending.
type claim struct {
	minIdle   int64
	delivered int64 // unix milliseconds; -1: not given
	count     int64 // how often it was delivered; negative: not given
	force     bool
	justID    bool
	last      store.StreamID
}

// idle reads a minimal time of idleness.
func (o *claim) idle(arg []byte, command string) error {
	n, ok := resp.ParseInt(arg)
	if !ok {
		return resp.Error("ERR Invalid min-idle-time argument for " + command)
	}
	o.minIdle = max(n, 0)
	return nil
}

// parse reads XCLAIM's options.
func (o *claim) parse(c *Context, args [][]byte) (err error) {
	o.delivered, o.count = -1, -1
	for ; len(args) > 0; args = args[1:] {
		number := func(n *int64) error {
			option := cText(args[0])
			args = args[1:]
			v, ok := resp.ParseInt(args[0])
			if !ok {
				return resp.Error("ERR Invalid " + strings.ToUpper(option) + " option argument for XCLAIM")
			}
			*n = v
			return nil
		}
		more := len(args) > 1
		switch opt := args[0]; {
		case isWord(opt, "force"):
			o.force = true
		case isWord(opt, "justid"):
			o.justID = true
		case more && isWord(opt, "idle"):
			if err = number(&o.delivered); err == nil {
				o.delivered = c.Now - o.delivered
			}
		case more && isWord(opt, "time"):
			err = number(&o.delivered)
		case more && isWord(opt, "retrycount"):
			err = number(&o.count)
		case more && isWord(opt, "lastid"):
			args = args[1:]
			o.last, err = strictID(args[0])
		default:
			err = resp.Error("ERR Unrecognized XCLAIM option '" + cText(opt) + "'")
		}
		if err != nil {
			return err
		}
	}
	if o.delivered < 0 || o.delivered > c.Now && !c.asItStands() {
		o.delivered = c.Now
	}
	return nil
}

// claiming is a group of which entries are claimed.
type claiming struct {
	streamGroup
	claim
	s       *store.Stream
	it      store.Item
	name    []byte                // of who claims
	owner   *store.StreamConsumer // the same, once it is needed
	given   []store.StreamPending
	changed bool
}

func xClaim(c *Context, args [][]byte, w *resp.Writer) error {
	s, it, err := c.streamForRead(args[1])
	if err != nil {
		return err
	}
	if s == nil || s.Group(args[2]) == nil {
		return noGroup(args[1], args[2], "")
	}
	var o claim
	if err := o.idle(args[4], "XCLAIM"); err != nil {
		return err
	}
	var ids []store.StreamID
	rest := args[5:]
	for ; len(rest) > 0; rest = rest[1:] {
		id, err := strictID(rest[0])
		if err != nil {
			break // an option, perhaps
		}
		ids = append(ids, id)
	}
	if err := o.parse(c, rest); err != nil {
		return err
	}
	cl := newClaiming(c, args, s, it, o)
	advanced := cl.LastID.Before(o.last)
	if advanced {
		cl.LastID = o.last
		cl.changed = true
	}
	for i, id := range ids {
		if cl.one(id, args[5+i]) {
			advanced = false // was passed on with the entry
		}
	}
	if advanced {
		cl.replicateLast()
		c.Dirty++
	}
	cl.end(w)
	return nil
}

func newClaiming(c *Context, args [][]byte, s *store.Stream, it store.Item, o claim) *claiming {
	c.NoReplicate() // but what it comes to
	cl := &claiming{claim: o, s: s, it: it, name: args[3]}
	c.DB.EditStream(&cl.it)
	cl.streamGroup = streamGroup{s.Group(args[2]), c, args[1], args[2]}
	return cl
}

// end answers what was claimed.
func (cl *claiming) end(w *resp.Writer) {
	w.Array(len(cl.given))
	for i := range cl.given {
		id := cl.given[i].ID
		if cl.justID {
			writeStreamID(w, id)
			continue
		}
		r := cl.s.Range(id, id, false)
		r.Next() // it is there
		writeStreamEntry(w, &r)
	}
	if cl.changed {
		cl.c.DB.StreamChanged(&cl.it, cl.key, false)
	}
}

// one claims an entry by XCLAIM, which names it by a word, and reports whether that has changed anything.
func (cl *claiming) one(id store.StreamID, word []byte) bool {
	p, pending := cl.Pending(id)
	switch {
	case !cl.s.Has(id):
		if pending {
			cl.forget(&p, word)
		}
		return pending
	case !pending && !cl.force, pending && cl.minIdle > 0 && cl.c.Now-p.Delivered < cl.minIdle:
		return false
	case !pending:
		p = store.StreamPending{ID: id, Count: 1}
	}
	if cl.count >= 0 {
		p.Count = cl.count
	} else if !cl.justID {
		p.Count++
	}
	p.Delivered = cl.delivered
	cl.give(&p, word)
	return true
}

// give gives an entry to who claims it.
func (cl *claiming) give(p *store.StreamPending, word []byte) {
	if cl.owner == nil {
		cl.owner, _ = cl.consumer(cl.name)
	}
	cl.Give(cl.owner, *p)
	cl.given = append(cl.given, *p)
	cl.replicatePending(p, cl.name, word)
	cl.c.Dirty++
	cl.changed = true
}

// forget has an entry no longer pending, as it was deleted.
func (cl *claiming) forget(p *store.StreamPending, word []byte) {
	cl.replicatePending(p, []byte(cl.Owner(p).Name()), word)
	cl.Take(p.ID)
	cl.c.Dirty++
	cl.changed = true
}

const (
	claimAttempts = 10 // XAUTOCLAIM looks at that many times as many entries as it may claim
	claimDefault  = 100
	claimMost     = (1<<63 - 1) / 16
	errClaimCount = resp.Error("ERR COUNT must be > 0")
)

func xAutoClaim(c *Context, args [][]byte, w *resp.Writer) error {
	it, found := c.Read(args[1]) // that it is not there is noted before what is wrong with the words, as by Redis
	var o claim
	if err := o.idle(args[4], "XAUTOCLAIM"); err != nil {
		return err
	}
	from, err := parseRangeStart(args[5])
	if err != nil {
		return err
	}
	count := int64(claimDefault)
	for rest := args[6:]; len(rest) > 0; rest = rest[1:] {
		switch {
		case len(rest) > 1 && isWord(rest[0], "count"):
			rest = rest[1:]
			n, ok := resp.ParseInt(rest[0])
			if !ok || n < 1 || n > claimMost {
				return errClaimCount
			}
			count = n
		case isWord(rest[0], "justid"):
			o.justID = true
		default:
			return ErrSyntax
		}
	}
	if err := mustBe(&it, found, store.TypeStream); err != nil {
		return err
	}
	if !found || it.Stream().Group(args[2]) == nil {
		return noGroup(args[1], args[2], "")
	}
	o.delivered = c.Now
	newClaiming(c, args, it.Stream(), it, o).auto(from, count, w)
	return nil
}

// auto claims entries from an id on by XAUTOCLAIM.
func (cl *claiming) auto(from store.StreamID, count int64, w *resp.Writer) {
	var deleted []store.StreamID
	more := true
	for attempts := count * claimAttempts; more && attempts > 0 && count > 0; attempts-- {
		var p store.StreamPending
		if p, more = cl.PendingFrom(from); !more {
			break
		}
		switch {
		case !cl.s.Has(p.ID):
			cl.forget(&p, nil)
			deleted = append(deleted, p.ID)
			count--
		case cl.minIdle == 0 || cl.c.Now-p.Delivered >= cl.minIdle:
			if p.Delivered = cl.delivered; !cl.justID {
				p.Count++
			}
			cl.give(&p, nil)
			count--
		}
		from, more = p.ID.Next()
	}
	var next store.StreamPending
	if more {
		next, _ = cl.PendingFrom(from)
	}
	w.Array(3)
	writeStreamID(w, next.ID)
	cl.end(w)
	w.Array(len(deleted))
	for _, id := range deleted {
		writeStreamID(w, id)
	}
}
