package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unsafe"
)

// StreamGroup is a group of consumers of a stream: up to where they have read together, and which entries are pending:
// they were given to one of them, who has not said that it is done with them.
type StreamGroup struct {
	LastID StreamID // of the last entry that was given to anybody
	Read   int64    // entries up to that, or EntriesUnknown

	stream    *Stream
	name      string
	pending   idIndex[StreamPending]
	consumers []*StreamConsumer // by name
	slots     []*StreamConsumer // by number; some are nil
	free      []uint32          // numbers of those
	held      int64             // bytes of the consumers with their indexes
}

// StreamConsumer is one of a group.
type StreamConsumer struct {
	Seen int64 // when it asked for anything last, in unix milliseconds

	name string
	slot uint32
	own  idIndex[ownedID]
}

// StreamPending is an entry that is pending.
type StreamPending struct {
	ID        StreamID
	Delivered int64 // when it was given to its consumer last, in unix milliseconds
	Count     int64 // how often
	slot      uint32
}

func (p StreamPending) ident() StreamID     { return p.ID }
func (p StreamPending) lent() StreamPending { return p }

// ownedID is the id of an entry that is pending, in the index of its consumer.
type ownedID StreamID

func (o ownedID) ident() StreamID { return StreamID(o) }
func (o ownedID) lent() ownedID   { return o }

const (
	groupSize    = int64(unsafe.Sizeof(StreamGroup{}))
	consumerSize = int64(unsafe.Sizeof(StreamConsumer{}))
)

func (g *StreamGroup) memory() int64 {
	return groupSize + int64(len(g.name)) + g.pending.memory() + g.held + int64(cap(g.consumers)+cap(g.slots))*8 +
		int64(cap(g.free))*4
}

func (c *StreamConsumer) memory() int64 { return consumerSize + int64(len(c.name)) + c.own.memory() }

// Groups are the groups of a stream, by name.
func (s *Stream) Groups() []*StreamGroup { return s.groups }

func (s *Stream) groupAt(name []byte) (i int, found bool) {
	return slices.BinarySearchFunc(s.groups, name, func(g *StreamGroup, name []byte) int {
		return strings.Compare(g.name, string(name))
	})
}

// Group is the group of that name, nil if there is none.
func (s *Stream) Group(name []byte) *StreamGroup {
	if i, found := s.groupAt(name); found {
		return s.groups[i]
	}
	return nil
}

// CreateGroup makes a group, and reports false if there is one of that name.
func (s *Stream) CreateGroup(name []byte, last StreamID, read int64) bool {
	i, found := s.groupAt(name)
	if found {
		return false
	}
	g := &StreamGroup{LastID: last, Read: read, stream: s, name: string(name)}
	s.groups = slices.Insert(s.groups, i, g)
	s.held += g.memory()
	return true
}

// DestroyGroup removes a group, and reports whether there was one of that name.
func (s *Stream) DestroyGroup(name []byte) bool {
	i, found := s.groupAt(name)
	if found {
		s.held -= s.groups[i].memory()
		s.groups = slices.Delete(s.groups, i, i+1)
	}
	return found
}

// Name is the group's name.
func (g *StreamGroup) Name() string { return g.name }

// Lag is how many entries the group has not read yet, if that can be told.
func (g *StreamGroup) Lag() (n int64, known bool) {
	s := g.stream
	switch read := s.EntriesUpTo(g.LastID); {
	case s.added == 0:
		return 0, true
	case g.Read != EntriesUnknown && !s.hasDeleted(g.LastID):
		return int64(s.added) - g.Read, true
	case read != EntriesUnknown:
		return int64(s.added) - read, true
	}
	return 0, false
}

// Advance notes that the entry with an id is the last one that was given to anybody.
func (g *StreamGroup) Advance(id StreamID) {
	switch s := g.stream; {
	case g.Read != EntriesUnknown && !s.hasDeleted(id):
		g.Read++
	case s.added > 0:
		g.Read = s.EntriesUpTo(id)
	}
	g.LastID = id
}

