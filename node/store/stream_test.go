package store

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// streamModel is a store with one stream, and what the stream must be.
type streamModel struct {
	t      *testing.T
	rng    *rand.Rand
	s      *Store
	db     *DB
	want   streamState
	frozen *Frozen
	before streamState // what was frozen
	copied streamState // what stands at another key
}

// streamState says what a stream is, in the plainest way.
type streamState struct {
	there   bool
	entries []modelEntry
	last    StreamID
	groups  map[string]modelGroup
}

type modelEntry struct {
	id    StreamID
	pairs [][]byte
}

type modelGroup struct {
	consumers map[string]bool
	pending   map[StreamID]modelPending
}

type modelPending struct {
	owner string
	count int64
}

func (m streamState) clone() streamState {
	m.entries = slices.Clone(m.entries)
	groups := map[string]modelGroup{}
	for name, g := range m.groups {
		groups[name] = modelGroup{maps.Clone(g.consumers), maps.Clone(g.pending)}
	}
	m.groups = groups
	return m
}

var (
	streamKey  = []byte("stream")
	streamCopy = []byte("copy")
)

func (m *streamModel) value() []byte {
	switch r := m.rng.IntN(20); {
	case r < 4:
		return fmt.Append(nil, m.rng.Int64()>>m.rng.IntN(64))
	case r == 4:
		return bytes.Repeat([]byte{'v'}, m.rng.IntN(6000))
	case r == 5:
		return nil
	}
	return bytes.Repeat([]byte{'a' + byte(m.rng.IntN(20))}, m.rng.IntN(90))
}

func (m *streamModel) pairs() (pairs [][]byte) {
	n := 3
	if m.rng.IntN(6) == 0 {
		n = 1 + m.rng.IntN(5)
	}
	for i := range n {
		pairs = append(pairs, fmt.Append(nil, "field", i+m.rng.IntN(50)/49), m.value())
	}
	return pairs
}

// edit changes the stream, which must be there.
func (m *streamModel) edit(f func(s *Stream)) {
	it, _ := m.db.Get(streamKey)
	f(m.db.EditStream(&it))
	m.db.StreamChanged(&it, streamKey, m.rng.IntN(2) == 0)
}

func (m *streamModel) add() {
	if !m.want.there {
		s, it := m.db.NewStream(streamKey)
		if s.Len() != 0 {
			m.t.Fatal("a new stream is not empty")
		}
		m.db.StreamChanged(&it, streamKey, true)
		m.want = streamState{there: true, groups: map[string]modelGroup{}}
	}
	for range 1 + m.rng.IntN(1+m.rng.IntN(40)) {
		id := m.want.last
		switch m.rng.IntN(4) {
		case 0:
			id.Seq++
		case 1:
			id = StreamID{id.Ms + 1 + m.rng.Uint64N(1<<m.rng.IntN(30)), m.rng.Uint64N(3)}
		default:
			id = StreamID{id.Ms + m.rng.Uint64N(9), id.Seq + 1 + m.rng.Uint64N(1<<m.rng.IntN(10))}
		}
		pairs := m.pairs()
		m.edit(func(s *Stream) { s.Append(id, pairs) })
		m.want.entries = append(m.want.entries, modelEntry{id, pairs})
		m.want.last = id
	}
}

// someID is one that there is, mostly.
func (m *streamModel) someID() StreamID {
	if n := len(m.want.entries); n > 0 && m.rng.IntN(5) > 0 {
		return m.want.entries[m.rng.IntN(n)].id
	}
	return StreamID{m.rng.Uint64N(m.want.last.Ms + 2), m.rng.Uint64N(5)}
}

func (m *streamModel) remove() {
	for range 1 + m.rng.IntN(20) {
		id := m.someID()
		i := slices.IndexFunc(m.want.entries, func(e modelEntry) bool { return e.id == id })
		m.edit(func(s *Stream) {
			if s.Delete(id) != (i >= 0) {
				m.t.Fatalf("whether %v is there", id)
			}
			s.Deleted(id)
		})
		if i >= 0 {
			m.want.entries = slices.Delete(slices.Clone(m.want.entries), i, i+1)
		}
	}
}

func (m *streamModel) trim() {
	n := len(m.want.entries)
	t := Trimming{Whole: m.rng.IntN(2) == 0, ByID: m.rng.IntN(2) == 0, ID: m.someID(),
		Length: uint64(m.rng.IntN(n + 2))}
	if t.Whole && m.rng.IntN(2) == 0 {
		t.Limit = int64(m.rng.IntN(n + 2))
	}
	keep := max(n-int(t.Length), 0)
	if t.ByID {
		keep = 0
		for keep < n && m.want.entries[keep].id.Before(t.ID) {
			keep++
		}
	}
	m.edit(func(s *Stream) {
		gone := int(s.Trim(t))
		if gone > keep || !t.Whole && gone < keep || t.Limit > 0 && gone > int(t.Limit) {
			m.t.Fatalf("%+v removes %d of %d, where %d could go", t, gone, n, keep)
		}
		m.want.entries = slices.Clone(m.want.entries[gone:])
	})
}

