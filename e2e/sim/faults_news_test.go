package sim

import (
	"time"

	"holdfast/internal/steps"
)

// unheard has one, two or all sentinels lose a member for as long as it takes to fence it. Each hears it again as soon
// as it has fenced it, and they take their time to agree; the news of what they decide gets to all but that member,
// which its clients still reach. It may answer them only as long as it holds its lease, and that must be over before
// the others go on without it.
func (f *faults) unheard() bool {
	chain := f.spare()
	if len(chain) < size || f.leader() == nil {
		return false
	}
	m := chain[f.rng.IntN(size)]
	m.cut = true
	latency := f.between(10*time.Millisecond, 80*time.Millisecond)
	f.story.tell("FAULT", "between the sentinels everything takes %v", latency)
	for i, w := range f.sentinels {
		for _, o := range f.sentinels[i+1:] {
			f.net.SetLatency(w.ip(), o.ip(), latency, 0)
		}
	}
	lost := map[string]*watcher{}
	for _, i := range f.rng.Perm(size)[:[]int{1, 1, 2, 2, size}[f.rng.IntN(5)]] {
		w := f.sentinels[i]
		lost[w.name] = w
		f.story.tell("FAULT", "cut %s off from %s", m.name, w.name)
		f.net.Cut(m.ip(), w.ip())
	}
	decided := make(chan struct{})
	f.trap.set(func(who string, s steps.Step) bool {
		switch w := lost[who]; {
		case w != nil && s == steps.Fenced:
			f.net.Heal(m.ip(), w.ip())
		case s == steps.Decided:
			for i := range size {
				f.net.CutOneWay(f.sentinels[i].ip(), m.ip())
				if o := f.nodes[i]; o != m {
					f.net.Cut(o.ip(), m.ip())
				}
			}
			close(decided)
			return true
		}
		return false
	})
	select {
	case <-decided:
		f.story.tell("FAULT", "%s does not hear of it", m.name)
		f.sleep(f.between(300*time.Millisecond, 1500*time.Millisecond))
	case <-time.After(f.between(1500*time.Millisecond, 2500*time.Millisecond)):
	}
	f.trap.set(nil)
	return true
}
