package sim

import (
	"strings"
	"testing"
	"time"
)

// giantSize is a value that takes twice slowTimeout to go over a narrow line.
const giantSize = 16 << 20

// giantScenario is a scenario with one client: of many that wait for so long nobody could judge what they had a right
// to see.
func giantScenario(t *testing.T, fsync string, run func(g *group, chain []*machine)) {
	t.Helper()
	t.Parallel()
	inBubble(t, setup{seed: 7, fsync: fsync, rerun: "go test ./e2e/sim -count=1 -run '^" + t.Name() + "$'"},
		func(g *group) {
			chain := g.awaitWhole()
			g.startClients(1, 5*time.Millisecond)
			g.sleep(500 * time.Millisecond)
			run(g, chain)
		})
}

// narrow makes the way between two machines one that carries 256 KiB, which are under way at once, each 160 ms.
func (g *group) narrow(a, b *machine) {
	g.story.tell("FAULT", "between %s and %s no more than 1.6 MiB a second", a.name, b.name)
	g.net.SetLatency(a.ip(), b.ip(), 160*time.Millisecond, 0)
}

// writeGiant has the master take a giant value, and doesn't wait for the answer.
func (g *group) writeGiant(master *machine) {
	g.story.tell("test", "a value of %d bytes", giantSize)
	_, _ = g.ask(master.addr(), "SET", "giant", strings.Repeat("x", giantSize)) // it is answered too late
}

// giantIsThere waits until all of the chain has it.
func (g *group) giantIsThere(master *machine) {
	g.t.Helper()
	g.until("the giant to be acknowledged", 2*time.Minute, func() bool {
		v, err := g.ask(master.addr(), "STRLEN", "giant")
		return err == nil && v.Int == giantSize
	})
}

// TestGiantDeposesNobody: a value that takes longer to reach a member than any answer may, over one line or over
// both: everybody stays where it is.
func TestGiantDeposesNobody(t *testing.T) {
	for _, c := range []struct {
		name  string
		lines []int
	}{{"to the middle", []int{0}}, {"to the tail", []int{1}}, {"to both", []int{0, 1}}} {
		for _, fsync := range []string{"", "always"} {
			t.Run(c.name+" "+fsync, func(t *testing.T) {
				giantScenario(t, fsync, func(g *group, chain []*machine) {
					epoch := g.agreed().Epoch
					for _, i := range c.lines {
						g.narrow(chain[i], chain[i+1])
					}
					began := time.Now()
					g.writeGiant(chain[0])
					g.giantIsThere(chain[0])
					if took := time.Since(began); took < slowTimeout {
						t.Errorf("it took only %v", took)
					}
					g.sameChain(epoch, chain...)
					for _, i := range c.lines {
						g.speedUp(chain[i], chain[i+1])
					}
					g.stillWriting()
					g.settled()
					g.sameChain(epoch, chain...)
				})
			})
		}
	}
}

// TestStuckInTheMidstOfAGiant: of a giant value nothing comes through any more. Who is behind that line is taken out
// in the time in which who is slow is, and no other.
func TestStuckInTheMidstOfAGiant(t *testing.T) {
	for i, name := range []string{"the middle", "the tail"} {
		t.Run(name, func(t *testing.T) {
			giantScenario(t, "", func(g *group, chain []*machine) {
				epoch := g.agreed().Epoch
				g.narrow(chain[i], chain[i+1])
				g.writeGiant(chain[0])
				g.sleep(slowTimeout + time.Second)
				g.sameChain(epoch, chain...)
				g.drag(chain[i], chain[i+1])
				rest := []*machine{chain[0], chain[2-i]}
				g.until("the chain goes on without "+name, slowTimeout, g.chainIs(rest...))
				g.giantIsThere(chain[0])
				g.speedUp(chain[i], chain[i+1])
				g.settled()
			})
		})
	}
}
