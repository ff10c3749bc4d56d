package aof

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTwoBasesAtATime: while the log is rewritten a full copy may come, and the other way round. Neither writes into
// the other's file, whichever ends first, and a rewrite of the log that was is refused.
func TestTwoBasesAtATime(t *testing.T) {
	rewritten, copied := bytes.Repeat([]byte("rewritten "), 1000), bytes.Repeat([]byte("copied "), 900)
	for _, order := range []string{"rewrite, copy", "copy, rewrite"} {
		for _, end := range []string{"rewrite, copy", "copy, rewrite", "copy"} {
			dir := t.TempDir()
			f := begin(t, dir)
			must(t, f.Write(wire("SET", "a", "1")))
			must(t, f.Roll(0))
			start := f.End()
			bases := map[string]*Base{}
			for what := range strings.SplitSeq(order, ", ") {
				b, err := f.NewBase()
				must(t, err)
				bases[what] = b
			}
			write := func(text []byte, to *Base) {
				_, err := to.Write(text)
				must(t, err)
			}
			half := len(rewritten) / 2
			write(rewritten[:half], bases["rewrite"])
			write(copied[:100], bases["copy"])
			write(rewritten[half:], bases["rewrite"])
			write(copied[100:], bases["copy"])
			restarted := false
			for what := range strings.SplitSeq(end, ", ") {
				if what == "copy" {
					must(t, bases["copy"].Restart(Identity{ID: strings.Repeat("c", 40), Incarnation: "i"}, start, 0))
					restarted = true
				} else if err := bases["rewrite"].Commit(start); (err != nil) != restarted {
					t.Errorf("%s; %s: a rewrite ends with %v", order, end, err)
				}
			}
			if !strings.Contains(end, "rewrite") {
				write(rewritten, bases["rewrite"])
				must(t, bases["rewrite"].Abort())
			}
			must(t, f.Close())
			f = open(t, dir)
			text, err := os.ReadFile(filepath.Join(dir, "appendonlydir", f.m.base().name))
			must(t, err)
			if !bytes.Equal(text, copied) {
				t.Errorf("%s; %s: the base is not what was copied", order, end)
			}
			names, err := f.cfg.FS.List("appendonlydir")
			must(t, err)
			if slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, tempPrefix) }) {
				t.Errorf("%s; %s: %q are left", order, end, names)
			}
		}
	}
}
