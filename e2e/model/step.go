package main

import "fmt"

// step is one thing that can happen next.
type step struct {
	to    state
	story string // only when it is asked for
	bad   string // the promise that it breaks
}

// world is one exploration's setting.
type world struct {
	bounds
	off     rules
	planner planner
	seats   seats
	telling bool // steps have stories
}

func newWorld(b bounds, off rules) *world {
	w := &world{bounds: b, off: off, seats: seats{}}
	w.planner = planner{bounds: b, off: off, seats: w.seats, known: map[string][]proposal{}}
	return w
}

// steps calls yield for all that can happen in s.
func (w *world) steps(s *state, yield func(*step)) {
	var t step
	try := func(do func() (happened bool, bad string), story func() string) {
		t.to = *s
		happened, bad := do()
		if !happened {
			return
		}
		t.bad, t.story = bad, ""
		if bad == "" {
			t.bad = w.settle(&t.to)
		}
		if w.telling {
			t.story = story()
		}
		yield(&t)
	}
	for i := range uint8(names) {
		w.clientSteps(s, i, &t, try)
		w.readSteps(s, i, &t, try)
		w.memberSteps(s, i, &t, try)
		w.faults(s, i, &t, try)
	}
	w.sentinelSteps(s, &t, try)
}

type tryFunc func(do func() (happened bool, bad string), story func() string)

// clientSteps are what clients make a node do.
func (w *world) clientSteps(s *state, i uint8, t *step, try tryFunc) {
	n := &s.nodes[i]
	me := n.member(i)
	if s.master(i) && !n.draining && s.writes < w.writes {
		try(func() (bool, string) {
			t.to.writes++
			before := t.to.nodes[i].commit
			if !t.to.append(i, t.to.writes) {
				return false, ""
			}
			if t.to.nodes[i].commit > before {
				return true, t.to.acknowledged(i)
			}
			return true, ""
		}, func() string { return fmt.Sprintf("a client writes w%d to %v, in epoch %d", s.writes+1, me, n.epoch) })
	}
}

// memberSteps are what members of the group do among themselves.
func (w *world) memberSteps(s *state, i uint8, t *step, try tryFunc) {
	n := &s.nodes[i]
	if !n.up {
		return
	}
	me := n.member(i)
	for e := max(n.epoch+1, 1); e <= s.epoch; e++ {
		if s.groups[e] == noGroup {
			continue
		}
		try(func() (bool, string) { w.adopt(&t.to, i, e); return true, "" },
			func() string { return fmt.Sprintf("%v adopts epoch %d: %s", me, e, s.groups[e].text()) })
	}
	for _, late := range []bool{false, true} {
		if late && n.nBuf == 0 || !late && n.link != linkLive {
			continue
		}
		try(func() (bool, string) { return t.to.deliver(i, late), "" },
			func() string {
				return fmt.Sprintf("%v appends w%d%s", me, t.to.nodes[i].log[n.len],
					map[bool]string{false: " from " + n.peer.String(), true: ", which was on its way"}[late])
			})
	}
	if n.link == linkEnded {
		try(func() (bool, string) { t.to.nodes[i].unlink(); return true, "" },
			func() string { return fmt.Sprintf("%v notices that %v has ended the link", me, n.peer) })
	}
	if up := w.seats.of(s, i).upstream; up != nobody {
		var why string
		try(func() (happened bool, bad string) { why, bad = w.connect(&t.to, i); return why != "", bad },
			func() string { return fmt.Sprintf("%v asks %v in epoch %d and %s", me, up, n.epoch, why) })
	}
	if n.chain && n.succ != nobody {
		try(func() (bool, string) {
			before := t.to.nodes[i].commit
			if !t.to.hear(i, w.off) {
				return false, ""
			}
			if t.to.nodes[i].commit > before {
				return true, t.to.acknowledged(i)
			}
			return true, ""
		}, func() string {
			return fmt.Sprintf("%v hears that %v holds %d, in epoch %d", me, n.succ, t.to.nodes[i].acked, n.epoch)
		})
	}
	if n.epoch > 0 && !w.off.joining {
		for l := range uint8(names) {
			try(func() (bool, string) { return w.letJoin(&t.to, i, l), "" },
				func() string { return fmt.Sprintf("%v commits nothing more without the learner %s", me, nodeName(l)) })
		}
	}
	if n.draining {
		try(func() (bool, string) { return w.letIn(&t.to, i), "" },
			func() string { return fmt.Sprintf("%v was not told to go on draining, and lets clients in again", me) })
	}
}

// faults are what goes wrong with a node, or is done to it.
func (w *world) faults(s *state, i uint8, t *step, try tryFunc) {
	n := &s.nodes[i]
	me := n.member(i)
	if !n.up {
		for _, disk := range []bool{true, false} {
			try(func() (bool, string) { t.to.restart(i, disk, w.off); return true, "" },
				func() string {
					return fmt.Sprintf("%s starts again%s", nodeName(i),
						map[bool]string{true: " with its log", false: " with an empty disk"}[disk])
				})
		}
		return
	}
	if s.crashes < w.crashes {
		for _, cut := range []bool{false, true} {
			for _, forget := range []bool{false, true} {
				try(func() (bool, string) { return t.to.crash(i, cut, forget, w.off), "" },
					func() string {
						text := fmt.Sprintf("%v dies", me)
						if cut {
							text += fmt.Sprintf(", with %d entries on disk", t.to.nodes[i].len)
						}
						if forget {
							text += ", before it has noted its epoch"
						}
						return text
					})
			}
		}
	}
	if !n.leaving && s.handovers < w.handovers && s.groups[s.epoch].position(me) >= 0 {
		try(func() (bool, string) { t.to.nodes[i].leaving = true; t.to.handovers++; return true, "" },
			func() string { return fmt.Sprintf("%v is told to leave", me) })
	}
}

// sentinelSteps are what the sentinels do.
func (w *world) sentinelSteps(s *state, t *step, try tryFunc) {
	g := &s.groups[s.epoch]
	for _, p := range w.planner.proposals(s) {
		if p.drain {
			try(func() (bool, string) {
				h := t.to.process(g.chain[0])
				if h == nil || h.draining || !h.leaving && s.handovers == w.handovers ||
					!w.seats.of(s, g.chain[0].name()).place.MayDrain(uint64(s.epoch)) {
					return false, ""
				}
				h.draining = true
				if !h.leaving {
					t.to.handovers++
				}
				return true, ""
			}, func() string { return fmt.Sprintf("%v is told to drain (%s)", g.chain[0], p.reason) })
			continue
		}
		if s.epoch >= w.epochs {
			continue
		}
		try(func() (bool, string) { t.to.agree(p, w.off); return true, "" },
			func() string {
				return fmt.Sprintf("the sentinels agree on epoch %d: %s (%s)", s.epoch+1, p.group.text(), p.reason)
			})
	}
}

// text shows a group: chain, and learners in brackets.
func (g *group) text() (text string) {
	for _, m := range g.chain {
		if m != nobody {
			text += "→" + m.String()
		}
	}
	text = text[len("→"):]
	for _, m := range g.learners {
		if m != nobody {
			text += fmt.Sprintf(" (%v)", m)
		}
	}
	return text
}
