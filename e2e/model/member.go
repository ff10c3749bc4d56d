package main

import (
	"fmt"

	"holdfast/cluster"
	"holdfast/node/member"
	"holdfast/replication"
)

// This file is a member's side: what the node and the links do around the product's own functions. Those of node/member
// say what becomes of it in an epoch, whom it lets follow and join, and how a drain goes; Tracker and Lineage are
// replication's.

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
func (n *node) setChain(epoch uint8, succ start) {
	t := n.tracker()
	t.Set(uint64(epoch), realMembers[succ], succ != nobody, int64(n.len))
	n.setTracker(t)
	n.succ = succ
}

// ids are replication ids: that of a head is the epoch of its promotion, from freshID on are those of logs that begin
// empty.
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
	s.endLinks(i, func(start) bool { return false })
}

// cutLineage is what Log.Restore does to the former ids.
func (n *node) cutLineage() {
	l := n.lineage()
	l.Cut(int64(n.len))
	n.setLineage(l)
}

// endLinks ends the links of the followers that keep does not name; what was sent is still on its way.
func (s *state) endLinks(i uint8, keep func(start) bool) {
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

// adopt carries out what the product says of an epoch.
func (w *world) adopt(s *state, i, epoch uint8) {
	n := &s.nodes[i]
	self := n.member(i)
	before, next := w.seats.of(s, i), w.seats.in(s, epoch, self, nobody)
	c, ok := member.Adopt(before.place, next.place.Group, self.real(), false)
	if !ok {
		return
	}
	if c.StepDown || c.EndHeld && !w.off.gates {
		n.pend = [logMax]uint8{}
	}
	if p := s.process(n.peer); c.Unfollow && w.off.prefix && n.link == linkLive && p != nil {
		n.nBuf = uint8(copy(n.buf[:], p.log[min(n.len, p.len):p.len]))
		n.link, n.peer = linkDown, nobody
	} else if c.Unfollow {
		n.unlink()
	}
	if c.TakeOver && (n.len > 0 || !w.off.renaming) {
		s.continueAs(i, epoch)
	}
	if c.NoteEpoch {
		n.logEpoch = epoch
	}
	n.setChain(epoch, next.awaited)
	n.read = reading{} // it is asked for again
	d := n.drain().Adopted()
	n.epoch, n.joining = epoch, nobody
	n.setDrain(d)
	s.endLinks(i, func(f start) bool { return c.After.Feeds(f.real(), self.real()) })
}

// reset is what a log that is cut back, or replaced, does to those around it: links end, and their acknowledgements are
// dropped.
func (w *world) reset(s *state, i uint8) {
	n := &s.nodes[i]
	self := n.member(i)
	s.endLinks(i, func(start) bool { return false })
	for j := range uint8(names) {
		f := &s.nodes[j]
		for e := n.epoch; e <= s.epoch; e++ {
			if e > 0 && w.seats.in(s, e, f.member(j), nobody).upstream == self {
				f.said[e] = 0
			}
		}
	}
}

// become gives the node another log.
func (w *world) become(s *state, i uint8, log [logMax]uint8, length uint8) {
	w.reset(s, i)
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
func (w *world) connect(s *state, i uint8) (why, bad string) {
	n := &s.nodes[i]
	at := w.seats.of(s, i)
	up := at.upstream
	p := s.process(up)
	if p == nil || n.link != linkDown {
		return "", ""
	}
	switch {
	case p.epoch == 0:
		return "", ""
	case !w.off.fencing:
		hello := replication.Hello{Group: at.place.Group.Name, Epoch: uint64(n.epoch), Member: n.member(i).real(),
			To: up.real()}
		if w.seats.of(s, up.name()).place.MayFollow(hello, "", 0, up.real()) != nil {
			return "", ""
		}
	}
	asked := replication.Position{ID: ids[n.id], Offset: int64(n.len)}
	l := p.lineage()
	_, ok, _ := l.Resume(asked, 0, int64(p.len))
	if w.off.dropping && n.len <= p.len {
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
	case advice == replication.AdviceWait || w.off.dropping:
		return "", ""
	case advice == replication.AdviceRewind:
		if prefix(n, uint8(offset)) != prefix(p, uint8(offset)) {
			return "rewinds", fmt.Sprintf("%v goes back to %d, where the logs have parted already", n.member(i), offset)
		}
		w.become(s, i, n.log, uint8(offset))
		n.cutLineage()
		return fmt.Sprintf("is told to go back to %d", offset), ""
	}
	w.become(s, i, p.log, p.len)
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

// letJoin asks the product whether the tail lets a learner join that follows it, and has all that it needs.
func (w *world) letJoin(s *state, i, learner uint8) bool {
	n := &s.nodes[i]
	at := w.seats.of(s, i)
	if !at.place.MayLetJoin() {
		return false
	}
	l := s.groups[n.epoch].learners[learner]
	f := s.process(l)
	if f == nil || f.link != linkLive || f.peer != n.member(i) {
		return false
	}
	follower := [1]replication.FollowerStatus{{Info: replication.FollowerInfo{IsMember: true, Member: l.real()},
		State: replication.LinkOnline, AckEpoch: uint64(f.epoch), Held: int64(n.len)}}
	joined, ok := at.place.LetJoin(follower[:], int64(n.len), everybody)
	if !ok {
		return false
	}
	n.joining = startOf(joined.Joining)
	n.setChain(n.epoch, w.seats.of(s, i).awaited)
	return true
}

// letIn has a node that drains let clients in again, as nobody has told it to go on for as long as an order stands. The
// product says whether it may.
func (w *world) letIn(s *state, i uint8) bool {
	n := &s.nodes[i]
	d := n.drain()
	if w.off.binding {
		d.Told = 0
	}
	d = d.Expire(&w.seats.of(s, i).place, later)
	n.draining = d.Holds()
	return !n.draining
}

// everybody is met, and keeps pace.
func everybody(cluster.Member) bool { return true }

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
	s.endLinks(i, func(start) bool { return false })
	disk := *n
	*n = node{start: disk.start, inc: disk.inc, wiped: disk.wiped, log: prefix(&disk, length), len: length,
		logEpoch: logEpoch, kept: logEpoch,
		id: disk.id, formers: disk.formers, nFormer: disk.nFormer, said: disk.said, succ: nobody, joining: nobody,
		peer: nobody}
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
