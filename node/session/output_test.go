package session

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestOutputAgainstModel appends and takes at random: what leaves is always in order, and never before its gate.
func TestOutputAgainstModel(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var o Output
		type piece struct {
			b    byte
			gate int64
		}
		var queue []piece
		var commit, end int64
		for step := range 300 {
			switch rng.IntN(3) {
			case 0:
				end += rng.Int64N(3)
				gate := max(0, end-rng.Int64N(5))
				b := byte(step)
				n := 1 + rng.IntN(3)
				o.Append(bytes.Repeat([]byte{b}, n), gate, commit)
				// A piece waits for the gates before it too: replies leave in order.
				if len(queue) > 0 {
					gate = max(gate, queue[len(queue)-1].gate)
				}
				for range n {
					queue = append(queue, piece{b, gate})
				}
			case 1:
				commit = min(end, commit+rng.Int64N(4))
			case 2:
				p, wait := o.Take(commit)
				for _, b := range p {
					if len(queue) == 0 || queue[0].b != b {
						t.Fatalf("seed %d step %d: byte %d out of order", seed, step, b)
					}
					if queue[0].gate > commit {
						t.Fatalf("seed %d step %d: left at %d, its gate is %d", seed, step, commit, queue[0].gate)
					}
					queue = queue[1:]
				}
				if len(p) > 0 {
					o.Done(p)
				}
				if len(queue) > 0 && (queue[0].gate <= commit || wait != queue[0].gate) {
					t.Fatalf("seed %d step %d: holds bytes with gate %d at commit %d, waits for %d", seed, step, queue[0].gate, commit, wait)
				}
			}
		}
	}
}

func TestOutputHasOneWriter(t *testing.T) {
	var o Output
	o.Append([]byte("a"), 0, 0)
	p, _ := o.Take(0)
	o.Append([]byte("b"), 0, 0)
	if q, _ := o.Take(0); len(q) > 0 {
		t.Fatal("two writers at work")
	}
	o.Done(p)
	if q, _ := o.Take(0); string(q) != "b" {
		t.Fatalf("took %q", q)
	}
}

func TestDiscardedOutputNeverLeaves(t *testing.T) {
	var o Output
	o.Append([]byte("secret"), 5, 0)
	o.Discard()
	o.Append([]byte("more"), 0, 0)
	if p, wait := o.Take(10); len(p) > 0 || wait != 0 {
		t.Fatalf("took %q", p)
	}
}
