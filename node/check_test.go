package node

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/replication/aof"
)

// dumpOf is a snapshot without a checksum.
func dumpOf(parts ...string) []byte {
	return []byte("REDIS0010" + strings.Join(parts, "") + "\xff" + strings.Repeat("\x00", 8))
}

// TestCheckRefusesWhatAStartRefuses: and passes what that takes, also of a snapshot in which any byte was changed.
func TestCheckRefusesWhatAStartRefuses(t *testing.T) {
	key := func(name string) string { return "\x00\x01" + name + "\x01v" }
	expired := "\xfc\x01" + strings.Repeat("\x00", 7)
	for name, c := range map[string]struct {
		dump []byte
		says string // "": it is taken
	}{
		"whole":               {dump: dumpOf("\xfe\x00", key("a"), key("b"), "\xfe\x0f", key("a"))},
		"expired":             {dump: dumpOf("\xfe\x00", expired, key("a"))},
		"expired twice":       {dump: dumpOf("\xfe\x00", expired, key("a"), expired, key("a"))},
		"a key twice":         {dump: dumpOf("\xfe\x00", key("a"), key("a")), says: "was there already"},
		"too high a database": {dump: dumpOf("\xfe\x10", key("a")), says: "raise the directive databases"},
		"a stream in no database": {dump: dumpOf("\xfa\x0erepl-stream-db\x0216\xfe\x00", key("a")),
			says: "is no database"},
		"an element twice": {dump: dumpOf("\xfe\x00\x02\x01s\x02\x01x\x01x"), says: "twice"},
		"cut short":        {dump: dumpOf("\xfe\x00", key("a"))[:14], says: "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			started, checked := verdicts(t, c.dump)
			for who, err := range map[string]error{"the start": started, "the check": checked} {
				if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
					t.Errorf("%s says %v, want %q", who, err, c.says)
				}
			}
		})
	}
	all := dumpOf("\xfa\x0erepl-stream-db\x011\xfe\x00\xfb\x06\x01", expired, key("a"), "\xfd\xff\xff\xff\x7f",
		key("b"), "\x02\x01s\x02\x01x\x01y",
		"\x04\x01h\x02\x01x\x011\x01y\x012", "\x01\x01l\x02\x01x\x01y",
		"\x05\x01z\x01\x01x\x00\x00\x00\x00\x00\x00\xf0\x3f",
		"\x0b\x01i\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x02\x00")
	refused := 0
	for i := range all {
		for _, mask := range []byte{1 << (i % 8), 255} {
			changed := bytes.Clone(all)
			changed[i] ^= mask
			started, checked := verdicts(t, changed)
			if (started == nil) != (checked == nil) {
				t.Errorf("byte %d ^ %#x: the start says %v, the check %v", i, mask, started, checked)
			}
			if started != nil {
				refused++
			}
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
}

// verdicts are what a start, and a check, say of a snapshot.
func verdicts(t *testing.T, dump []byte) (started, checked error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "dump.rdb"), dump, 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	n, err := New(Config{Settings: settingsOf(t), Logger: slog.New(slog.DiscardHandler), Dir: root})
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewCheck(settingsOf(t))
	if err != nil {
		t.Fatal(err)
	}
	_, checked = c.Dump(bytes.NewReader(dump))
	return n.persist.Load(), checked
}

// TestCheckExecutesTheLog: what a node could not execute is no log for it.
func TestCheckExecutesTheLog(t *testing.T) {
	for _, c := range []struct {
		words []string
		says  string
	}{
		{words: []string{"SELECT", "15"}},
		{words: []string{"RPUSH", "l", "a", "b"}},
		{words: []string{"SELECT", "16"}, says: "out of range"},
		{words: []string{"NOSUCH", "x"}, says: "it is of a newer version of Holdfast"},
		{words: []string{"SET", "x"}, says: "wrong number of arguments"},
		{words: []string{"INCR", "s"}, says: "not an integer"},
	} {
		check, err := NewCheck(settingsOf(t))
		if err != nil {
			t.Fatal(err)
		}
		entry := func(words ...string) (e aof.Entry) {
			for _, w := range words {
				e.Args = append(e.Args, []byte(w))
			}
			return e
		}
		if err := check.Apply([]aof.Entry{entry("SET", "s", "text")}); err != nil {
			t.Fatal(err)
		}
		err = check.Apply([]aof.Entry{entry(c.words...)})
		if fmt.Sprint(err) != "<nil>" && c.says == "" || c.says != "" &&
			(err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%q: %v, want %q", c.words, err, c.says)
		}
	}
}
