package aof_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"syscall"
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

// TestPowerLoss writes, rolls, rewrites and restarts, on a disk that sometimes runs full or fails, and pulls the plug
// at any moment: whatever was synced is there afterwards, in order, and nothing that was never written.
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
	again := "" // a word whose write failed, perhaps only behind its last byte: it is written again
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
			mend(disk)
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
			if i := len(w.list); again != "" && len(loaded.list) == i+1 && loaded.list[i] == again {
				w.list = append(w.list, again)
			}
			again = ""
			if len(loaded.list) < durable || len(loaded.list) > len(w.list) ||
				!slices.Equal(loaded.list, w.list[:len(loaded.list)]) {
				t.Fatalf("loaded %d words, %d were durable, %d written\n%q\n%q", len(loaded.list), durable, len(w.list),
					loaded.list, w.list)
			}
			w = loaded
			err := f.Ready()
			for i := 0; err != nil; i++ { // what is loaded can't be told of before that
				if i > rng.IntN(5) {
					mend(disk)
				}
				if err = f.Ready(); errors.Is(err, aof.ErrUnsynced) && beginAnew(f, &w) {
					err = nil
				}
			}
		}
		durable = len(w.list)
		whole := true // false: a sync has failed, and the log needs a new base
		judge := func(err error) {
			if err == nil {
				durable = len(w.list)
			}
			whole = whole && !errors.Is(err, aof.ErrUnsynced)
		}
		write := func() {
			if again == "" {
				n++
				again = fmt.Sprint("w", n)
			}
			if p := put(again); f.Write(p[:10], p[10:]) == nil {
				w.list, again = append(w.list, again), ""
			}
		}
		ends := make([]int64, len(w.list)) // of the words that were written since
	session:
		for range rng.IntN(30) {
			if !whole {
				if whole = beginAnew(f, &w); whole {
					durable = len(w.list)
					clear(ends)
				}
				continue
			}
			switch rng.IntN(13) {
			case 0:
				judge(f.Roll(0))
			case 1:
				judge(f.Sync())
			case 2:
				rewrite(rng, f, w.image(), judge, write)
			case 3:
				_ = f.SetIdentity(aof.Identity{ID: fmt.Sprint("id", n), Incarnation: "i"})
			case 4:
				disk.SetRoom(int64(rng.IntN(200)))
			case 5:
				disk.SetRoom(-1)
			case 6:
				disk.Fail(rng.Float64()/2, rng)
			case 7:
				disk.Fail(0, nil)
			case 8:
				_ = f.SyncSums()
			case 9:
				disk.SetFiles(rng.IntN(3))
			case 10:
				left := rng.IntN(len(w.list) + 1)
				if left == len(w.list) || ends[left] == 0 {
					continue // it came with the base, perhaps
				}
				durable = min(durable, left)
				if f.Truncate(ends[left]-int64(len(put(w.list[left])))) != nil {
					whole = false // some of it may have been cut off
					break session
				}
				w.list, ends, again = w.list[:left], ends[:left], ""
				durable = left
				var loaded words
				_, err := f.Load(&loaded, true)
				switch failed := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EIO); {
				case failed:
					whole = false
					break session
				case err != nil, !slices.Equal(loaded.list, w.list):
					t.Fatalf("cut back to %d words: %v %q", left, err, loaded.list)
				}
			default:
				write()
			}
			for len(ends) < len(w.list) {
				ends = append(ends, f.End())
			}
		}
		if rng.IntN(4) > 0 {
			mend(disk)
		}
		if whole && rng.IntN(3) == 0 {
			mend(disk)
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			durable = len(w.list)
		}
		if rng.IntN(4) > 0 {
			disk.LosePower(rng)
		} else if whole {
			durable = len(w.list) // only the process dies; what it could not sync is there still
		}
	}
}

func mend(disk *memfs.FS) {
	disk.SetRoom(-1)
	disk.SetFiles(-1)
	disk.Fail(0, nil)
}

// rewrite makes a new base while words go on coming.
func rewrite(rng *rand.Rand, f *aof.Files, image []byte, judge func(error), write func()) {
	at := f.End()
	err := f.Roll(0)
	if judge(err); err != nil {
		return
	}
	base, err := f.NewBase()
	if err != nil {
		return
	}
	if _, err := base.Write(image); err != nil || rng.IntN(4) == 0 {
		_ = base.Abort()
		return
	}
	write()
	if base.Commit(at) != nil {
		judge(f.Sync())
	}
}

// beginAnew makes a base of everything, after a sync that failed.
func beginAnew(f *aof.Files, w *words) bool {
	at := f.End()
	base, err := f.NewBase()
	if err != nil {
		return false
	}
	if _, err := base.Write(w.image()); err != nil {
		_ = base.Abort()
		return false
	}
	return base.Restart(aof.Identity{ID: "x", Incarnation: "i"}, at, 0) == nil
}
