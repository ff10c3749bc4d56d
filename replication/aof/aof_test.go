package aof

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const id = "0123456789abcdef0123456789abcdef01234567"

// emptyRDB is a snapshot of nothing, version 10, without a checksum.
var emptyRDB = append([]byte("REDIS0010\xff"), make([]byte, 8)...)

// recorder keeps what a load hands it.
type recorder struct {
	base int
	log  []string
}

func (r *recorder) Base(b *bufio.Reader) error {
	r.base++
	_, err := io.CopyN(io.Discard, b, int64(len(emptyRDB)))
	return err
}

func (r *recorder) Apply(batch []Entry) error {
	for _, e := range batch {
		r.log = append(r.log, string(bytes.Join(e.Args, []byte(" "))))
	}
	return nil
}

func wire(args ...string) []byte {
	b := fmt.Appendf(nil, "*%d\r\n", len(args))
	for _, a := range args {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(a), a)
	}
	return b
}

func open(t *testing.T, dir string) *Files {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	f, err := Open(Config{FS: NewRoot(root), Dir: "appendonlydir", Name: "appendonly.aof",
		Retain: func() int64 { return 1 << 20 }})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// begin makes a log that begins at offset 100 in database 3.
func begin(t *testing.T, dir string) *Files {
	t.Helper()
	f := open(t, dir)
	if f.Exists() {
		t.Fatal("a log in an empty directory")
	}
	b, err := f.NewBase()
	must(t, err)
	_, err = b.Write(emptyRDB)
	must(t, err)
	must(t, b.Restart(Identity{ID: id, Epoch: 7, Incarnation: "i"}, 100, 3))
	return f
}

func load(t *testing.T, f *Files) ([]string, LoadReport) {
	t.Helper()
	var r recorder
	report, err := f.Load(&r, true)
	must(t, err)
	if r.base != 1 {
		t.Fatalf("the base was loaded %d times", r.base)
	}
	return r.log, report
}

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	f := begin(t, dir)
	must(t, f.Write(wire("SET", "a", "1"), wire("SET", "b", "2")))
	must(t, f.Write(wire("MULTI"), wire("SET", "c", "3"), wire("EXEC")))
	at := f.End()
	must(t, f.Roll(0))
	must(t, f.Write(wire("SET", "d", "4")))
	must(t, f.SetIdentity(Identity{ID: id, Epoch: 8, Incarnation: "i",
		Former: []Former{{ID: strings.Repeat("f", 40), Until: 50}}}))
	must(t, f.Sync())

	g := open(t, dir)
	log, report := load(t, g)
	want := "SELECT 3|SET a 1|SET b 2|MULTI|SET c 3|EXEC|SELECT 0|SET d 4"
	if got := strings.Join(log, "|"); got != want || report.Cut != nil {
		t.Fatalf("loaded %q, want %q; %+v", got, want, report)
	}
	if g.End() != f.End() || g.First() != 100 {
		t.Fatalf("the log reaches from %d to %d, want 100 to %d", g.First(), g.End(), f.End())
	}
	if got, ok := g.Identity(); !ok || got.Epoch != 8 || len(got.Former) != 1 {
		t.Fatalf("identity %+v %v", got, ok)
	}
	// The log's bytes can be read from any offset, across files.
	var all []byte
	for off := int64(100); off < g.End(); {
		p := make([]byte, 7)
		n, err := g.ReadAt(p, off)
		must(t, err)
		all, off = append(all, p[:n]...), off+int64(n)
	}
	if want := string(wire("SET", "d", "4")); !strings.HasSuffix(string(all), want) || at+int64(len(want)) != g.End() {
		t.Fatalf("read %q", all)
	}
	// A new base turns what lies before it into history, still readable.
	b, err := g.NewBase()
	must(t, err)
	_, err = b.Write(emptyRDB)
	must(t, err)
	must(t, b.Commit(at))
	must(t, g.Write(wire("SET", "e", "5")))
	must(t, g.Close())
	h := open(t, dir)
	if log, _ := load(t, h); strings.Join(log, "|") != "SELECT 0|SET d 4|SET e 5" || h.First() != 100 {
		t.Fatalf("after a new base: %q from %d", log, h.First())
	}
	// An uncommitted suffix goes.
	must(t, h.Truncate(at))
	if log, _ := load(t, open(t, dir)); strings.Join(log, "|") != "SELECT 0" {
		t.Fatalf("after a truncation: %q", log)
	}
	must(t, h.Write(wire("SET", "f", "6")))
	if log, _ := load(t, open(t, dir)); strings.Join(log, "|") != "SELECT 0|SET f 6" {
		t.Fatalf("written after a truncation: %q", log)
	}
}

