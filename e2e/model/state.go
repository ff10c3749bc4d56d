package main

import (
	"fmt"
	"hash/maphash"
	"unsafe"

	"holdfast/cluster"
)

// The world is three machines. An entry of a log is one write, so offsets count writes.
const (
	names     = 3
	logMax    = 3 // writes in one run, at most
	epochMax  = 7
	formerMax = 6
)

// start is one start of one node in a byte, as its incarnation is announced: name in the low bits, count above.
type start uint8

const nobody start = 0xff

func makeStart(name, count uint8) start { return start(name | count<<2) }

func (m start) name() uint8  { return uint8(m) & 3 }
func (m start) count() uint8 { return uint8(m) >> 2 }

func (m start) String() string {
	switch {
	case m == nobody:
		return "nobody"
	case m.count() == 0:
		return nodeName(m.name())
	}
	return fmt.Sprintf("%s#%d", nodeName(m.name()), m.count()+1)
}

func nodeName(name uint8) string { return string(rune('A' + name)) }

// real is the member as the product's code knows it.
func (m start) real() cluster.Member { return realMembers[m] }

var realMembers = func() (all [256]cluster.Member) {
	for i := range 255 {
		m := start(i)
		all[i] = cluster.Member{Name: nodeName(m.name()), Incarnation: fmt.Sprint(nodeName(m.name()), m.count()),
			Addr: nodeName(m.name()) + ":6379"}
	}
	return all
}()

// group is what was agreed in one epoch.
type group struct {
	chain    [names]start // nobody past its end
	learners [names]start // by name
}

func (g *group) len() int {
	n := 0
	for n < names && g.chain[n] != nobody {
		n++
	}
	return n
}

func (g *group) position(m start) int {
	for i, c := range g.chain {
		if c == m && m != nobody {
			return i
		}
	}
	return -1
}

// member is the one of that name.
func (g *group) member(name uint8) start {
	for _, m := range g.chain {
		if m != nobody && m.name() == name {
			return m
		}
	}
	return g.learners[name]
}

func (g *group) tail() start { return g.chain[g.len()-1] }

// link is what a follower has of its predecessor.
type link uint8

const (
	linkDown  link = iota
	linkLive       // whatever the predecessor has will come
	linkEnded      // the predecessor ended it; what it had sent before may still come
)

// former is a replication.Former in two bytes.
type former struct{ id, until uint8 }

// node is one machine: its running process, and its disk.
type node struct {
	up       bool
	start    uint8 // counts starts
	inc      uint8 // the incarnation that it announces: start, by rule 7
	epoch    uint8 // adopted; 0: none
	logEpoch uint8 // the newest in which it was in the chain
	kept     uint8 // of that, what is on disk for sure
	// the newest epoch in which a majority fenced this incarnation: from then on it has no lease in that epoch
	over     uint8
	wiped    bool // it lost its disk, and was in no chain since
	leaving  bool
	draining bool
	drained  bool // it has said so in this epoch
	followed bool // this start was seen following the chain

	log     [logMax]uint8 // writes, numbered from 1
	len     uint8
	id      uint8
	formers [formerMax]former
	nFormer uint8

	chain   bool // the tracker's
	succ    start
	acked   uint8
	commit  uint8
	joining start

	link link
	peer start
	buf  [logMax]uint8 // of a link that ended: what is still on its way
	nBuf uint8
	said [epochMax + 1]uint8 // the most that it acknowledged to its predecessor of an epoch; on its way, or arrived
	read reading             // that has no lease to be answered by
	pend [logMax]uint8       // by offset: the write that a client's read saw, whose reply waits for the commit point
}

func (n *node) member(name uint8) start { return makeStart(name, n.inc) }

// state is the whole world. It holds bytes only, so that it is its own encoding.
type state struct {
	nodes   [names]node
	groups  [epochMax + 1]group // by epoch; forgotten where nobody can adopt them any more
	epoch   uint8               // the newest agreed
	drained bool                // the sentinels were told, in this epoch, that the head has drained
	joining start               // and this by the tail
	acked   uint8               // writes that a client was told OK for: one bit each
	void    uint8               // writes that no promise holds for any more
	must    uint8               // and those that a client has seen by a read
	acker   [epochMax + 1]start

	writes, crashes, handovers, fresh, reads uint8 // spent
}

