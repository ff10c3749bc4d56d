package sim

import (
	"sync"
	"testing"
	"time"

	"holdfast/node/command"
	"holdfast/node/engine"
)

// lock is one whose waiters let virtual time pass, for a node on which a command takes its time.
type lock chan struct{}

func newLock() engine.Locker { return make(lock, 1) }

func (l lock) Lock()   { l <- struct{}{} }
func (l lock) Unlock() { <-l }
func (l lock) TryLock() bool {
	select {
	case l <- struct{}{}:
		return true
	default:
		return false
	}
}

// burden is what makes the next command of some name take long on one machine.
type burden struct {
	mu      sync.Mutex
	command string
	lasts   time.Duration
	death   chan struct{} // closed when the process ends, however long its command would take
}

// born is a new process on the machine.
func (b *burden) born() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.command, b.death = "", make(chan struct{})
}

// die ends the command that runs, and lets none take long any more.
func (b *burden) die() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.command = ""
	close(b.death)
}

func (b *burden) put(command string, lasts time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.command, b.lasts = command, lasts
}

// stretchLasts is for how long a script runs between two moments in which it lets others in, if it takes as long as
// that.
const stretchLasts = 20 * time.Millisecond

// bear is called where a command is about to run, and while a script does.
func (b *burden) bear(name string) {
	b.mu.Lock()
	lasts := b.lasts
	switch name {
	case command.StretchOfScript:
		lasts = stretchLasts
	case b.command:
		b.command = ""
	default:
		lasts = 0
	}
	death := b.death
	b.mu.Unlock()
	if lasts == 0 {
		return
	}
	select {
	case <-time.After(lasts):
	case <-death:
	}
}

// borne reports whether nothing is put on the machine any more: the command has begun.
func (b *burden) borne() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.command == ""
}

// The commands that are made to take long: a read, and a write.
const longRead, longWrite = "keys", "setrange"

// readLong has a machine execute a read for so long.
func (g *group) readLong(m *machine, lasts time.Duration) {
	g.story.tell("FAULT", "%s executes a read for %v", m.name, lasts)
	m.long.put(longRead, lasts)
	if _, err := g.ask(m.addr(), "KEYS", "slow:none"); err == nil {
		g.story.tell("FAULT", "which it did not")
	}
}

// writeLong has all machines execute a write for so long each.
func (g *group) writeLong(master *machine, lasts func() time.Duration) (sum time.Duration) {
	for _, m := range g.nodes {
		d := lasts()
		g.story.tell("FAULT", "%s executes a write for %v", m.name, d)
		m.long.put(longWrite, d)
		sum += d
	}
	_, _ = g.ask(master.addr(), "SETRANGE", "slow:k", "3", "abc") // it is answered too late
	return sum
}

// longCommand has a member, or all, execute one command for a long time, that is no reason to take it out of the chain.
func (f *faults) longCommand() bool {
	chain := f.chain()
	if len(chain) == 0 {
		return false
	}
	lasts := func() time.Duration { return f.between(200*time.Millisecond, 5*time.Second) }
	var sum time.Duration
	if f.rng.IntN(3) == 0 {
		sum = f.writeLong(chain[0], lasts)
	} else {
		sum = lasts()
		f.readLong(chain[f.rng.IntN(len(chain))], sum)
	}
	if f.busy.Before(time.Now()) {
		f.busy = time.Now()
	}
	f.busy = f.busy.Add(sum) // at most: one may wait for the other
	return true
}

// sameChain says that no epoch has begun, and so nobody was taken for dead.
func (g *group) sameChain(epoch uint64, chain ...*machine) {
	g.t.Helper()
	if now := g.agreed().Epoch; now != epoch || !g.chainIs(chain...)() {
		g.t.Errorf("epoch %d became %d", epoch, now)
	}
}

// TestLongRead: a member that executes a read for longer than anything else may take stays where it is, and those of
// the chain that have nothing to do with it go on writing.
func TestLongRead(t *testing.T) {
	for position, name := range []string{"master", "middle", "tail"} {
		for _, fsync := range []string{"", "always"} {
			t.Run(name+" "+fsync, func(t *testing.T) {
				scenarioOn(t, fsync, func(g *group, chain []*machine) {
					epoch := g.agreed().Epoch
					g.readLong(chain[position], 3*slowTimeout)
					g.until("the command runs", time.Second, chain[position].long.borne)
					if position == 0 {
						g.sleep(3 * slowTimeout)
					}
					for range 10 {
						g.sleep(time.Second)
						g.stillWriting()
					}
					if position > 0 {
						g.pausedLess(4 * patience) // a client that reads from the busy one waits in vain
					}
					g.sameChain(epoch, chain...)
					g.settled()
					g.sameChain(epoch, chain...)
				})
			})
		}
	}
}

// TestLongWrite: the same of a write, which each member executes in its turn.
func TestLongWrite(t *testing.T) {
	for _, fsync := range []string{"", "always"} {
		t.Run(fsync, func(t *testing.T) {
			scenarioOn(t, fsync, func(g *group, chain []*machine) {
				epoch := g.agreed().Epoch
				g.writeLong(chain[0], func() time.Duration { return 2 * slowTimeout })
				g.sleep(2*slowTimeout + time.Second) // the master's time
				for _, m := range chain {
					g.until("the command runs on "+m.name, time.Second, m.long.borne)
				}
				g.stillWriting() // while the slaves execute it
				g.sleep(2 * slowTimeout)
				g.sameChain(epoch, chain...)
				g.settled()
				g.sameChain(epoch, chain...)
			})
		})
	}
}

// TestBusyTooLong: after busy-command-timeout the chain goes on without a member, and has it back when the command has
// ended.
func TestBusyTooLong(t *testing.T) {
	for position, name := range []string{"master", "middle", "tail"} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(g *group, chain []*machine) {
				if _, err := g.ask(g.sentinels[1].addr(), "SENTINEL", "SET", groupName, "busy-command-timeout",
					"4000"); err != nil {
					t.Fatal(err)
				}
				var rest []*machine
				for i, m := range chain {
					if i != position {
						rest = append(rest, m)
					}
				}
				g.readLong(chain[position], 20*time.Second)
				g.sleep(3 * time.Second)
				if !g.chainIs(chain...)() {
					t.Error("it was taken out too early")
				}
				g.until("the chain goes on without it", 4*time.Second, g.chainIs(rest...))
				g.sleep(200 * time.Millisecond)
				g.stillWriting()
				g.sleep(15 * time.Second)
				g.settled()
			})
		})
	}
}

// TestHandoverWaitsForACommand: a planned handover, and a master that leaves, while a command runs: it comes behind
// that, and nothing breaks.
func TestHandoverWaitsForACommand(t *testing.T) {
	scenario(t, func(g *group, chain []*machine) {
		g.readLong(chain[0], 3*time.Second)
		if _, err := g.ask(g.sentinels[0].addr(), "SENTINEL", "FAILOVER", groupName); err != nil {
			t.Fatal(err)
		}
		g.sleep(time.Second)
		if !g.masterIs(chain[0])() {
			t.Error("it was deposed in the midst of a command")
		}
		g.until("the next one leads", 4*time.Second, g.masterIs(chain[1]))
		g.stillWriting()
		g.readLong(chain[1], 3*time.Second)
		g.leave(chain[1])
		g.until("the one after it leads", time.Second, g.masterIs(chain[2]))
		g.stillWriting()
		g.restart(chain[1])
		g.settled()
	})
}
