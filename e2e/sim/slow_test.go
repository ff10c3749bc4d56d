package sim

import (
	"slices"
	"testing"
	"time"
)

// slowTimeout is what chain-slow-timeout is unless it is set.
const slowTimeout = 5 * time.Second

// brokenLine bounds the time for which a line that is broken holds up the chain: three and a half times down-after, a
// second, and the epoch.
const brokenLine = 3500 * time.Millisecond

// crawl makes the way between two machines so long that what one sends the other acknowledges far too late.
func (g *group) crawl(a, b *machine) {
	g.story.tell("FAULT", "between %s and %s everything takes 4s", a.name, b.name)
	g.net.SetLatency(a.ip(), b.ip(), 4*time.Second, 0)
}

// drag is crawl little by little: the line never falls silent for long enough to count as broken, and what is slow is
// who answers.
func (g *group) drag(a, b *machine) {
	for _, latency := range []time.Duration{1700 * time.Millisecond, 3400 * time.Millisecond} {
		g.story.tell("FAULT", "between %s and %s everything takes %v", a.name, b.name, latency)
		g.net.SetLatency(a.ip(), b.ip(), latency, 0)
		g.sleep(latency)
	}
}

// speedUp undoes crawl.
func (g *group) speedUp(a, b *machine) {
	g.story.tell("FAULT", "between %s and %s everything is quick again", a.name, b.name)
	g.net.SetLatency(a.ip(), b.ip(), g.latency, g.jitter)
}

// slowMember has a member answer its predecessor so late that it is taken out of the chain, if that lasts.
func (f *faults) slowMember() bool {
	chain := f.spare()
	if len(chain) < size || f.slow {
		return false
	}
	f.slow = true
	i := f.rng.IntN(len(chain) - 1)
	f.crawl(chain[i], chain[i+1])
	f.sleep(f.between(2*time.Second, 2*slowTimeout))
	f.speedUp(chain[i], chain[i+1])
	return true
}

func (g *group) chainIs(want ...*machine) func() bool {
	return func() bool {
		chain := g.chain()
		if len(chain) != len(want) {
			return false
		}
		for i, m := range want {
			if chain[i] != m {
				return false
			}
		}
		return true
	}
}

// goesOnWithout waits until the chain is what it is to be without somebody, and clients can write.
func (g *group) goesOnWithout(whom string, within time.Duration, chain ...*machine) {
	g.until("the chain goes on without "+whom, within, g.chainIs(chain...))
	g.sleep(100 * time.Millisecond)
	g.stillWriting()
}

// TestSlowTail: the tail hears everything and answers late, which shows at the head as well. It alone is taken out
// before it has held up the group for longer than chain-slow-timeout, and comes back once it has kept pace.
func TestSlowTail(t *testing.T) {
	scenario(t, func(g *group, chain []*machine) {
		g.crawl(chain[1], chain[2])
		g.goesOnWithout("its tail", slowTimeout, chain[0], chain[1])
		g.pausedLess(slowTimeout)
		g.sleep(20 * time.Second)
		if !g.chainIs(chain[0], chain[1])() {
			t.Error("a slow learner was let join")
		}
		g.speedUp(chain[1], chain[2])
		g.sleep(slowTimeout / 2)
		if !g.chainIs(chain[0], chain[1])() {
			t.Error("it was let join before it had kept pace for chain-slow-timeout")
		}
		g.settled()
		if !g.chainIs(chain[0], chain[1], chain[2])() {
			t.Error("it is not the tail again")
		}
	})
}

// TestSlowMiddle: what the middle passes on is acknowledged at once, so it is the one to go, and not the tail.
func TestSlowMiddle(t *testing.T) {
	scenario(t, func(g *group, chain []*machine) {
		g.crawl(chain[0], chain[1])
		g.goesOnWithout("its middle", slowTimeout, chain[0], chain[2])
		g.pausedLess(slowTimeout)
		g.speedUp(chain[0], chain[1])
		g.settled()
	})
}

// TestSlowThoughHeard: a member that is heard from all the time, and acknowledges too late, is taken out all the same.
func TestSlowThoughHeard(t *testing.T) {
	scenario(t, func(g *group, chain []*machine) {
		g.drag(chain[1], chain[2])
		g.goesOnWithout("its tail", slowTimeout, chain[0], chain[1])
		g.speedUp(chain[1], chain[2])
		g.settled()
	})
}