// Consumers are the consumers of a group, by name.
func (g *StreamGroup) Consumers() []*StreamConsumer { return g.consumers }

func (g *StreamGroup) consumerAt(name []byte) (i int, found bool) {
	return slices.BinarySearchFunc(g.consumers, name, func(c *StreamConsumer, name []byte) int {
		return strings.Compare(c.name, string(name))
	})
}

// Consumer is the consumer of that name, nil if there is none.
func (g *StreamGroup) Consumer(name []byte) *StreamConsumer {
	if i, found := g.consumerAt(name); found {
		return g.consumers[i]
	}
	return nil
}

// changes accounts for what f changes of the memory that a group takes.
func (g *StreamGroup) changes(f func()) {
	before := g.memory()
	f()
	g.stream.held += g.memory() - before
}

// CreateConsumer makes a consumer; nil if there is one of that name.
func (g *StreamGroup) CreateConsumer(name []byte, now int64) (c *StreamConsumer) {
	i, found := g.consumerAt(name)
	if found {
		return nil
	}
	g.changes(func() {
		c = &StreamConsumer{Seen: now, name: string(name), slot: uint32(len(g.slots))}
		if n := len(g.free); n > 0 {
			c.slot, g.free = g.free[n-1], g.free[:n-1]
			g.slots[c.slot] = c
		} else {
			g.slots = append(g.slots, c)
		}
		g.consumers = slices.Insert(g.consumers, i, c)
		g.held += c.memory()
	})
	return c
}

// DeleteConsumer removes a consumer with all that is pending for it, and returns how much that was.
func (g *StreamGroup) DeleteConsumer(c *StreamConsumer) (pending int) {
	pending = c.own.count
	for p := (idPlace{}); c.own.valid(p); p = c.own.next(p) {
		id := StreamID(*c.own.at(p))
		g.changes(func() { g.pending.remove(g.pending.seek(id)) })
	}
	g.changes(func() {
		i, _ := g.consumerAt([]byte(c.name))
		g.consumers = slices.Delete(g.consumers, i, i+1)
		g.slots[c.slot] = nil
		g.free = append(g.free, c.slot)
		g.held -= c.memory()
	})
	return pending
}

// Name is the consumer's name.
func (c *StreamConsumer) Name() string { return c.name }

// Pending is how many entries are pending for the consumer.
func (c *StreamConsumer) Pending() int { return c.own.count }

// EachOwned calls f with the ids of the entries that are pending for the consumer, until it returns false.
func (c *StreamConsumer) EachOwned(f func(id StreamID) bool) {
	for p := (idPlace{}); c.own.valid(p) && f(StreamID(*c.own.at(p))); p = c.own.next(p) {
	}
}

// PendingCount is how many entries are pending in the group.
func (g *StreamGroup) PendingCount() int { return g.pending.count }

// Owner is for whom an entry is pending.
func (g *StreamGroup) Owner(p *StreamPending) *StreamConsumer { return g.slots[p.slot] }

// Pending is the entry with an id if it is pending. It is valid until the group changes.
func (g *StreamGroup) Pending(id StreamID) (StreamPending, bool) {
	p, found := g.pending.find(id)
	if !found {
		return StreamPending{}, false
	}
	return *g.pending.at(p), true
}

// EachPending calls f with what is pending, of one consumer if that is not nil, from an id on, until it returns false.
// The group must not change meanwhile.
func (g *StreamGroup) EachPending(c *StreamConsumer, from StreamID, f func(p *StreamPending) bool) {
	if c == nil {
		for p := g.pending.seek(from); g.pending.valid(p); p = g.pending.next(p) {
			if !f(g.pending.at(p)) {
				return
			}
		}
		return
	}
	for p := c.own.seek(from); c.own.valid(p); p = c.own.next(p) {
		if at, _ := g.pending.find(StreamID(*c.own.at(p))); !f(g.pending.at(at)) {
			return
		}
	}
}

