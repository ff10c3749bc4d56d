package aof_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"holdfast/internal/memfs"
	"holdfast/replication/aof"
)

func openLog(disk aof.FS) (*aof.Files, error) {
	return aof.Open(aof.Config{FS: disk, Dir: "d", Name: "a.aof", Retain: func() int64 { return 1 << 20 }})
}

func put(word string) []byte {
	return fmt.Appendf(nil, "*2\r\n$3\r\nPUT\r\n$%d\r\n%s\r\n", len(word), word)
}

// contents are the files of a directory.
func contents(t *testing.T, disk aof.FS) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	names, err := disk.List("d")
	must(t, err)
	for _, name := range names {
		file, err := disk.Open("d/" + name)
		must(t, err)
		size, err := file.Size()
		must(t, err)
		text := make([]byte, size)
		_, err = file.ReadAt(text, 0)
		must(t, err)
		files[name] = text
	}
	return files
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func diskOf(t *testing.T, files map[string][]byte) *memfs.FS {
	t.Helper()
	disk := memfs.New()
	for name, text := range files {
		file, err := disk.Create("d/" + name)
		must(t, err)
		_, err = file.Write(text)
		must(t, err)
	}
	return disk
}

// restored is everything that a start gets from a directory: the words, and the log's bytes that it offers to
// followers.
type restored struct {
	words []string
	log   []byte
	first int64
	id    string
}

// restore loads a directory as a start does. said is what it found fault with, without giving up.
func restore(disk aof.FS) (r restored, said error, err error) {
	f, err := openLog(disk)
	if err != nil {
		return r, nil, err
	}
	var w words
	report, err := f.Load(&w, true)
	if err != nil {
		return r, nil, err
	}
	if report.Cut != nil {
		said = report.Cut
	}
	id, _ := f.Identity()
	r = restored{words: w.list, first: f.First(), id: fmt.Sprint(id)}
	for at := f.First(); at < f.End(); {
		p := make([]byte, 100)
		n, err := f.ReadAt(p, at)
		if err != nil {
			if f.First() <= at {
				return r, nil, fmt.Errorf("damage at %d was found, and the log is still offered from %d on", at,
					f.First())
			}
			return r, err, f.Close()
		}
		r.log, at = append(r.log, p[:n]...), at+int64(n)
	}
	return r, said, f.Close()
}

// TestFlips flips each bit, and all bits of each byte, of all files but the base, whose checksum is its own: it is
// noticed, or changes nothing.
func TestFlips(t *testing.T) {
	ends := map[string]func(f *aof.Files) error{
		"closed": func(f *aof.Files) error { return f.Close() },
		"synced": func(f *aof.Files) error { return f.Sync() },
		"killed": func(*aof.Files) error { return nil },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			disk := memfs.New()
			f, err := openLog(disk)
			must(t, err)
			base, err := f.NewBase()
			must(t, err)
			_, err = base.Write((&words{}).image())
			must(t, err)
			must(t, base.Restart(aof.Identity{ID: "x", Incarnation: "i", Former: []aof.Former{{ID: "y", Until: 7}}},
				100, 0))
			must(t, f.Write(put("history")))
			at := f.End()
			must(t, f.Roll(0))
			base, err = f.NewBase()
			must(t, err)
			_, err = base.Write((&words{[]string{"history"}}).image())
			must(t, err)
			must(t, base.Commit(at))
			must(t, f.Write(put("closed")))
			must(t, f.Roll(0))
			must(t, f.Write(put("one")))
			must(t, f.Sync())
			must(t, f.Write(put("two"), put("three")))
			must(t, f.Write(put("four")))
			must(t, end(f))
			flipAll(t, contents(t, disk))
		})
	}
}

func flipAll(t *testing.T, files map[string][]byte) {
	want, said, err := restore(diskOf(t, files))
	if err != nil || said != nil || len(want.words) != 6 || want.first != 100 {
		t.Fatalf("before any flip: %+v %v %v", want, said, err)
	}
	outcomes := map[string]int{}
	for name, text := range files {
		if strings.HasSuffix(name, ".base.rdb") {
			continue
		}
		for i := range text {
			for _, mask := range []byte{1, 2, 4, 8, 16, 32, 64, 128, 255} {
				bad := bytes.Clone(text)
				bad[i] ^= mask
				files[name] = bad
				got, said, err := restore(diskOf(t, files))
				same := slices.Equal(got.words, want.words) && bytes.Equal(got.log, want.log) && got.id == want.id &&
					got.first == want.first
				switch {
				case err != nil && strings.Contains(err.Error(), "still offered"):
					t.Error(err)
				case err != nil:
					outcomes["refused"]++
				case said != nil:
					outcomes["said"]++
					if !slices.Equal(got.words, want.words[:len(got.words)]) {
						t.Errorf("%s: byte %d ^ %#x: %q after %v", name, i, mask, got.words, said)
					}
				case same:
					outcomes["harmless"]++
				default:
					t.Errorf("%s: byte %d (%q) ^ %#x and nobody noticed: %+v", name, i, text[i], mask, got)
				}
			}
		}
		files[name] = text
	}
	t.Log(outcomes)
	if outcomes["refused"] == 0 || outcomes["said"] == 0 || outcomes["harmless"] == 0 {
		t.Errorf("an outcome is missing: %v", outcomes)
	}
}