// TestBrokenLine: two neighbours don't reach each other, though both reach the sentinels. The one further back is taken
// out as soon as that is certain, whatever chain-slow-timeout is, and is back when the line is.
func TestBrokenLine(t *testing.T) {
	for i, name := range []string{"from the master", "to the tail"} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(g *group, chain []*machine) {
				g.story.tell("FAULT", "cut between %s and %s", chain[i].name, chain[i+1].name)
				g.net.Cut(chain[i].ip(), chain[i+1].ip())
				rest := append(slices.Clone(chain[:i+1]), chain[i+2:]...)
				g.goesOnWithout("the one behind the cut", brokenLine, rest...)
				g.pausedLess(brokenLine)
				g.net.Heal(chain[i].ip(), chain[i+1].ip())
				g.settled()
			})
		})
	}
}

// TestLeaderBehindTheBrokenLine: two machines, each with a member and a sentinel, don't reach each other, and the third
// reaches both. The sentinels are led from the far side of the cut, where a majority's word on who is down can't be
// gathered: another one leads then.
func TestLeaderBehindTheBrokenLine(t *testing.T) {
	scenario(t, func(g *group, chain []*machine) {
		leader := g.leader()
		other := g.sentinels[0]
		if other == leader {
			other = g.sentinels[1]
		}
		g.story.tell("FAULT", "cut between %s with %s and %s with %s, which leads", chain[0].name, other.name,
			chain[1].name, leader.name)
		for _, near := range []string{chain[0].ip(), other.ip()} {
			for _, far := range []string{chain[1].ip(), leader.ip()} {
				g.net.Cut(near, far)
			}
		}
		g.until("the chain goes on without the one behind the cut", 2*brokenLine, g.chainIs(chain[0], chain[2]))
		g.sleep(100 * time.Millisecond)
		g.stillWriting()
		g.pausedLess(2 * brokenLine)
		g.net.HealAll()
		g.settled()
	})
}

// TestDiskStandsStill: a member whose own disk takes nothing any more is taken out, the master as well: another one
// leads then.
func TestDiskStandsStill(t *testing.T) {
	for position, name := range []string{"master", "middle", "tail"} {
		t.Run(name, func(t *testing.T) {
			scenarioOn(t, "always", func(g *group, chain []*machine) {
				g.story.tell("FAULT", "the disk of %s has no more room", chain[position].name)
				chain[position].disk.SetRoom(0)
				var rest []*machine
				for i, m := range chain {
					if i != position {
						rest = append(rest, m)
					}
				}
				g.until("the chain goes on without it", slowTimeout, g.chainIs(rest...))
				g.sleep(200 * time.Millisecond)
				g.stillWriting()
				(&faults{group: g}).mendDisks()
				g.settled()
			})
		})
	}
}

// TestSlowUnderTheFloor: a chain is not made shorter than min-replicas-to-write says for somebody who is only slow; one
// that is dead is taken out, and writes are refused.
func TestSlowUnderTheFloor(t *testing.T) {
	scenario(t, func(g *group, chain []*machine) {
		for _, m := range chain {
			if _, err := g.ask(m.addr(), "CONFIG", "SET", "min-replicas-to-write", "2"); err != nil {
				t.Fatal(err)
			}
		}
		g.crawl(chain[1], chain[2])
		g.sleep(3 * slowTimeout)
		if !g.chainIs(chain...)() {
			t.Error("the chain was made shorter than min-replicas-to-write allows")
		}
		g.speedUp(chain[1], chain[2])
		g.sleep(10 * time.Second)
		g.kill(chain[2])
		g.until("the chain goes on without the dead", 3*time.Second, g.chainIs(chain[0], chain[1]))
		if _, err := g.ask(chain[0].addr(), "SET", "k", "v"); err == nil ||
			err.Error() != "NOREPLICAS Not enough good replicas to write." {
			t.Errorf("the master takes a write below the floor: %v", err)
		}
		g.restart(chain[2])
		g.settled()
	})
}

// TestSlowNowAndThen: a link that is good for a while and slow for a while does not take its member out again and
// again.
func TestSlowNowAndThen(t *testing.T) {
	scenario(t, func(g *group, chain []*machine) {
		began := g.agreed().Epoch
		for range 10 {
			g.crawl(chain[1], chain[2])
			g.sleep(8 * time.Second)
			g.speedUp(chain[1], chain[2])
			g.sleep(8 * time.Second)
		}
		// Out and learner, each time that it was slow, and in again in between.
		if epochs := g.agreed().Epoch - began; epochs > 5 {
			t.Errorf("%d epochs in 160 seconds", epochs)
		}
		g.settled()
	})
}
