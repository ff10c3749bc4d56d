package sim

import "time"

// pause holds a node up, as SIGSTOP and SIGCONT do, as others see it: nothing comes from it or goes to it for a while,
// and then all at once.
func (f *faults) pause() bool {
	m := f.nodes[f.rng.IntN(size)]
	if chain := f.spare(); m.n == nil || m.cut || f.fsync == "" && chain == nil {
		return false
	}
	lasts := f.between(50*time.Millisecond, 3*time.Second)
	f.story.tell("FAULT", "%s is paused for %v", m.name, lasts)
	m.cut = true
	ip := m.ip()
	f.net.Isolate(ip)
	f.work.Go(func() {
		time.Sleep(lasts)
		f.story.tell("FAULT", "%s goes on", m.name)
		f.net.Rejoin(ip)
	})
	return true
}

// cutOneWay cuts what one member sends: to another one, or to some of the sentinels, or to all.
func (f *faults) cutOneWay() bool {
	chain := f.spare()
	if len(chain) < size {
		return false
	}
	m := chain[f.rng.IntN(len(chain))]
	m.cut = true
	switch f.rng.IntN(3) {
	case 0:
		for _, o := range chain {
			if o != m && f.rng.IntN(2) == 0 {
				f.story.tell("FAULT", "cut what %s sends to %s", m.name, o.name)
				f.net.CutOneWay(m.ip(), o.ip())
				o.cut = true
			}
		}
	case 1:
		f.story.tell("FAULT", "cut what %s sends to the sentinels", m.name)
		for _, w := range f.sentinels {
			f.net.CutOneWay(m.ip(), w.ip())
		}
	default:
		f.story.tell("FAULT", "cut what the sentinels send to %s", m.name)
		for _, w := range f.sentinels {
			f.net.CutOneWay(w.ip(), m.ip())
		}
	}
	return true
}

// cutPartly takes a member from the sentinels, and leaves it its neighbours: it goes on in the chain, and does not
// learn that the others go on without it.
func (f *faults) cutPartly() bool {
	chain := f.spare()
	if len(chain) < size {
		return false
	}
	m := chain[f.rng.IntN(len(chain))]
	m.cut = true
	f.story.tell("FAULT", "cut %s off from the sentinels", m.name)
	for _, w := range f.sentinels {
		f.net.Cut(m.ip(), w.ip())
	}
	return true
}

// slowLink makes the way between two machines long, and lossy for gossip, until all is undone.
func (f *faults) slowLink() bool {
	var all []string
	for i := range size {
		all = append(all, f.nodes[i].ip(), f.sentinels[i].ip())
	}
	f.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	latency := f.between(5*time.Millisecond, 120*time.Millisecond)
	f.story.tell("FAULT", "between %s and %s everything takes %v", all[0], all[1], latency)
	f.net.SetLatency(all[0], all[1], latency, latency)
	f.net.SetLoss(all[0], all[1], f.rng.Float64()/2)
	return true
}

// slowNode is a machine that answers late.
func (f *faults) slowNode() bool {
	m := f.nodes[f.rng.IntN(size)]
	latency := f.between(5*time.Millisecond, 60*time.Millisecond)
	f.story.tell("FAULT", "everything to and from %s takes %v", m.name, latency)
	for _, o := range f.nodes {
		if o != m {
			f.net.SetLatency(m.ip(), o.ip(), latency, latency)
		}
	}
	for _, w := range f.sentinels {
		f.net.SetLatency(m.ip(), w.ip(), latency, latency)
	}
	return true
}

// flapping has a member lose one sentinel after the other for about as long as it takes to be fenced, and learn late of
// what they decide: as long as only one at a time gives it up, it stays, and when it is given up it must have ceased to
// answer by itself.
func (f *faults) flapping() bool {
	chain := f.spare()
	if len(chain) < size {
		return false
	}
	m := chain[f.rng.IntN(2)]
	m.cut = true
	latency := f.between(50*time.Millisecond, 200*time.Millisecond)
	f.story.tell("FAULT", "between %s and the sentinels everything takes %v", m.name, latency)
	for _, w := range f.sentinels {
		f.net.SetLatency(m.ip(), w.ip(), latency, 0)
	}
	for _, i := range f.rng.Perm(size)[:2] {
		w := f.sentinels[i]
		f.story.tell("FAULT", "cut %s off from %s", m.name, w.name)
		f.net.Cut(m.ip(), w.ip())
		f.sleep(f.between(900*time.Millisecond, 1500*time.Millisecond))
		f.story.tell("FAULT", "%s is back in reach of %s", m.name, w.name)
		f.net.Heal(m.ip(), w.ip())
		f.sleep(f.between(0, 200*time.Millisecond))
	}
	return true
}

// cutPair has one machine not hear another, whichever they are, while both hear and are heard by all the rest; or
// neither hears the other.
func (f *faults) cutPair() bool {
	chain := f.spare()
	if len(chain) < size {
		return false
	}
	a := f.rng.IntN(2 * size)
	b := (a + 1 + f.rng.IntN(2*size-1)) % (2 * size)
	var names, ips [2]string
	for i, at := range []int{a, b} {
		if at < size {
			m := chain[at]
			m.cut = true
			names[i], ips[i] = m.name, m.ip()
			continue
		}
		w := f.sentinels[at-size]
		names[i], ips[i] = w.name, w.ip()
	}
	if f.rng.IntN(2) == 0 {
		f.story.tell("FAULT", "cut between %s and %s", names[0], names[1])
		f.net.Cut(ips[0], ips[1])
		return true
	}
	f.story.tell("FAULT", "cut what %s sends to %s", names[0], names[1])
	f.net.CutOneWay(ips[0], ips[1])
	return true
}

// cutSentinels parts a sentinel, at times the one that leads, from the two others, one way or both. All nodes still
// reach it.
func (f *faults) cutSentinels() bool {
	w := f.sentinels[f.rng.IntN(size)]
	if l := f.leader(); l != nil && f.rng.IntN(2) == 0 {
		w = l
	}
	how := f.rng.IntN(3)
	f.story.tell("FAULT", "cut %s off from the other sentinels, %s", w.name,
		[]string{"both ways", "what it sends", "what it hears"}[how])
	for _, o := range f.sentinels {
		switch {
		case o == w:
		case how == 0:
			f.net.Cut(w.ip(), o.ip())
		case how == 1:
			f.net.CutOneWay(w.ip(), o.ip())
		default:
			f.net.CutOneWay(o.ip(), w.ip())
		}
	}
	return true
}

// wildGossip has gossip lost, doubled and overtaken by later gossip, everywhere.
func (f *faults) wildGossip() bool {
	lost, twice, jitter := 0.5*f.rng.Float64(), 0.5*f.rng.Float64(), f.between(0, 50*time.Millisecond)
	f.story.tell("FAULT", "of gossip %.0f of 100 is lost, %.0f comes twice, everything takes up to %v longer", 100*lost,
		100*twice, jitter)
	f.net.SetDefaultLatency(f.latency, jitter)
	f.net.SetDefaultLoss(lost)
	f.net.SetDefaultDuplication(twice)
	return true
}
