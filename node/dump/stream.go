package dump

import (
	"fmt"
	"io"

	"holdfast/node/rdb"
	"holdfast/node/store"
)

var streamForm = form{
	codes: []byte{rdb.TypeStream, rdb.TypeStream1}, save: saveStream, frozen: frozenStream, load: loadStream,
}

func saveStream(e rdb.Entry, it store.Item) rdb.Entry { return streamEntry(e, it.Stream()) }

func frozenStream(e rdb.Entry, f *store.Frozen) rdb.Entry { return streamEntry(e, f.Stream()) }

func streamEntry(e rdb.Entry, s *store.Stream) rdb.Entry {
	e.Type, e.Len = rdb.TypeStream, s.Blocks()
	e.Elements = func(yield func(rdb.Element) bool) {
		more := true
		s.EachListpack(func(id store.StreamID, lp []byte) bool {
			name := id.Bytes()
			more = yield(rdb.Element{Name: name[:], Value: lp, Packed: true})
			return more
		})
		if !more {
			return
		}
		var part rdb.StreamPart
		put := func(name string, p rdb.StreamPart) bool {
			part = p
			return yield(rdb.Element{Name: []byte(name), Stream: &part})
		}
		if put("", rdb.StreamPart{Kind: rdb.StreamMeta, Length: uint64(s.Len()), ID: rdb.StreamID(s.LastID()),
			First: rdb.StreamID(s.FirstID()), MostDeleted: rdb.StreamID(s.MaxDeletedID()), Added: uint64(s.Added()),
			Count: uint64(len(s.Groups()))}) {
			for _, g := range s.Groups() {
				if !groupParts(g, put) {
					return
				}
			}
		}
	}
	return e
}

// groupParts hands out the parts of a group until put returns false.
func groupParts(g *store.StreamGroup, put func(name string, p rdb.StreamPart) bool) (more bool) {
	more = put(g.Name(), rdb.StreamPart{Kind: rdb.StreamGroup, ID: rdb.StreamID(g.LastID), Times: uint64(g.Read),
		Count: uint64(g.PendingCount())})
	if !more {
		return false
	}
	g.EachPending(nil, store.StreamID{}, func(p *store.StreamPending) bool {
		more = put("", rdb.StreamPart{Kind: rdb.StreamPending, ID: rdb.StreamID(p.ID), Time: p.Delivered,
			Times: uint64(p.Count)})
		return more
	})
	if !more || !put("", rdb.StreamPart{Kind: rdb.StreamConsumers, Count: uint64(len(g.Consumers()))}) {
		return false
	}
	for _, c := range g.Consumers() {
		if !put(c.Name(), rdb.StreamPart{Kind: rdb.StreamConsumer, Time: c.Seen, Count: uint64(c.Pending())}) {
			return false
		}
		c.EachOwned(func(id store.StreamID) bool {
			more = put("", rdb.StreamPart{Kind: rdb.StreamOwned, ID: rdb.StreamID(id)})
			return more
		})
		if !more {
			return false
		}
	}
	return true
}

func loadStream(s *store.Store, db *store.DB, e rdb.Entry) error {
	l := streamLoad{b: s.NewStream(), blocks: e.Len, old: e.Type == rdb.TypeStream1}
	for el := range e.Elements {
		if err := l.take(el); err != nil {
			return fmt.Errorf("%w: %w", rdb.ErrParts, err)
		}
	}
	if l.due() {
		return io.ErrUnexpectedEOF // the Reader knows the reason
	}
	if err := l.endGroup(); err != nil {
		return fmt.Errorf("%w: %w", rdb.ErrParts, err)
	}
	db.StreamStore(e.Key, l.b)
	return nil
}

// streamLoad is a stream that is being loaded, and what of it is still to come.
type streamLoad struct {
	b                                  *store.StreamBuilder
	blocks                             int
	groups, pending, consumers, owned  uint64
	hasMeta, old, inGroup, noConsumers bool
}

// due reports whether something is missing.
func (l *streamLoad) due() bool {
	return !l.hasMeta || l.blocks > 0 || l.groups+l.pending+l.consumers+l.owned > 0 || l.noConsumers
}

func (l *streamLoad) endGroup() error {
	if !l.inGroup {
		return nil
	}
	l.inGroup = false
	return l.b.EndGroup()
}

func (l *streamLoad) take(el rdb.Element) error {
	p := el.Stream
	if p == nil {
		l.blocks--
		return l.b.AddBlock(store.StreamIDOf(el.Name), el.Value)
	}
	id := store.StreamID(p.ID)
	switch p.Kind {
	case rdb.StreamMeta:
		l.hasMeta, l.groups = true, p.Count
		return l.b.SetMeta(store.StreamMeta{Length: p.Length, Last: id, First: store.StreamID(p.First),
			Deleted: store.StreamID(p.MostDeleted), Added: p.Added, Old: l.old})
	case rdb.StreamGroup:
		if err := l.endGroup(); err != nil {
			return err
		}
		l.groups--
		l.inGroup, l.noConsumers, l.pending = true, true, p.Count
		return l.b.AddGroup(el.Name, id, int64(p.Times), l.old)
	case rdb.StreamPending:
		l.pending--
		return l.b.AddPending(store.StreamPending{ID: id, Delivered: p.Time, Count: int64(p.Times)})
	case rdb.StreamConsumers:
		l.noConsumers, l.consumers = false, p.Count
	case rdb.StreamConsumer:
		l.consumers--
		l.owned = p.Count
		return l.b.AddConsumer(el.Name, p.Time)
	case rdb.StreamOwned:
		l.owned--
		return l.b.AddOwned(id)
	}
	return nil
}