func (m *streamModel) group() {
	name, who := fmt.Sprint("g", m.rng.IntN(3)), fmt.Sprint("c", m.rng.IntN(5))
	g, there := m.want.groups[name]
	m.edit(func(s *Stream) {
		switch op := m.rng.IntN(40); {
		case !there || op == 0:
			if s.CreateGroup([]byte(name), StreamID{}, EntriesUnknown) == there {
				m.t.Fatal("whether there is a group")
			}
			if !there {
				m.want.groups[name] = modelGroup{map[string]bool{}, map[StreamID]modelPending{}}
			}
		case op == 1:
			s.DestroyGroup([]byte(name))
			delete(m.want.groups, name)
		case op == 2 && g.consumers[who]:
			pending := s.Group([]byte(name)).DeleteConsumer(s.Group([]byte(name)).Consumer([]byte(who)))
			delete(g.consumers, who)
			before := len(g.pending)
			maps.DeleteFunc(g.pending, func(_ StreamID, p modelPending) bool { return p.owner == who })
			if before-len(g.pending) != pending {
				m.t.Fatalf("%d were pending, not %d", before-len(g.pending), pending)
			}
		default:
			m.pend(s.Group([]byte(name)), g, who)
		}
	})
}

// pend gives and takes many entries.
func (m *streamModel) pend(g *StreamGroup, want modelGroup, who string) {
	c := g.Consumer([]byte(who))
	if c == nil {
		c = g.CreateConsumer([]byte(who), 5)
	}
	want.consumers[who] = true
	from := m.someID()
	for i := range m.rng.IntN(300) {
		id := StreamID{from.Ms + uint64(i), from.Seq}
		if m.rng.IntN(3) > 0 {
			_, had := want.pending[id]
			if g.Take(id) != had {
				m.t.Fatal("whether an entry is pending")
			}
			delete(want.pending, id)
			continue
		}
		g.Give(c, StreamPending{ID: id, Delivered: 7, Count: int64(i)})
		want.pending[id] = modelPending{who, int64(i)}
	}
}

func (m *streamModel) step() {
	switch op := m.rng.IntN(20); {
	case op < 6 || !m.want.there:
		m.add()
	case op < 9:
		m.remove()
	case op < 11:
		m.trim()
	case op < 15:
		m.group()
	case op == 15 && m.frozen == nil:
		it, _ := m.db.Get(streamKey)
		if f, ok := m.s.Freeze(it); ok {
			m.frozen, m.before = f, m.want.clone()
		}
	case op == 16 && m.frozen != nil:
		m.same(m.frozen.stream, m.before)
		m.frozen.Release()
		m.frozen = nil
	case op == 17:
		m.db.CopyTo(m.db, streamKey, streamCopy)
		m.copied = m.want.clone()
	case op == 18 && m.rng.IntN(10) == 0 && m.frozen == nil:
		m.db.Delete(streamKey)
		m.want = streamState{}
	}
}

// same compares a stream with what it must be.
func (m *streamModel) same(s *Stream, want streamState) {
	m.t.Helper()
	if s.Len() != len(want.entries) || s.LastID() != want.last {
		m.t.Fatalf("%d entries up to %v, want %d up to %v", s.Len(), s.LastID(), len(want.entries), want.last)
	}
	if n := len(want.entries); n > 0 && (s.FirstID() != want.entries[0].id || s.TopID() != want.entries[n-1].id) {
		m.t.Fatalf("from %v to %v", s.FirstID(), s.TopID())
	}
	from, to := StreamID{}, MaxStreamID
	entries := want.entries
	if n := len(entries); n > 0 && m.rng.IntN(3) > 0 {
		i := m.rng.IntN(n)
		j := i + m.rng.IntN(n-i)
		from, to, entries = entries[i].id, entries[j].id, entries[i:j+1]
	}
	m.sameRange(s.Range(from, to, false), entries)
	back := slices.Clone(entries)
	slices.Reverse(back)
	m.sameRange(s.Range(from, to, true), back)
	if len(s.Groups()) != len(want.groups) {
		m.t.Fatalf("%d groups", len(s.Groups()))
	}
	for name, g := range want.groups {
		m.sameGroup(s.Group([]byte(name)), g)
	}
}