// PendingFrom is what is pending with the first id that is not before from.
func (g *StreamGroup) PendingFrom(from StreamID) (StreamPending, bool) {
	p := g.pending.seek(from)
	if !g.pending.valid(p) {
		return StreamPending{}, false
	}
	return *g.pending.at(p), true
}

// LastPending is the id of the last entry that is pending.
func (g *StreamGroup) LastPending() StreamID { return g.pending.at(g.pending.last()).ID }

// Give makes an entry pending for a consumer, whosever it was, as it is described.
func (g *StreamGroup) Give(c *StreamConsumer, p StreamPending) {
	before, own := g.pending.memory(), c.own.memory()
	at, found := g.pending.find(p.ID)
	p.slot = c.slot
	if !found {
		g.pending.insert(at, p)
		c.own.insert(c.own.seek(p.ID), ownedID(p.ID))
	} else {
		n := g.pending.change(at)
		if n.slot != c.slot {
			g.disown(g.slots[n.slot], p.ID)
			own = c.own.memory()
			c.own.insert(c.own.seek(p.ID), ownedID(p.ID))
		}
		*n = p
	}
	g.held += c.own.memory() - own
	g.stream.held += c.own.memory() - own + g.pending.memory() - before
}

// disown takes an entry from a consumer.
func (g *StreamGroup) disown(c *StreamConsumer, id StreamID) {
	own := c.own.memory()
	c.own.remove(c.own.seek(id))
	g.held += c.own.memory() - own
	g.stream.held += c.own.memory() - own
}

// Take has an entry no longer pending, and reports whether it was.
func (g *StreamGroup) Take(id StreamID) bool {
	p, found := g.pending.find(id)
	if !found {
		return false
	}
	g.disown(g.slots[g.pending.at(p).slot], id)
	before := g.pending.memory()
	g.pending.remove(p)
	g.stream.held += g.pending.memory() - before
	return true
}

func (g *StreamGroup) share(s *Stream, with sharedBlock) *StreamGroup {
	c := *g
	c.stream, c.pending = s, g.pending.share(with)
	c.consumers, c.slots, c.free = make([]*StreamConsumer, len(g.consumers)), make([]*StreamConsumer, len(g.slots)),
		slices.Clone(g.free)
	c.held = 0
	for i, from := range g.consumers {
		one := *from
		one.own = from.own.share(with)
		c.consumers[i], c.slots[one.slot] = &one, &one
		c.held += one.memory()
	}
	return &c
}

func (g *StreamGroup) thaw() {
	g.pending.thaw()
	for _, c := range g.consumers {
		c.own.thaw()
	}
}

func (g *StreamGroup) check() error {
	if err := g.pending.check(); err != nil {
		return fmt.Errorf("what is pending: %w", err)
	}
	owned, held := 0, int64(0)
	for i, c := range g.consumers {
		if err := c.own.check(); err != nil {
			return fmt.Errorf("what is pending for %q: %w", c.name, err)
		}
		if g.slots[c.slot] != c || i > 0 && g.consumers[i-1].name >= c.name {
			return fmt.Errorf("consumer %q is another's, or out of order", c.name)
		}
		for p := (idPlace{}); c.own.valid(p); p = c.own.next(p) {
			n, found := g.Pending(StreamID(*c.own.at(p)))
			if !found || n.slot != c.slot {
				return fmt.Errorf("%v is not pending for %q", n.ID, c.name)
			}
		}
		owned += c.own.count
		held += c.memory()
	}
	switch {
	case owned != g.pending.count || held != g.held:
		return fmt.Errorf("%d entries are pending, %d for somebody; consumers hold %d bytes and count %d",
			g.pending.count, owned, held, g.held)
	case len(g.slots) != len(g.consumers)+len(g.free):
		return errors.New("a number of a consumer is lost")
	}
	return nil
}
