package rdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"holdfast/node/listpack"
)

// A stream is its blocks, each a listpack under the id of its first entry, then what is said of the whole, then its
// groups. All of that are elements, in this order; those that are no block have a part.
var streamLayouts = map[int]layout{
	TypeStream: {as: TypeStream, read: streamOf(TypeStream), element: (*Reader).streamElement,
		write: (*Writer).stream},
	TypeStream1: {as: TypeStream1, read: streamOf(TypeStream1), element: (*Reader).streamElement,
		write: (*Writer).stream},
	typeStream3: {as: TypeStream, read: streamOf(typeStream3), element: (*Reader).streamElement},
}

// StreamID is an id of an entry.
type StreamID struct{ Ms, Seq uint64 }

// StreamPart is a part of a stream that is no block. Which fields it has follows from its kind.
type StreamPart struct {
	Kind StreamPartKind
	// Count is how many follow: groups after StreamMeta, pending entries after StreamGroup, consumers after
	// StreamConsumers, entries of its own after StreamConsumer.
	Count uint64
	ID    StreamID // the last one of a stream or of a group; of an entry that is pending
	Time  int64    // unix milliseconds: when an entry was delivered, or a consumer seen
	Times uint64   // how often an entry was delivered; how much a group has read, or all ones

	Length, Added      uint64 // of StreamMeta: entries, and how many there have ever been
	First, MostDeleted StreamID
}

// StreamPartKind says what a part of a stream is.
type StreamPartKind uint8

// The kinds of parts, in their order. StreamGroup, and all that comes after it, is there for each group; StreamConsumer
// and StreamOwned for each consumer.
const (
	StreamMeta      StreamPartKind = iota // ID, Count, Length; and, but in TypeStream1, Added, First, MostDeleted
	StreamGroup                           // the element's name, ID, Count; and, but in TypeStream1, Times
	StreamPending                         // ID, Time, Times
	StreamConsumers                       // Count
	StreamConsumer                        // the element's name, Time, Count
	StreamOwned                           // ID
)

// streamReading is what of a stream is still to be read.
type streamReading struct {
	form                                      byte // the type that stands in the snapshot
	blocks, groups, pending, consumers, owned uint64
	meta, inGroup                             bool // the meta part, and the consumers of the present group, are to come
	part                                      StreamPart
}

func streamOf(form byte) func(r *Reader, e *Entry) error {
	return func(r *Reader, e *Entry) error { return r.stream(form, e) }
}

func (r *Reader) stream(form byte, e *Entry) error {
	if r.streaming == nil {
		r.streaming = new(streamReading)
	}
	*r.streaming = streamReading{form: form, meta: true}
	var err error
	if r.streaming.blocks, err = r.streamCount(); err != nil {
		return err
	}
	e.Len = int(r.streaming.blocks)
	r.elements.left = math.MaxUint64 // it is over when nothing is left to be read
	return nil
}

// streamCount reads how many parts follow.
func (r *Reader) streamCount() (uint64, error) {
	at := r.Offset()
	n, err := r.length()
	if err == nil && n > math.MaxInt64 {
		return 0, r.damaged(at, "a stream has %d parts of a kind", n)
	}
	return n, err
}

// streamElement reads the next block or part.
func (r *Reader) streamElement() (el Element, err error) {
	s := r.streaming
	s.part = StreamPart{}
	p := &s.part
	switch {
	case s.blocks > 0:
		s.blocks--
		return r.streamBlock()
	case s.meta:
		s.meta = false
		err = r.streamMeta(p)
		s.groups = p.Count
	case s.owned > 0:
		s.owned--
		p.Kind = StreamOwned
		p.ID, err = r.rawID()
	case s.consumers > 0:
		s.consumers--
		p.Kind = StreamConsumer
		if el, err = r.member(); err == nil {
			p.Time, err = r.millisecond()
		}
		if err == nil && s.form == typeStream3 {
			_, err = r.millisecond() // when it got anything last
		}
		if err == nil {
			p.Count, err = r.streamCount()
		}
		s.owned = p.Count
	case s.pending > 0:
		s.pending--
		p.Kind = StreamPending
		if p.ID, err = r.rawID(); err == nil {
			p.Time, err = r.millisecond()
		}
		if err == nil {
			p.Times, err = r.length()
		}
	case s.inGroup:
		s.inGroup = false
		p.Kind = StreamConsumers
		p.Count, err = r.streamCount()
		s.consumers = p.Count
	case s.groups > 0:
		s.groups--
		s.inGroup = true
		el, err = r.streamGroup(p)
		s.pending = p.Count
	}
	if err == nil && s.groups+s.pending+s.consumers+s.owned == 0 && !s.inGroup {
		r.elements.left = 0
	}
	el.Stream = p
	return el, err
}

func (r *Reader) streamBlock() (el Element, err error) {
	at := r.Offset()
	if el, err = r.field(); err != nil {
		return el, err
	}
	if len(el.Name) != streamIDLen {
		return el, r.damaged(at, "the id of a block of a stream has %d bytes", len(el.Name))
	}
	if err := checkStreamBlock(el.Value); err != nil {
		return el, &DamageError{Offset: at, Reason: err}
	}
	return el, nil
}

func (r *Reader) streamMeta(p *StreamPart) (err error) {
	p.Kind = StreamMeta
	numbers := p.metaNumbers()
	if r.streaming.form == TypeStream1 {
		numbers = numbers[:streamMeta1]
	}
	for _, n := range numbers {
		if *n, err = r.length(); err != nil {
			return err
		}
	}
	p.Count, err = r.streamCount()
	return err
}

