package aof_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"holdfast/internal/memfs"
	"holdfast/replication/aof"
)

// words is a data set: the words that were put.
type words struct{ list []string }

func (w *words) image() []byte {
	text := []byte("REDIS")
	for _, s := range w.list {
		text = append(text, s+"\n"...)
	}
	return append(text, '.', '\n')
}

func (w *words) Base(r *bufio.Reader) error {
	if _, err := r.Discard(len("REDIS")); err != nil {
		return err
	}
	w.list = nil
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return fmt.Errorf("a base without an end: %w", io.ErrUnexpectedEOF)
		}
		if line == ".\n" {
			return nil
		}
		w.list = append(w.list, line[:len(line)-1])
	}
}

func (w *words) Apply(batch []aof.Entry) error {
	for _, e := range batch {
		if string(e.Args[0]) == "PUT" {
			w.list = append(w.list, string(e.Args[1]))
		}
	}
	return nil
}

// TestPowerLoss writes, rolls, rewrites and restarts, on a disk that sometimes runs full, and pulls the plug at any moment: whatever
// was synced is there afterwards, in order, and nothing that was never written.
func TestPowerLoss(t *testing.T) {
	for seed := range uint64(1000) {
		if !t.Run(fmt.Sprint(seed), func(t *testing.T) { powerLoss(t, rand.New(rand.NewPCG(seed, 1))) }) {
			return
		}
	}
}

func powerLoss(t *testing.T, rng *rand.Rand) {
	disk := memfs.New()
	var w words
	durable, n := 0, 0
	for range 1 + rng.IntN(6) {
		f, err := aof.Open(aof.Config{FS: disk, Dir: "d", Name: "a.aof", Retain: func() int64 { return 200 }})
		if err != nil {
			t.Fatal(err)
		}
		if !f.Exists() {
			if durable > 0 {
				t.Fatalf("%d words were durable and there is no log", durable)
			}
			w.list = nil
			base, err := f.NewBase()
			if err == nil {
				_, err = base.Write(w.image())
			}
			if err == nil {
				err = base.Restart(aof.Identity{ID: "x", Incarnation: "i"}, int64(rng.IntN(1000)), 0)
			}
			if err != nil {
				t.Fatal(err)
			}
		} else {
			var loaded words
			if _, err := f.Load(&loaded, true); err != nil {
				t.Fatalf("with %d words durable: %v", durable, err)
			}
			if len(loaded.list) < durable || len(loaded.list) > len(w.list) || !slices.Equal(loaded.list, w.list[:len(loaded.list)]) {
				t.Fatalf("loaded %d words, %d were durable, %d written\n%q\n%q", len(loaded.list), durable, len(w.list), loaded.list, w.list)
			}
			w = loaded
		}
		durable = len(w.list)
		for range rng.IntN(30) {
			switch rng.IntN(8) {
			case 0:
				if f.Roll(0) == nil {
					durable = len(w.list)
				}
			case 1:
				if f.Sync() == nil {
					durable = len(w.list)
				}
			case 2:
				rewrite(t, rng, f, &w, &durable)
			case 3:
				_ = f.SetIdentity(aof.Identity{ID: fmt.Sprint("id", n), Incarnation: "i"})
			case 4:
				disk.SetRoom(int64(rng.IntN(200)))
			case 5:
				disk.SetRoom(-1)
			default:
				n++
				word := fmt.Sprint("w", n)
				if f.Write(fmt.Appendf(nil, "*2\r\n$3\r\nPUT\r\n$%d\r\n", len(word)), []byte(word+"\r\n")) == nil {
					w.list = append(w.list, word)
				}
			}
		}
		disk.SetRoom(-1)
		if rng.IntN(3) == 0 {
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			durable = len(w.list)
		}
		if rng.IntN(4) > 0 {
			disk.LosePower(rng)
		} else {
			durable = len(w.list) // only the process dies
		}
	}
}

// rewrite makes a new base while words go on coming.
func rewrite(t *testing.T, rng *rand.Rand, f *aof.Files, w *words, durable *int) {
	image, at := w.image(), f.End()
	if f.Roll(0) != nil {
		return
	}
	*durable = len(w.list)
	base, err := f.NewBase()
	if err != nil {
		return
	}
	if _, err := base.Write(image); err != nil || rng.IntN(4) == 0 {
		_ = base.Abort()
		return
	}
	if f.Write([]byte("*2\r\n$3\r\nPUT\r\n$1\r\nx\r\n")) == nil {
		w.list = append(w.list, "x")
	}
	if err := base.Commit(at); err != nil && f.Sync() != nil {
		t.Logf("a rewrite failed: %v", err)
	}
}
