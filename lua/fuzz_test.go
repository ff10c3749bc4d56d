package lua

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var errFuzzSteps = errors.New("too many steps")

// newFuzzState is a state in which nothing runs for long.
func newFuzzState() *State {
	l := New(Options{MemoryLimit: 8 << 20})
	l.OpenLibs()
	calls := 0
	l.SetHook(1000, func(*State) error {
		if calls++; calls > 200 {
			return errFuzzSteps
		}
		return nil
	})
	return l
}

// FuzzSource: whatever is compiled and run ends, without a panic, within the limits.
func FuzzSource(f *testing.F) {
	files, err := filepath.Glob("testdata/probes/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			f.Add(line)
		}
	}
	for _, b := range bombs {
		f.Add(b.source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		l := newFuzzState()
		_, _ = run(l, source)
		l.SetHook(0, nil)
		if v := mustRun(t, l, "local t = {1, 2, 3} return #t"); v.AsNumber() > 3 {
			t.Error("the state is broken")
		}
	})
}

func FuzzPattern(f *testing.F) {
	f.Add("hello world", "(%w+)%s*(.-)$", "%1%2")
	f.Add("(a(b)c)", "%b()", "%0")
	f.Add("THE (quick) fox", "%f[%a]%a+", "<%0>")
	f.Add("a\x00b", "[^%z]", "%%")
	f.Add("aaa", "a-a?[a-c]*()", "")
	f.Fuzz(func(t *testing.T, s, p, by string) {
		l := newFuzzState()
		g := l.Globals()
		g.SetString(l, "s", String(s))
		g.SetString(l, "p", String(p))
		g.SetString(l, "by", String(by))
		_, _ = run(l, "return s:find(p)")
		_, _ = run(l, "return s:match(p)")
		_, _ = run(l, "return s:gsub(p, by)")
		_, _ = run(l, "for a, b in s:gmatch(p) do end")
	})
}

func FuzzFormat(f *testing.F) {
	f.Add("%5.2f %d %s %q %x %g", 1.5, "x")
	f.Add("%-05.3i|%+e|%#o|% G|%c", -3.0, "10")
	f.Fuzz(func(t *testing.T, format string, n float64, s string) {
		l := newFuzzState()
		g := l.Globals()
		g.SetString(l, "f", String(format))
		g.SetString(l, "n", Number(n))
		g.SetString(l, "s", String(s))
		_, _ = run(l, "return f:format(n, s, n, s, n, s)")
		_, _ = run(l, "return f:format(s, n, s, n, s, n)")
	})
}
