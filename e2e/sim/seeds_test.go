package sim

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
)

// defaultSeeds is how many seeds run when SEEDS doesn't say.
const defaultSeeds = 200

// maxFaults bounds the faults of a seed.
const maxFaults = 4

// number reads a knob from the environment.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s is no number: %v", name, err)
	}
	return n
}

// TestSeeds runs the schedules of SEEDS seeds from SEED on.
func TestSeeds(t *testing.T) {
	first := number(t, "SEED", 1)
	for seed := first; seed < first+number(t, "SEEDS", defaultSeeds); seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			rerun := fmt.Sprintf("SEED=%d SEEDS=1 go test ./e2e/sim -count=1 -run TestSeeds", seed)
			inBubble(t, seed, seed%2 == 0, rerun, func(g *group) { g.runSchedule() })
		})
	}
}

// runSchedule is one seed: clients at work, on nodes with disks or without, one to three faults in a row, healing, and the checks.
func (g *group) runSchedule() {
	g.awaitWhole()
	if g.rng.IntN(3) == 0 { // a slower network, that loses some of the gossip
		g.net.SetDefaultLatency(g.between(500*time.Microsecond, 8*time.Millisecond), g.between(0, 10*time.Millisecond))
		g.net.SetDefaultLoss(0.1 * g.rng.Float64())
	}
	g.startClients(5, 4*time.Millisecond)
	g.startWatchers()
	g.sleep(300 * time.Millisecond)
	f := &faults{group: g}
	for range 1 + g.rng.IntN(maxFaults) {
		f.one()
		g.sleep(g.between(0, []time.Duration{50 * time.Millisecond, 2500 * time.Millisecond}[g.rng.IntN(2)]))
	}
	f.undo()
	g.settled()
	if g.history.reads == 0 {
		g.story.violated("no read was ever answered")
	}
}