func (r *Reader) streamGroup(p *StreamPart) (el Element, err error) {
	p.Kind = StreamGroup
	if el, err = r.member(); err != nil {
		return el, err
	}
	numbers := p.groupNumbers()
	if r.streaming.form == TypeStream1 {
		numbers = numbers[:streamGroup1]
	}
	for _, n := range numbers {
		if *n, err = r.length(); err != nil {
			return el, err
		}
	}
	p.Count, err = r.streamCount()
	return el, err
}

// metaNumbers and groupNumbers are the numbers that stand in such parts before the count, in their order.
func (p *StreamPart) metaNumbers() []*uint64 {
	return []*uint64{&p.Length, &p.ID.Ms, &p.ID.Seq, &p.First.Ms, &p.First.Seq, &p.MostDeleted.Ms, &p.MostDeleted.Seq,
		&p.Added}
}

func (p *StreamPart) groupNumbers() []*uint64 { return []*uint64{&p.ID.Ms, &p.ID.Seq, &p.Times} }

// How many of them a TypeStream1 has.
const (
	streamMeta1  = 3
	streamGroup1 = 2
)

// streamIDLen is how many bytes an id has that stands as such.
const streamIDLen = 16

func (r *Reader) rawID() (id StreamID, err error) {
	if err = r.full(r.small[:8]); err != nil {
		return id, err
	}
	id.Ms = binary.BigEndian.Uint64(r.small[:])
	if err = r.full(r.small[:8]); err != nil {
		return id, err
	}
	id.Seq = binary.BigEndian.Uint64(r.small[:])
	return id, nil
}

func (r *Reader) millisecond() (int64, error) {
	err := r.full(r.small[:8])
	return int64(binary.LittleEndian.Uint64(r.small[:])), err
}

func (w *Writer) stream(e Entry) {
	w.length(uint64(e.Len))
	blocks := 0
	for el := range e.Elements {
		p := el.Stream
		if p == nil {
			w.string(el.Name)
			w.string(el.Value)
			blocks++
			continue
		}
		switch p.Kind {
		case StreamMeta:
			w.numbers(p.metaNumbers(), e.Type == TypeStream1, streamMeta1)
			w.length(p.Count)
		case StreamGroup:
			w.string(el.Name)
			w.numbers(p.groupNumbers(), e.Type == TypeStream1, streamGroup1)
			w.length(p.Count)
		case StreamPending:
			w.rawID(p.ID)
			w.buf = binary.LittleEndian.AppendUint64(w.buf, uint64(p.Time))
			w.length(p.Times)
		case StreamConsumers:
			w.length(p.Count)
		case StreamConsumer:
			w.string(el.Name)
			w.buf = binary.LittleEndian.AppendUint64(w.buf, uint64(p.Time))
			w.length(p.Count)
		case StreamOwned:
			w.rawID(p.ID)
		}
		w.room()
	}
	if blocks != e.Len && w.err == nil {
		w.err = fmt.Errorf("write rdb: %q has %d blocks instead of %d", e.Key, blocks, e.Len)
	}
}

// numbers writes numbers, only the first ones of an old form.
func (w *Writer) numbers(list []*uint64, old bool, first int) {
	if old {
		list = list[:first]
	}
	for _, n := range list {
		w.length(*n)
	}
}

func (w *Writer) rawID(id StreamID) {
	w.buf = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(w.buf, id.Ms), id.Seq)
}

var errStreamBlock = errors.New("a block of a stream is not made of entries")

// The flags of an entry in a block.
const (
	streamEntryDeleted = 1
	streamEntrySame    = 2 // it has the fields of the block's first entry
)

// checkStreamBlock tells whether lp is a block of a stream: how many entries it has, live ones and deleted ones, the
// fields of the first one, a zero, and the entries. Each has flags, what to add to the block's id, if the fields are
// not those of the first one how many it has, fields and values, and how many elements these are.
func checkStreamBlock(lp []byte) error {
	if err := listpack.Validate(lp, true); err != nil {
		return err
	}
	w := streamWalk{lp: lp, at: listpack.First(lp)}
	live, dead, fields := w.int(), w.int(), w.int()
	w.skip(fields)
	if zero := w.int(); w.broken || zero != 0 || live <= 0 || dead < 0 || fields < 0 {
		return errStreamBlock
	}
	for !w.broken && w.at >= 0 {
		flags := w.int()
		w.int()
		w.int()
		elements, n := 3+fields, fields
		if flags&streamEntrySame == 0 {
			if n = w.int(); n > math.MaxInt32 {
				return errStreamBlock
			}
			n *= 2
			elements = 4 + n
		}
		w.skip(n)
		if count := w.int(); w.broken || count != elements || flags < 0 || flags > streamEntryDeleted|streamEntrySame {
			return errStreamBlock
		}
		if flags&streamEntryDeleted == 0 {
			live--
		} else {
			dead--
		}
	}
	if w.broken || live != 0 || dead != 0 {
		return errStreamBlock
	}
	return nil
}

// streamWalk reads the elements of a listpack. It is broken when one is not there, or is no number where one should be.
type streamWalk struct {
	lp     []byte
	at     int
	broken bool
}

func (w *streamWalk) int() int64 {
	if w.at < 0 {
		w.broken = true
		return 0
	}
	n, ok := listpack.Int(w.lp, w.at)
	w.broken = w.broken || !ok
	w.at = listpack.Next(w.lp, w.at)
	return n
}

func (w *streamWalk) skip(n int64) {
	w.broken = w.broken || n < 0
	for ; n > 0 && !w.broken; n-- {
		if w.broken = w.at < 0; !w.broken {
			w.at = listpack.Next(w.lp, w.at)
		}
	}
}
