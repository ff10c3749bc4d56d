package sim

import (
	"fmt"
	"testing"
	"time"
)

// defaultPowerSeeds is how many seeds TestPowerLoss runs when POWER_SEEDS doesn't say.
const defaultPowerSeeds = 6

// TestPowerLoss takes the power from all nodes at once while clients write, appendfsync being always, one to three
// times a seed, and with every second seed after a time in which disks ran full or failed. What was acknowledged must
// be on every member when they are back.
func TestPowerLoss(t *testing.T) {
	first, seeds := number(t, "SEED", 1), number(t, "POWER_SEEDS", defaultPowerSeeds)
	sum := newTally()
	t.Run("seeds", func(t *testing.T) {
		for seed := first; seed < first+seeds; seed++ {
			t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
				t.Parallel()
				defer func() { sum.ended(t.Failed()) }()
				rerun := fmt.Sprintf("SEED=%d POWER_SEEDS=1 go test ./e2e/sim -count=1 -run TestPowerLoss", seed)
				inBubble(t, setup{seed: seed, fsync: "always", rerun: rerun, judged: sum.judged}, func(g *group) {
					defer sum.add(g)
					g.losePower(seed%2 == 0)
				})
			})
		}
	})
	fmt.Printf("%d seeds of lost power from %d: %s\n", seeds, first, sum.summary())
}

func (g *group) losePower(troubled bool) {
	g.awaitWhole()
	g.startClients(5, 4*time.Millisecond)
	g.startWatchers()
	f := &faults{group: g}
	for range 1 + g.rng.IntN(3) {
		// Clients are at work, except where the last loss is not over yet.
		g.sleep(g.between(100*time.Millisecond, 4*time.Second))
		if troubled {
			for range 1 + g.rng.IntN(size) {
				f.troubleDisk()
				g.sleep(g.between(0, time.Second))
			}
			if g.rng.IntN(2) == 0 {
				f.mendDisks()
				g.sleep(g.between(0, 2*time.Second))
			}
		}
		f.blackout()
		g.did = append(g.did, "power loss")
	}
	f.undo()
	g.servedAgain()
	g.settled()
}