func initial(chain int) state {
	var s state
	for i := range s.groups {
		s.groups[i] = noGroup
		s.acker[i] = nobody
	}
	s.epoch, s.joining = 1, nobody
	g := noGroup
	for i := range uint8(names) {
		if int(i) < chain {
			g.chain[i] = makeStart(i, 0)
		} else {
			g.learners[i] = makeStart(i, 0)
		}
	}
	s.groups[1] = g
	for i := range s.nodes {
		n := &s.nodes[i]
		*n = node{up: true, succ: nobody, joining: nobody, peer: nobody}
	}
	return s
}

var noGroup = group{chain: [names]start{nobody, nobody, nobody}, learners: [names]start{nobody, nobody, nobody}}

// process is the node behind a member, if exactly that start is running.
func (s *state) process(m start) *node {
	if m == nobody {
		return nil
	}
	if n := &s.nodes[m.name()]; n.up && n.inc == m.count() {
		return n
	}
	return nil
}

// position is where the node believes to stand in the chain.
func (s *state) position(i uint8) int {
	n := &s.nodes[i]
	if n.epoch == 0 {
		return -1
	}
	return s.groups[n.epoch].position(n.member(i))
}

func (s *state) master(i uint8) bool { return s.nodes[i].up && s.position(i) == 0 }

// mayHaveLease says whether the node could answer by a lease now: rule 5 gives no more than that, and clocks choose
// when.
func (s *state) mayHaveLease(i uint8) bool {
	n := &s.nodes[i]
	return n.up && !n.leaving && s.position(i) >= 0 && n.over < n.epoch
}

var seed = maphash.MakeSeed()

// hash tells states apart that are not the same up to the names of the nodes. Two states of one run could share a hash
// with a probability of states² / 2⁶⁵: one in ten thousand for sixty million.
func (s *state) hash() uint64 {
	var order [names]uint8 // new name → old name: first the chain, then the others
	var in [names]bool
	n := uint8(0)
	for _, m := range s.groups[s.epoch].chain {
		if m != nobody && !in[m.name()] {
			order[n], in[m.name()] = m.name(), true
			n++
		}
	}
	chained := n
	for i := range uint8(names) {
		if !in[i] {
			order[n] = i
			n++
		}
	}
	h := s.hashAs(order)
	if chained == names-2 {
		order[1], order[2] = order[2], order[1]
		h = min(h, s.hashAs(order))
	}
	return h
}

func (s *state) hashAs(order [names]uint8) uint64 {
	if order != [names]uint8{0, 1, 2} {
		r := s.renamed(order)
		s = &r
	}
	return maphash.Bytes(seed, unsafe.Slice((*byte)(unsafe.Pointer(s)), unsafe.Sizeof(*s)))
}

// renamed is the same state with other names.
func (s *state) renamed(order [names]uint8) state {
	var to [4]uint8
	for i, old := range order {
		to[old] = uint8(i)
	}
	ren := func(m *start) {
		if *m != nobody {
			*m = makeStart(to[m.name()], m.count())
		}
	}
	renMask := func(mask uint8) (r uint8) {
		for old := range uint8(names) {
			r |= mask >> old & 1 << to[old]
		}
		return r
	}
	r := *s
	for i, old := range order {
		r.nodes[i] = s.nodes[old]
		n := &r.nodes[i]
		ren(&n.succ)
		ren(&n.joining)
		ren(&n.peer)
		n.read.heard, n.read.need = renMask(n.read.heard), renMask(n.read.need)
	}
	for e := range r.groups {
		g := &r.groups[e]
		for i := range g.chain {
			ren(&g.chain[i])
		}
		for i, old := range order {
			g.learners[i] = s.groups[e].learners[old]
			ren(&g.learners[i])
		}
		ren(&r.acker[e])
	}
	ren(&r.joining)
	return r
}
