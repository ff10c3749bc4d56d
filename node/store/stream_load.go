package store

import (
	"encoding/binary"
	"errors"

	"holdfast/node/listpack"
)

// StreamBuilder is a stream under construction, from what a snapshot says of it.
type StreamBuilder struct {
	s     *Stream
	group *StreamGroup
	owner *StreamConsumer
	final StreamID // of the last entry that is there
	loose int      // what is pending for nobody yet, in the present group
}

// What may be wrong with the parts of a stream.
var (
	errStreamOrder = errors.New("the entries of a stream are out of order")
	errStreamTwice = errors.New("a stream has a group, a consumer or a pending entry twice")
	errStreamOwner = errors.New("an entry of a stream is pending for nobody, or for somebody who does not have it")
	errStreamCount = errors.New("a stream counts its entries wrongly, or has some behind its last id")
)

// NewStream returns an empty stream.
func (s *Store) NewStream() *StreamBuilder {
	return &StreamBuilder{s: &Stream{nodes: 1, limits: s.Limits}}
}

// AddBlock puts a block at the end, as it stands in a snapshot: its listpack has been checked.
func (b *StreamBuilder) AddBlock(id StreamID, lp []byte) error {
	block, err := blockOf(id, lp)
	if err != nil {
		return err
	}
	first, _ := block.edge(false)
	s := b.s
	p := s.blocks.seek(id)
	if s.blocks.count > 0 && (s.blocks.valid(p) || !b.final.Before(first)) {
		return errStreamOrder
	}
	b.final, _ = block.edge(true)
	s.insertBlock(p, block)
	s.length += uint64(block.live)
	return nil
}

// elementsOf reads the elements of a listpack one after the other.
type elementsOf struct {
	lp []byte
	at int
}

func (e *elementsOf) int() int64 {
	n, _ := listpack.Int(e.lp, e.at)
	e.at = listpack.Next(e.lp, e.at)
	return n
}

// append appends n elements as bare ones, in the form that they would be given here.
func (e *elementsOf) append(dst []byte, n int64) []byte {
	var number [maxIntText]byte
	for ; n > 0; n-- {
		dst = listpack.AppendBare(dst, listpack.Get(e.lp, e.at, number[:]))
		e.at = listpack.Next(e.lp, e.at)
	}
	return dst
}

// blockOf makes a block of its listpack.
func blockOf(id StreamID, lp []byte) (b streamBlock, err error) {
	e := elementsOf{lp: lp, at: listpack.First(lp)}
	live, dead, n := e.int(), e.int(), e.int()
	fields := e.append(binary.AppendUvarint(nil, uint64(n)), n)
	e.int()
	b = newStreamBlock(id, fields, len(lp))
	var lastLive StreamID
	for e.at >= 0 {
		flags, ms, seq := e.int(), e.int(), e.int()
		entry := StreamID{id.Ms + uint64(ms), id.Seq + uint64(seq)}
		if flags&entryDeleted == 0 {
			if b.live > 0 && !lastLive.Before(entry) || entry.Before(id) {
				return b, errStreamOrder
			}
			lastLive = entry
		}
		from := len(b.data)
		b.data = b.appendHead(b.data, entry, byte(flags))
		count := n
		if flags&entrySame == 0 {
			count = e.int()
			b.data = binary.AppendUvarint(b.data, uint64(count))
			count *= 2
		}
		b.data = e.append(b.data, count)
		b.note(from, entry, flags)
		e.int()
	}
	if int64(b.live) != live || int64(b.dead) != dead || live == 0 {
		return b, errStreamCount
	}
	b.trim()
	return b, nil
}

// note counts an entry that was appended to the data.
func (b *streamBlock) note(from int, id StreamID, flags int64) {
	e := b.read(from, b.final, b.fields())
	e.id = id
	elements := int64(lpElements + e.elements())
	if flags&entrySame == 0 {
		elements++
		b.body += uint32(listpack.SizeOfInt(int64(e.n)))
	}
	b.body += uint32(listpack.SizeOfInt(flags) + listpack.SizeOfInt(int64(id.Ms-b.id.Ms)) +
		listpack.SizeOfInt(int64(id.Seq-b.id.Seq)) + listpack.SizeOfInt(elements))
	for at := e.values; at < len(b.data); {
		size := listpack.SkipBare(b.data[at:])
		b.body += uint32(listpack.SizeOfBare(size))
		at += size
	}
	b.final = id
	if flags&entryDeleted == 0 {
		b.live++
	} else {
		b.dead++
	}
}

// StreamMeta is what a snapshot says of a stream besides its entries.
type StreamMeta struct {
	Length               uint64
	Last, First, Deleted StreamID
	Added                uint64
	Old                  bool // it says no more than the length and the last id
}

// SetMeta tells what the snapshot says; all blocks are there.
func (b *StreamBuilder) SetMeta(m StreamMeta) error {
	s := b.s
	if m.Length != s.length || s.length > 0 && m.Last.Before(b.final) {
		return errStreamCount
	}
	s.last, s.first, s.deleted, s.added = m.Last, m.First, m.Deleted, m.Added
	if m.Old {
		s.added, s.deleted = m.Length, StreamID{}
	}
	switch {
	case s.length > 0:
		s.findFirst()
	case m.Old:
		s.first = MaxStreamID // as Redis
	}
	return nil
}

// AddGroup adds a group. Of an old snapshot it is found out what it has read.
func (b *StreamBuilder) AddGroup(name []byte, last StreamID, read int64, old bool) error {
	if old {
		read = b.s.EntriesUpTo(last)
	}
	if !b.s.CreateGroup(name, last, max(read, EntriesUnknown)) {
		return errStreamTwice
	}
	b.group, b.owner = b.s.Group(name), nil
	return nil
}

// nobody is the owner of what is pending until a consumer says that it has it.
const nobody = 1<<32 - 1

// AddPending adds an entry that is pending in the present group.
func (b *StreamBuilder) AddPending(p StreamPending) error {
	at, found := b.group.pending.find(p.ID)
	if found {
		return errStreamTwice
	}
	p.slot = nobody
	b.group.changes(func() { b.group.pending.insert(at, p) })
	b.loose++
	return nil
}

// AddConsumer adds a consumer to the present group.
func (b *StreamBuilder) AddConsumer(name []byte, seen int64) error {
	if b.owner = b.group.CreateConsumer(name, seen); b.owner == nil {
		return errStreamTwice
	}
	return nil
}

// AddOwned says that an entry of the present group is pending for the present consumer.
func (b *StreamBuilder) AddOwned(id StreamID) error {
	at, found := b.group.pending.find(id)
	if !found || b.group.pending.at(at).slot != nobody {
		return errStreamOwner
	}
	b.group.pending.change(at).slot = b.owner.slot
	own := b.owner.own.memory()
	b.owner.own.insert(b.owner.own.seek(id), ownedID(id))
	b.group.held += b.owner.own.memory() - own
	b.s.held += b.owner.own.memory() - own
	b.loose--
	return nil
}

// EndGroup tells whether the present group is whole.
func (b *StreamBuilder) EndGroup() error {
	if b.loose > 0 {
		return errStreamOwner
	}
	return nil
}

// StreamStore makes a stream, of which the store takes possession, the value of key in place of one of any type.
func (d *DB) StreamStore(key []byte, b *StreamBuilder) {
	d.Delete(key)
	e := d.edit(key, TypeStream)
	e.setObject(b.s, EncStream)
}