// TestTorn cuts the last file at every byte: what is whole is loaded, and writing goes on there.
func TestTorn(t *testing.T) {
	dir := t.TempDir()
	f := begin(t, dir)
	must(t, f.Write(wire("SET", "a", "1")))
	whole := f.End()
	must(t, f.Write(wire("MULTI"), wire("SET", "b", "2"), wire("EXEC")))
	name := filepath.Join(dir, "appendonlydir", "appendonly.aof.1.incr.aof")
	text, err := os.ReadFile(name)
	must(t, err)
	sums, err := os.ReadFile(name + sumsSuffix)
	must(t, err)
	header := int64(len(selectWire(3)))
	for cut := header + whole - 100; cut < int64(len(text)); cut++ {
		for _, zeroes := range []int{0, 100} {
			must(t, os.WriteFile(name, append(text[:cut:cut], make([]byte, zeroes)...), 0o644))
			must(t, os.WriteFile(name+sumsSuffix, sums, 0o644))
			g := open(t, dir)
			log, report := load(t, g)
			if strings.Join(log, "|") != "SELECT 3|SET a 1" || g.End() != whole {
				t.Fatalf("cut at %d: %q, end %d", cut, log, g.End())
			}
			if torn := cut > header+whole-100 || zeroes > 0; torn != (report.Cut != nil) {
				t.Fatalf("cut at %d: report %+v", cut, report)
			}
			must(t, g.Write(wire("SET", "c", "3")))
			if log, _ := load(t, open(t, dir)); strings.Join(log, "|") != "SELECT 3|SET a 1|SET c 3" {
				t.Fatalf("cut at %d, then written: %q", cut, log)
			}
		}
	}
}

// TestAccepted: a complete file that fails its checksum is refused, unless it is to be taken as it is; then it is right
// from there on.
func TestAccepted(t *testing.T) {
	dir := t.TempDir()
	f := begin(t, dir)
	must(t, f.Write(wire("SET", "a", "1")))
	must(t, f.Roll(0))
	must(t, f.Write(wire("SET", "b", "2")))
	must(t, f.Close())
	name := filepath.Join(dir, "appendonlydir", "appendonly.aof.1.incr.aof")
	text, err := os.ReadFile(name)
	must(t, err)
	must(t, os.WriteFile(name, bytes.Replace(text, []byte("$1\r\n1"), []byte("$1\r\n3"), 1), 0o644))
	var damage *ChecksumError
	if _, err := open(t, dir).Load(&recorder{}, true); !errors.As(err, &damage) {
		t.Fatalf("error %v", err)
	}
	g := open(t, dir)
	g.cfg.SkipSums = true
	load(t, g)
	must(t, g.Close())
	if log, report := load(t, open(t, dir)); report.Cut != nil ||
		strings.Join(log, "|") != "SELECT 3|SET a 3|SELECT 0|SET b 2" {
		t.Fatalf("%q %+v", log, report)
	}
}

func TestDamagedMiddle(t *testing.T) {
	dir := t.TempDir()
	f := begin(t, dir)
	must(t, f.Write(wire("SET", "a", "1"), []byte("*1\r\n+x\r\n"), wire("SET", "b", "2")))
	_, err := open(t, dir).Load(&recorder{}, true)
	var damage *DamageError
	if !errors.As(err, &damage) || !strings.Contains(err.Error(), "appendonly.aof.1.incr.aof") {
		t.Fatalf("error %v", err)
	}
}

func TestRedisAcceptsTheFiles(t *testing.T) {
	check, err := exec.LookPath("redis-check-aof")
	if err != nil {
		t.Fatal("redis-check-aof is needed, it comes with redis-server: ", err)
	}
	dir := t.TempDir()
	f := begin(t, dir)
	must(t, f.Write(wire("SET", "a", "1")))
	must(t, f.Roll(0))
	must(t, f.Write(wire("SET", "b", "2")))
	must(t, f.Close())
	out, err := exec.Command(check, filepath.Join(dir, "appendonlydir", "appendonly.aof.manifest")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "All AOF files and manifest are valid") {
		t.Fatalf("%v: %s", err, out)
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte("file appendonly.aof.1.base.rdb seq 1 type b\nfile \"a b.incr\" seq 2 type i startoffset 5 header " +
		"0\n"))
	m := manifest{files: []entry{{name: "x", seq: 1, kind: kindIncr, placed: true, closed: true, size: 5}},
		identity: &Identity{ID: id, Incarnation: "i", Former: []Former{{id, 9}}}}
	f.Add(m.format())
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseManifest(text)
		if err != nil {
			return
		}
		again, err := parseManifest(m.format())
		if err != nil {
			t.Fatalf("%q became %q: %v", text, m.format(), err)
		}
		if !bytes.Equal(again.format(), m.format()) {
			t.Fatalf("%q, then %q", m.format(), again.format())
		}
	})
}

