package sim

import (
	"sync"
	"time"

	"holdfast/internal/steps"
)

// crashSteps are those at which a process may crash. What happens often, or matters more, is there more than once.
var crashSteps = append(steps.All(), steps.Propose, steps.TellNode, steps.Decided, steps.Decided)

// trap is a fault that waits for a step.
type trap struct {
	mu   sync.Mutex
	hear func(who string, s steps.Step) (sprung bool) // nil: it has sprung, or is taken away
}

// set arms the trap: from now on hear is told every step, until it says that it has sprung. nil takes the trap away.
func (t *trap) set(hear func(who string, s steps.Step) (sprung bool)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hear = hear
}

// observer tells the trap every step of a process, in the midst of what that is doing.
func (t *trap) observer(who string) steps.Observer {
	return func(s steps.Step) {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.hear != nil && t.hear(who, s) {
			t.hear = nil
		}
	}
}

// after lets a step pass so many times, and does something when it comes again.
func after(times int, step steps.Step, do func(who string)) func(who string, s steps.Step) bool {
	return func(who string, s steps.Step) bool {
		if s != step {
			return false
		}
		if times--; times >= 0 {
			return false
		}
		do(who)
		return true
	}
}

// crashAtStep has a change of the chain begin, and who takes a certain step of it die just there: nothing of what
// follows leaves its machine. Sometimes it is another member, the one that the step is about to be told to.
func (f *faults) crashAtStep() bool {
	chain := f.spare()
	if len(chain) < size {
		return false
	}
	for _, w := range f.sentinels {
		if w.s == nil {
			return false
		}
	}
	step, victim := crashSteps[f.rng.IntN(len(crashSteps))], chain[f.rng.IntN(len(chain))]
	instead := f.rng.IntN(3) == 0
	var doomed *machine
	var gone *watcher
	sprung := make(chan struct{})
	f.trap.set(after(f.rng.IntN(3), step, func(who string) {
		defer close(sprung)
		if instead {
			who = victim.name
		}
		for i := range size {
			if m := f.nodes[i]; m.name == who {
				doomed = m
				f.net.Host(m.ip()).Crash()
			}
			if w := f.sentinels[i]; w.name == who {
				gone = w
				f.net.Host(w.ip()).Kill()
			}
		}
	}))
	f.story.tell("FAULT", "at the step %q a crash is to come", step)
	if step == steps.Candidate || step == steps.Elected {
		f.killLeader()
	} else {
		f.beginChange(chain)
	}
	select {
	case <-sprung:
	case <-time.After(f.between(500*time.Millisecond, 3*time.Second)):
	}
	f.trap.set(nil)
	select {
	case <-sprung:
	default:
		return true
	}
	switch {
	case doomed != nil && doomed.n != nil:
		f.story.tell("FAULT", "%s crashed at the step %q", doomed.name, step)
		f.net.Host(doomed.ip()).Crash() // it may have been started again since
		f.closeNode(doomed)
	case gone != nil && gone.s != nil:
		f.story.tell("FAULT", "%s was killed at the step %q", gone.name, step)
		f.net.Host(gone.ip()).Kill()
		f.closeSentinel(gone)
	}
	return true
}

// beginChange makes something happen that the sentinels decide about. At most one member dies by it, so that of three
// one is left when the trap springs.
func (f *faults) beginChange(chain []*machine) {
	m := chain[f.rng.IntN(len(chain))]
	switch f.rng.IntN(5) {
	case 0:
		f.failover()
	case 1:
		f.cut(m)
		f.sleep(f.between(time.Second, 3*time.Second))
		f.heal()
	case 2:
		f.kill(m)
	default:
		f.bounce(m)
	}
}

// bounceUnseen has the master, or another member, come back empty while the sentinels have nobody who decides.
func (f *faults) bounceUnseen() bool {
	chain := f.spare()
	if chain == nil || !f.killLeader() {
		return false
	}
	f.bounce(chain[f.rng.IntN(2)])
	return true
}

// joinAndDie takes one or two members out and lets them come back behind links that are not equally fast. The chain
// that one of them joins dies in the moment in which that is decided: what the newcomer has by then is all that is
// left.
func (f *faults) joinAndDie() bool {
	chain := f.spare()
	if len(chain) < size {
		return false
	}
	stay := chain[:2]
	if f.rng.IntN(4) > 0 {
		stay = chain[:1]
	}
	away, tail := chain[len(stay):], stay[len(stay)-1]
	for _, m := range away {
		f.kill(m)
		f.sleep(f.between(1200*time.Millisecond, 2*time.Second))
	}
	slow, latency := away[f.rng.IntN(len(away))], f.between(time.Millisecond, 40*time.Millisecond)
	f.story.tell("FAULT", "everything between %s and %s takes %v", tail.name, slow.name, latency)
	f.net.SetLatency(tail.ip(), slow.ip(), latency, 0)
	for _, w := range f.sentinels { // it takes a while to decide
		f.net.SetLatency(tail.ip(), w.ip(), f.between(0, 150*time.Millisecond), 0)
	}
	sprung := make(chan struct{})
	f.trap.set(after(0, steps.Appended, func(string) {
		for _, m := range stay {
			f.net.Host(m.ip()).Crash()
		}
		close(sprung)
	}))
	f.restart(slow)
	longest := []time.Duration{100 * time.Millisecond, 600 * time.Millisecond}[f.rng.IntN(2)]
	for _, m := range away {
		if m != slow {
			f.sleep(f.between(0, longest))
			f.restart(m)
		}
	}
	select {
	case <-sprung:
		for _, m := range stay {
			f.story.tell("FAULT", "the machine of %s crashed when another one joined", m.name)
			f.closeNode(m)
		}
	case <-time.After(4 * time.Second):
		f.trap.set(nil)
	}
	return true
}