func (m *streamModel) sameRange(r StreamRange, want []modelEntry) {
	m.t.Helper()
	var a, b [20]byte
	for _, e := range want {
		if !r.Next() || r.ID != e.id || r.Fields() != len(e.pairs)/2 {
			m.t.Fatalf("entry %v with %d fields, want %v with %d", r.ID, r.Fields(), e.id, len(e.pairs)/2)
		}
		for i := 0; i < len(e.pairs) && m.rng.IntN(20) > 0; i += 2 {
			field, value := r.Pair()
			if !bytes.Equal(field.Text(a[:]), e.pairs[i]) || !bytes.Equal(value.Text(b[:]), e.pairs[i+1]) {
				m.t.Fatalf("entry %v: pair %d differs", r.ID, i/2)
			}
		}
	}
	if r.Next() {
		m.t.Fatalf("entry %v is too many", r.ID)
	}
}

func (m *streamModel) sameGroup(g *StreamGroup, want modelGroup) {
	m.t.Helper()
	if g == nil || g.PendingCount() != len(want.pending) || len(g.Consumers()) != len(want.consumers) {
		m.t.Fatal("a group differs")
	}
	for _, c := range g.Consumers() {
		n := 0
		g.EachPending(c, StreamID{}, func(p *StreamPending) bool {
			if w := want.pending[p.ID]; w.owner != c.Name() || w.count != p.Count || g.Owner(p) != c {
				m.t.Fatalf("%v is pending for %s", p.ID, c.Name())
			}
			n++
			return true
		})
		if n != c.Pending() {
			m.t.Fatalf("%d are pending for %s, not %d", n, c.Name(), c.Pending())
		}
	}
}

func TestStreamModel(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 3))
		m := &streamModel{t: t, rng: rng, s: New(1, rng)}
		m.db = m.s.DB(0)
		if seed%3 > 0 {
			m.s.Limits.StreamEntries, m.s.Limits.StreamBytes = rng.IntN(8), rng.IntN(2000)
		}
		for i := range 400 {
			m.step()
			if m.want.there && rng.IntN(8) == 0 {
				it, _ := m.db.Get(streamKey)
				m.same(it.Stream(), m.want)
			}
			if it, ok := m.db.Get(streamCopy); ok && rng.IntN(8) == 0 {
				m.same(it.Stream(), m.copied)
			}
			if err := m.s.Check(); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, i, err)
			}
		}
	}
}

// TestStreamNodes: nodes are counted as they come and go, in any order.
func TestStreamNodes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		s := &Stream{nodes: 1, limits: DefaultLimits()}
		var ids []StreamID
		for range 1 + rng.IntN(60) {
			if len(ids) > 0 && rng.IntN(3) == 0 {
				i := rng.IntN(len(ids))
				p, _ := s.blocks.find(ids[i])
				s.removeBlock(p)
				ids = slices.Delete(ids, i, i+1)
			} else {
				id := StreamID{rng.Uint64() >> rng.IntN(64) & 0x0303030303030303, rng.Uint64N(3) << rng.IntN(60)}
				p, found := s.blocks.find(id)
				if found {
					continue
				}
				s.insertBlock(p, newStreamBlock(id, []byte{0}, 0))
				ids = append(ids, id)
			}
			if got, want := s.nodes, s.countNodes(); got != want {
				t.Fatalf("%d nodes for %v, counted are %d", want, ids, got)
			}
		}
	}
}

// TestStreamBackwards goes back through blocks of any length, with entries that were deleted.
func TestStreamBackwards(t *testing.T) {
	for _, n := range []int{1, 31, 32, 33, 64, 65, 1000} {
		s := newTestStore(1)
		s.Limits.StreamBytes, s.Limits.StreamEntries = 0, 700
		stream, it := s.DB(0).NewStream(streamKey)
		var want []StreamID
		for i := range n {
			stream.Append(StreamID{uint64(i + 1), 0}, [][]byte{[]byte("field"), []byte("value")})
		}
		for i := range n {
			if id := (StreamID{uint64(i + 1), 0}); i%7 == 3 || i > 40 && i < 80 {
				stream.Delete(id)
			} else {
				want = append(want, id)
			}
		}
		s.DB(0).StreamChanged(&it, streamKey, true)
		slices.Reverse(want)
		for skip := range len(want) {
			r, got := stream.Range(want[len(want)-1], want[skip], true), []StreamID(nil)
			for r.Next() {
				got = append(got, r.ID)
			}
			if !slices.Equal(got, want[skip:]) {
				t.Fatalf("%d entries back from %v: %v, want %v", n, want[skip], got, want[skip:])
			}
		}
	}
}