func FuzzScanner(f *testing.F) {
	f.Add(append(wire("SET", "a", "1"), wire("MULTI")...))
	f.Add([]byte("#TS:1\r\n*1\r\n$999999999999\r\nx"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s := NewScanner(bytes.NewReader(text), 0)
		for {
			batch, err := s.Next()
			if err != nil {
				var torn *TornError
				if errors.Is(err, io.EOF) && s.End() != int64(len(text)) || errors.As(err, &torn) &&
					torn.Offset > torn.Size {
					t.Fatalf("%v at %d of %d", err, s.End(), len(text))
				}
				return
			}
			for _, e := range batch {
				if len(e.Args) == 0 || !bytes.Contains(text, e.Raw) {
					t.Fatalf("%q", e.Raw)
				}
			}
		}
	})
}

// FuzzSums: whatever stands in a file of checksums, what is taken from it rises and can be written again; and a log
// that is read under it is found whole, or not, as far as a plain sum says.
func FuzzSums(f *testing.F) {
	text := wire("SET", "a", "1")
	s := sums{synced: mark{4, crc32.Checksum(text[:4], castagnoli)}}
	for _, end := range []int{4, 9, len(text)} {
		s.marks = append(s.marks, mark{int64(end), crc32.Checksum(text[:end], castagnoli)})
	}
	f.Add(s.records(0), text)
	f.Add(append(s.records(1), s.records(0)...), text)
	f.Add(s.records(0)[1:], text[:9])
	f.Fuzz(func(t *testing.T, records, text []byte) {
		s := parseSums(records)
		if len(s.marks) > len(records)/recordSize {
			t.Fatalf("%d marks of %d bytes", len(s.marks), len(records))
		}
		again := parseSums(s.records(0))
		if !slices.Equal(again.marks, s.marks) || len(s.marks) > 0 && again.synced != s.synced {
			t.Fatalf("%+v became %+v", s, again)
		}
		before := int64(0)
		for _, m := range s.marks {
			if m.end <= before {
				t.Fatalf("marks do not rise: %v", s.marks)
			}
			before = m.end
		}
		if s.synced.end > int64(len(text)) {
			return // Load refuses it
		}
		if len(s.marks) > 0 && crc32.Checksum(text[:s.synced.end], castagnoli) != s.synced.sum {
			return // likewise
		}
		whole, err := s.whole(bytes.NewReader(text), int64(len(text)))
		want := int64(len(text))
		last := s.synced.end
		for _, m := range s.marks {
			if m.end <= s.synced.end || m.end > int64(len(text)) {
				continue
			}
			if crc32.Checksum(text[:m.end], castagnoli) != m.sum {
				if text[len(text)-1] != 0 {
					want = last
				}
				break
			}
			last = m.end
		}
		if err != nil || whole != want {
			t.Fatalf("whole up to %d instead of %d of %d, %v", whole, want, len(text), err)
		}
	})
}

// TestSizeWhileLoading: INFO asks for it under the lock that those who load need.
func TestSizeWhileLoading(t *testing.T) {
	dir := t.TempDir()
	f := begin(t, dir)
	must(t, f.Write(wire("SET", "a", "1")))
	g := open(t, dir)
	asked := 0
	_, err := g.Load(asking{func() { g.Size(); asked++ }}, true)
	must(t, err)
	if asked != 3 || g.Size() != f.Size() {
		t.Fatalf("asked %d times; the size is %d instead of %d", asked, g.Size(), f.Size())
	}
}

// asking calls a function for whatever a load hands it.
type asking struct{ ask func() }

func (a asking) Base(b *bufio.Reader) error {
	a.ask()
	return (&recorder{}).Base(b)
}

func (a asking) Apply([]Entry) error {
	a.ask()
	return nil
}

// TestRetention: what is kept before a new base are whole files, as many as it takes to have that many bytes.
func TestRetention(t *testing.T) {
	command := wire("SET", "a", strings.Repeat("x", 100))
	file := int64(len(command))
	for _, c := range []struct{ retain, files int64 }{{0, 0}, {1, 1}, {file, 1}, {file + 100, 2}, {1 << 20, 4}} {
		f := begin(t, t.TempDir())
		f.cfg.Retain = func() int64 { return c.retain }
		for range 4 {
			must(t, f.Write(command))
			must(t, f.Roll(3))
		}
		b, err := f.NewBase()
		must(t, err)
		_, err = b.Write(emptyRDB)
		must(t, err)
		must(t, b.Commit(f.End()))
		if kept := f.End() - f.First(); kept != c.files*file {
			t.Errorf("to retain %d bytes, %d are kept instead of %d files of %d", c.retain, kept, c.files, file)
		}
	}
}
