package main

import (
	"fmt"

	"holdfast/replication"
)

// This file is a member's side: what the node's place.go, replica.go and the links do, around the product's own Tracker and Lineage.

// tracker is the commit point's state as the product's code has it.
func (n *node) tracker() replication.Tracker {
	t := replication.Tracker{Chain: n.chain, Epoch: uint64(n.epoch), Acked: int64(n.acked), Commit: int64(n.commit)}
	if n.succ != nobody {
		t.Successor = n.succ.real()
	}
	return t
}

func (n *node) setTracker(t replication.Tracker) {
	n.chain, n.acked, n.commit = t.Chain, uint8(t.Acked), uint8(t.Commit)
}

// setChain is Log.SetChain.
func (n *node) setChain(epoch uint8, succ member) {
	t := n.tracker()
	t.Set(uint64(epoch), realMembers[succ], succ != nobody, int64(n.len))
	n.setTracker(t)
	n.succ = succ
}

// ids are replication ids: that of a head is the epoch of its promotion, from freshID on are those of logs that begin empty.
var ids = func() (all [100]string) {
	for i := range all {
		all[i] = fmt.Sprintf("%02d", i)
	}
	return all
}()

const freshID = 50

func (n *node) lineage() replication.Lineage {
	l := replication.Lineage{ID: ids[n.id]}
	for _, f := range n.formers[:n.nFormer] {
		l.Formers = append(l.Formers, replication.Former{ID: ids[f.id], Until: int64(f.until)})
	}
	return l
}

func (n *node) setLineage(l replication.Lineage) {
	idOf := func(s string) uint8 { return (s[0]-'0')*10 + s[1] - '0' }
	n.id, n.formers, n.nFormer = idOf(l.ID), [formerMax]former{}, uint8(len(l.Formers))
	for i, f := range l.Formers {
		n.formers[i] = former{idOf(f.ID), uint8(f.Until)}
	}
}

// continueAs is Log.ContinueAs: readers end here, and with them the links.
func (s *state) continueAs(i, id uint8) {
	n := &s.nodes[i]
	l := n.lineage()
	if !l.ContinueAs(ids[id], int64(n.len)) {
		return
	}
	n.setLineage(l)
	s.endLinks(i, func(member) bool { return false })
}

// cutLineage is what Log.Restore does to the former ids.
func (n *node) cutLineage() {
	l := n.lineage()
	l.Cut(int64(n.len))
	n.setLineage(l)
}

// endLinks ends the links of the followers that keep does not name; what was sent is still on its way.
func (s *state) endLinks(i uint8, keep func(member) bool) {
	n := &s.nodes[i]
	for j := range uint8(names) {
		f := &s.nodes[j]
		if f.link != linkLive || f.peer != n.member(i) || keep(f.member(j)) {
			continue
		}
		f.link = linkEnded
		f.nBuf = uint8(copy(f.buf[:], n.log[min(f.len, n.len):n.len]))
	}
}

// unlink closes the node's own link.
func (n *node) unlink() {
	n.link, n.peer, n.buf, n.nBuf = linkDown, nobody, [logMax]uint8{}, 0
}

// adopt is Node.adopt.
func (s *state) adopt(i, epoch uint8, off rules) {
	n := &s.nodes[i]
	self, g := n.member(i), &s.groups[epoch]
	beforeUp, afterUp := s.upstream(i), g.predecessor(self)
	beforePos, afterPos := s.position(i), g.position(self)
	if beforePos == 0 && afterPos != 0 {
		n.pend = [logMax]uint8{}
	}
	if beforePos >= 0 && afterPos < 0 && !off.gates {
		n.pend = [logMax]uint8{}
	}
	if p := s.process(n.peer); beforeUp != afterUp && off.prefix && n.link == linkLive && p != nil {
		n.nBuf = uint8(copy(n.buf[:], p.log[min(n.len, p.len):p.len]))
		n.link, n.peer = linkDown, nobody
	} else if beforeUp != afterUp {
		n.unlink()
	}
	if afterPos == 0 && beforePos != 0 && (n.len > 0 || !off.renaming) {
		s.continueAs(i, epoch)
	}
	if afterPos >= 0 {
		n.logEpoch = epoch
	}
	n.setChain(epoch, g.successor(self))
	n.read = reading{} // it is asked for again
	n.epoch, n.joining, n.draining, n.drained = epoch, nobody, false, false
	s.endLinks(i, func(f member) bool { return g.predecessor(f) == self })
}

// reset is what a log that is cut back, or replaced, does to those around it: links end, and their acknowledgements are dropped.
func (s *state) reset(i uint8) {
	n := &s.nodes[i]
	self := n.member(i)
	s.endLinks(i, func(member) bool { return false })
	for j := range uint8(names) {
		f := &s.nodes[j]
		for e := n.epoch; e <= s.epoch; e++ {
			if e > 0 && s.groups[e].predecessor(f.member(j)) == self {
				f.said[e] = 0
			}
		}
	}
}

// become gives the node another log.
func (s *state) become(i uint8, log [logMax]uint8, length uint8) {
	s.reset(i)
	n := &s.nodes[i]
	n.log, n.len = log, length
	for k := length; k < logMax; k++ {
		n.log[k] = 0
	}
	t := n.tracker()
	t.Reset(int64(length))
	n.setTracker(t)
}

