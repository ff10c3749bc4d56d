package persist_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"holdfast/internal/memfs"
)

// TestFlips flips a bit of each byte, and all bits of it, of dump.rdb and of every file of a log whose node was killed:
// a load notices it, or has the same data.
func TestFlips(t *testing.T) {
	fs := memfs.New()
	k := startKeeper(t, kept{files: fs, lines: []string{"appendonly yes"}})
	k.allTypes()
	k.do("BGREWRITEAOF")
	for k.info().Log.Rewrites == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	k.do("SET after base")
	k.do("SADD i 7")
	files := map[string][]byte{}
	names, err := fs.List("appendonlydir")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		file, err := fs.Open("appendonlydir/" + name)
		if err != nil {
			t.Fatal(err)
		}
		size, _ := file.Size()
		files[name] = make([]byte, size)
		if _, err := file.ReadAt(files[name], 0); err != nil {
			t.Fatal(err)
		}
	}
	want, dump := k.digest(), new(bytes.Buffer)
	im := k.snapshot()
	if _, err := im.WriteTo(dump); err != nil {
		t.Fatal(err)
	}
	_ = im.Close()
	k.end()

	var told bytes.Buffer
	m := newKeeper(t, kept{lines: []string{"appendonly yes"}, logger: slog.New(slog.NewTextHandler(&told, nil))})
	// They load, and say whether fault was found with something.
	fromLog := func() (found bool, digest [20]byte) {
		fresh := memfs.New()
		for name, text := range files {
			file, err := fresh.Create("appendonlydir/" + name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := file.Write(text); err != nil {
				t.Fatal(err)
			}
		}
		told.Reset()
		err := m.LoadLog(fresh)
		return err != nil || strings.Contains(told.String(), "level=WARN"), m.env.Store.Digest()
	}
	fromDump := func() (found bool, digest [20]byte) {
		s := m.Disk.Loader.NewStore()
		_, err := m.Disk.Loader.Load(bytes.NewReader(files["dump.rdb"]), s)
		return err != nil, s.Digest()
	}
	flip := func(name string, load func() (bool, [20]byte)) {
		text := files[name]
		if found, digest := load(); found || digest != want {
			t.Fatalf("%s is not whole before any flip", name)
		}
		noticed := 0
		for i := range text {
			for _, mask := range []byte{1 << (i % 8), 255} {
				files[name] = bytes.Clone(text)
				files[name][i] ^= mask
				found, digest := load()
				if !found && digest != want {
					t.Errorf("%s: byte %d (%q) ^ %#x: other data, and nobody noticed", name, i, text[i], mask)
				}
				if found {
					noticed++
				}
			}
		}
		files[name] = text
		t.Logf("%s: %d of %d flips noticed, the others harmless", name, noticed, 2*len(text))
		if noticed == 0 && !strings.HasSuffix(name, ".sums") {
			t.Errorf("%s: no flip is noticed", name)
		}
	}
	for _, name := range names {
		if !strings.Contains(name, ".1.incr.") { // history is not loaded
			flip(name, fromLog)
		}
	}
	files["dump.rdb"] = dump.Bytes()
	flip("dump.rdb", fromDump)
}
