package store

import (
	"fmt"
	"slices"
	"unsafe"
)

// Stream is a log of entries, each of which has an id and pairs of fields and values. The entries lie in blocks; who
// reads them together is known by groups. What it changes is for whoever has called DB.EditStream.
type Stream struct {
	blocks idIndex[streamBlock]
	nodes  int // of Redis's radix tree
	length uint64
	groups []*StreamGroup // by name
	held   int64          // bytes of the blocks' data, and of groups
	limits *Limits

	first, last, deleted StreamID
	added                uint64
}

var streamKind = kind{
	name: "stream", len: func(it Item) int { return it.Stream().Len() }, digest: Item.digestStream,
	check: Item.checkStream,
}

// Stream is the stream of an item.
func (it Item) Stream() *Stream { return it.obj.(*Stream) }

// checkStream: an object checks itself, and a stream is always one.
func (it Item) checkStream() error {
	if it.enc != EncStream || it.obj == nil {
		return fmt.Errorf("a stream is encoded as %v, or in %d bytes", it.enc, len(it.val))
	}
	return nil
}

// Len is the number of entries.
func (s *Stream) Len() int { return int(s.length) }

// FirstID is the id of the first entry, as it was recorded; 0-0 if there is none.
func (s *Stream) FirstID() StreamID { return s.first }

// LastID is the last id that the stream has given or was set to.
func (s *Stream) LastID() StreamID { return s.last }

// MaxDeletedID is the greatest id of an entry that was deleted, not trimmed.
func (s *Stream) MaxDeletedID() StreamID { return s.deleted }

// Added is how many entries there have ever been.
func (s *Stream) Added() int64 { return int64(s.added) }

// Blocks is how many blocks there are, and Nodes how many nodes Redis's radix tree has for them.
func (s *Stream) Blocks() int { return s.blocks.count }

// Nodes is how many nodes Redis's radix tree of the blocks has.
func (s *Stream) Nodes() int { return s.nodes }

const streamSize = int64(unsafe.Sizeof(Stream{}))

func (s *Stream) memory() int64 {
	return streamSize + s.held + s.blocks.memory() + int64(cap(s.groups))*8
}

func (s *Stream) names() *dict { return nil }

// clone has both streams keep the same blocks and leaves, until one of them writes to them.
func (s *Stream) clone() object { return s.share(withCopy) }

func (s *Stream) share(with sharedBlock) *Stream {
	c := *s
	c.blocks = s.blocks.share(with)
	c.groups = make([]*StreamGroup, len(s.groups))
	c.held -= s.groupsHeld()
	for i, g := range s.groups {
		c.groups[i] = g.share(&c, with)
	}
	c.held += c.groupsHeld()
	return &c
}

func (s *Stream) groupsHeld() (n int64) {
	for _, g := range s.groups {
		n += g.memory()
	}
	return n
}

// freeze describes the stream as it is now. Until thaw, whoever writes to a block or a leaf copies it before.
func (s *Stream) freeze(f *Frozen) {
	f.stream = s.share(withFrozen)
	f.thaw = func() {
		s.blocks.thaw()
		for _, g := range s.groups {
			g.thaw()
		}
	}
}

func (s *Stream) check() error {
	if err := s.blocks.check(); err != nil {
		return fmt.Errorf("the blocks of a stream: %w", err)
	}
	length, held := uint64(0), int64(0)
	var before StreamID
	for p := s.blocks.seek(StreamID{}); s.blocks.valid(p); p = s.blocks.next(p) {
		b := s.blocks.at(p)
		if err := b.check(); err != nil {
			return fmt.Errorf("block %v of a stream: %w", b.id, err)
		}
		first, _ := b.edge(false)
		if length > 0 && !before.Before(first) {
			return fmt.Errorf("block %v of a stream: %w", b.id, errIDOrder)
		}
		before, _ = b.edge(true)
		length += uint64(b.live)
		held += int64(cap(b.data))
	}
	for i, g := range s.groups {
		if err := g.check(); err != nil {
			return fmt.Errorf("group %q of a stream: %w", g.name, err)
		}
		if g.stream != s || i > 0 && s.groups[i-1].name >= g.name {
			return fmt.Errorf("group %q of a stream is another's, or out of order", g.name)
		}
	}
	held += s.groupsHeld()
	switch nodes := s.countNodes(); {
	case length != s.length || held != s.held:
		return fmt.Errorf("a stream has %d entries in %d bytes and counts %d in %d", length, held, s.length, s.held)
	case nodes != s.nodes:
		return fmt.Errorf("the radix tree of a stream has %d nodes and counts %d", nodes, s.nodes)
	case length > 0 && s.last.Before(before):
		return fmt.Errorf("the last entry of a stream is %v, and its last id %v", before, s.last)
	}
	return nil
}

// digestStream mixes in the entries in their order.
func (it Item) digestStream(d *digest) {
	var id, number [maxIDText]byte
	r := it.Stream().Range(StreamID{}, MaxStreamID, false)
	for r.Next() {
		text := r.ID.AppendTo(id[:0])
		text[slices.Index(text, '-')] = '.'
		d.chain(text)
		for range r.Fields() {
			field, value := r.Pair()
			d.chain(field.Text(number[:]))
			d.chain(value.Text(number[:]))
		}
	}
}

// maxIDText is the length of the longest id as text.
const maxIDText = 2*20 + 1

// EditStream begins a change of the stream that was found at key: the store's snapshot has what it was. It ends with
// StreamChanged; until then nothing else may be done with the store.
func (d *DB) EditStream(it *Item) *Stream {
	s := it.obj.(*Stream)
	d.space.save(it.ref)
	s.limits = d.store.Limits
	return s
}

// NewStream is EditStream of an empty stream that is made the value of a key that is absent.
func (d *DB) NewStream(key []byte) (s *Stream, it Item) {
	e := d.edit(key, TypeStream)
	s = &Stream{nodes: 1, limits: d.store.Limits}
	sp := d.space
	ref := sp.buildObject(key, s, meta{typ: TypeStream, enc: EncStream, access: e.m.access, expireAt: NoExpiry})
	sp.place(e.hash, key, ref)
	return s, sp.item(ref)
}

// StreamChanged ends a change. Without entries only groups have changed, or what is said of the stream: those who watch
// the key are not told.
func (d *DB) StreamChanged(it *Item, key []byte, entries bool) {
	sp := d.space
	sp.large.settle(largeRec(sp.slabs.bytes(it.ref)))
	d.report(key, !entries)
	sp.tidy()
}