// connect is a handshake that got through: hello, PSYNC and its answer. why tells the story; empty: refused.
func (s *state) connect(i uint8, off rules) (why, bad string) {
	n := &s.nodes[i]
	up := s.upstream(i)
	p := s.process(up)
	if p == nil || n.link != linkDown {
		return "", ""
	}
	if !off.fencing {
		if p.epoch != n.epoch || s.groups[p.epoch].predecessor(n.member(i)) != up { // Hello.Check, AcceptReplica
			return "", ""
		}
	} else if p.epoch == 0 {
		return "", ""
	}
	asked := replication.Position{ID: ids[n.id], Offset: int64(n.len)}
	l := p.lineage()
	_, ok, _ := l.Resume(asked, 0, int64(p.len))
	if off.dropping && n.len <= p.len {
		ok = true
	}
	if ok {
		if n.log != prefix(p, n.len) {
			return "resumes", fmt.Sprintf("%v resumes from %v, whose log is another one", n.member(i), up)
		}
		n.link, n.peer = linkLive, up
		s.continueAs(i, p.id)
		return "resumes", ""
	}
	switch advice, offset := l.Advise(asked, 0, int64(p.len)); {
	case advice == replication.AdviceWait || off.dropping:
		return "", ""
	case advice == replication.AdviceRewind:
		if prefix(n, uint8(offset)) != prefix(p, uint8(offset)) {
			return "rewinds", fmt.Sprintf("%v goes back to %d, where the logs have parted already", n.member(i), offset)
		}
		s.become(i, n.log, uint8(offset))
		n.cutLineage()
		return fmt.Sprintf("is told to go back to %d", offset), ""
	}
	s.become(i, p.log, p.len)
	n.id, n.formers, n.nFormer = p.id, [formerMax]former{}, 0
	n.link, n.peer = linkLive, up
	n.kept = n.logEpoch
	return "takes a full copy", ""
}

// prefix is the beginning of a log.
func prefix(n *node, length uint8) (p [logMax]uint8) {
	copy(p[:], n.log[:length])
	return p
}

// common is how far two logs are the same.
func common(a, b *node) (n uint8) {
	for n < min(a.len, b.len) && a.log[n] == b.log[n] {
		n++
	}
	return n
}

// deliver appends the next entry that the predecessor has sent; late: on a link that has ended since.
func (s *state) deliver(i uint8, late bool) bool {
	n := &s.nodes[i]
	var w uint8
	switch {
	case n.link == linkLive && !late:
		p := s.process(n.peer)
		if p == nil || p.len <= n.len {
			return false
		}
		w = p.log[n.len]
	case n.nBuf > 0:
		w = n.buf[0]
		copy(n.buf[:], n.buf[1:])
		n.nBuf--
		n.buf[n.nBuf] = 0
	default:
		return false
	}
	return s.append(i, w)
}

// append adds an entry: Log.Append and Log.Flush, and it is on disk before anybody is told.
func (s *state) append(i, w uint8) bool {
	n := &s.nodes[i]
	if n.len == logMax { // only where a rule is off
		return false
	}
	n.log[n.len] = w
	n.len++
	n.kept = n.logEpoch
	t := n.tracker()
	t.Settle(int64(n.len))
	n.setTracker(t)
	return true
}

// letJoin is Node.letJoin.
func (s *state) letJoin(i, learner uint8) bool {
	n := &s.nodes[i]
	if n.epoch == 0 || n.joining != nobody {
		return false
	}
	g := &s.groups[n.epoch]
	l := g.learners[learner]
	f := s.process(l)
	if f == nil || g.tail() != n.member(i) || f.link != linkLive || f.peer != n.member(i) || f.epoch != n.epoch {
		return false
	}
	n.joining = l
	n.setChain(n.epoch, l)
	return true
}

// hear takes in what the successor has acknowledged.
func (s *state) hear(i uint8, off rules) bool {
	n := &s.nodes[i]
	if !n.up || !n.chain {
		return false
	}
	f := &s.nodes[n.succ.name()]
	offset := f.said[n.epoch]
	if off.fencing {
		for _, o := range f.said {
			offset = max(offset, o)
		}
	}
	if offset <= n.acked {
		return false
	}
	t := n.tracker()
	before := t.Acked
	t.Ack(uint64(n.epoch), n.succ.real(), int64(offset), int64(n.len))
	n.setTracker(t)
	return t.Acked != before
}

// crash ends the process. Its disk keeps the log, at least as far as anybody was told that it has it.
func (s *state) crash(i uint8, cut, forget bool, off rules) bool {
	n := &s.nodes[i]
	length, logEpoch := n.len, n.logEpoch
	if cut {
		length = n.commit
		for _, o := range n.said {
			length = max(length, o)
		}
		for j := range s.nodes {
			if !off.storing && uint8(j) != i {
				length = max(length, common(n, &s.nodes[j]))
			}
		}
		if length >= n.len {
			return false
		}
	}
	if forget {
		if n.kept == n.logEpoch {
			return false
		}
		logEpoch = n.kept
	}
	if !off.storing {
		n.len = length // nothing beyond was sent
	}
	s.endLinks(i, func(member) bool { return false })
	disk := *n
	*n = node{start: disk.start, inc: disk.inc, wiped: disk.wiped, log: prefix(&disk, length), len: length, logEpoch: logEpoch, kept: logEpoch,
		id: disk.id, formers: disk.formers, nFormer: disk.nFormer, said: disk.said, succ: nobody, joining: nobody, peer: nobody}
	n.cutLineage()
	s.crashes++
	return true
}

// restart starts a process, with what is on its disk or without.
func (s *state) restart(i uint8, disk bool, off rules) {
	n := &s.nodes[i]
	n.up = true
	n.start++
	if !off.incarnations {
		n.inc = n.start
	}
	if !disk {
		n.log, n.len, n.logEpoch, n.kept, n.wiped = [logMax]uint8{}, 0, 0, 0, true
		n.id, n.formers, n.nFormer = freshID+s.fresh, [formerMax]former{}, 0
		s.fresh++
	}
	n.setChain(0, nobody)
}
