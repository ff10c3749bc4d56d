package session

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"holdfast/resp"
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
				if rng.IntN(2) == 0 {
					o.Append(bytes.Repeat([]byte{b}, n), gate, commit)
				} else {
					whole := bytes.Repeat([]byte{b}, n)
					cut := rng.IntN(n + 1)
					o.AppendPieces([][]byte{whole[:cut], whole[cut:]}, gate, commit)
				}
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
				var wait int64
				for more := true; more; {
					if o.Len() != len(queue) {
						t.Fatalf("seed %d step %d: holds %d bytes and says %d", seed, step, len(queue), o.Len())
					}
					var p []byte
					p, wait = o.Take(commit)
					for _, b := range p {
						if len(queue) == 0 || queue[0].b != b {
							t.Fatalf("seed %d step %d: byte %d out of order", seed, step, b)
						}
						if queue[0].gate > commit {
							t.Fatalf("seed %d step %d: left at %d, its gate is %d", seed, step, commit, queue[0].gate)
						}
						queue = queue[1:]
					}
					if more = len(p) > 0; more && o.Done(p) != (len(queue) > 0) {
						t.Fatalf("seed %d step %d: holds %d bytes and says otherwise", seed, step, len(queue))
					}
				}
				if len(queue) > 0 && (queue[0].gate <= commit || wait != queue[0].gate) {
					t.Fatalf("seed %d step %d: holds bytes with gate %d at commit %d, waits for %d", seed, step,
						queue[0].gate, commit, wait)
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

// TestRepliesInPieces stages replies of many lengths, of which the first part may leave before the rest.
func TestRepliesInPieces(t *testing.T) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 2))
		s := New(1, "", "", time.Time{}, func() {})
		var want []byte
		plain := resp.Writer{}
		for range 20 {
			first := 0
			for i := range rng.IntN(5) {
				text := bytes.Repeat([]byte{byte('a' + rng.IntN(26))},
					rng.IntN([]int{10, 100, 30_000, 600_000}[rng.IntN(4)]))
				s.W.Bulk(text)
				plain.Bulk(text)
				if i == 1 {
					first = s.W.Len()
				}
			}
			if rng.IntN(3) == 0 {
				s.StageFirst(first, 0)
				if left := s.W.Len(); left != len(plain.Buf)-first {
					t.Fatalf("seed %d: %d bytes are left of %d behind the first %d", seed, left, len(plain.Buf), first)
				}
			}
			s.Stage(0, 0)
			want, plain.Buf = append(want, plain.Buf...), plain.Buf[:0]
		}
		var got []byte
		for {
			p, _ := s.Out.Take(0)
			if len(p) == 0 {
				break
			}
			got = append(got, p...)
			s.Out.Done(p)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("seed %d: %d bytes left, and not as they were written, which are %d", seed, len(got), len(want))
		}
	}
}
