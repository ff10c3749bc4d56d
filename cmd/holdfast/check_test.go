package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	setFoo = "*3\r\n$3\r\nSET\r\n$3\r\nfoo\r\n$5\r\nhello\r\n"
	multi  = "*1\r\n$5\r\nmulti\r\n"
	base   = "file appendonly.aof.1.base.aof seq 1 type b\n"
	incr   = "file appendonly.aof.1.incr.aof seq 1 type i\n"
	dump   = "REDIS0010\xfe\x00\x00\x01k\x01v\xff\x00\x00\x00\x00\x00\x00\x00\x00"
)

// TestCheckLog: it tells what is wrong and where, cuts off with --fix what is no whole command at the end of the last
// file, and nothing in an earlier one.
func TestCheckLog(t *testing.T) {
	for _, c := range []struct {
		name, manifest, base, incr string
		says                       string // of the first check, when it fails
		fixed                      string // "": it can't be
		left                       string // of the incremental file
		second                     string // another one
		discard                    int    // so many whole commands would be lost
	}{
		{name: "commands alone", manifest: incr, incr: setFoo + setFoo},
		{name: "base of commands", manifest: base + incr, base: setFoo, incr: setFoo},
		{name: "base of a snapshot and commands", manifest: base + incr, base: dump + setFoo, incr: setFoo},
		{name: "torn", manifest: incr, incr: setFoo + setFoo[:len(setFoo)-1], says: "from byte 33 on",
			fixed: "cut off at offset 33", left: setFoo},
		{name: "unfinished transaction", manifest: incr, incr: setFoo + multi + setFoo, says: "from byte 33 on",
			fixed: "cut off at offset 33", left: setFoo},
		{name: "no command", manifest: incr, incr: setFoo + "!!!" + setFoo, says: "damaged at byte 33",
			fixed: "cut off at offset 33", left: setFoo, discard: 1},
		{name: "a hole", manifest: incr, incr: setFoo + strings.Repeat("\x00", 5000) + strings.Repeat(setFoo, 7),
			says:  "damaged at byte 33",
			fixed: "cut off at offset 33", left: setFoo, discard: 7},
		{name: "two holes", manifest: incr, incr: setFoo + "\x00\x00" + setFoo + setFoo + "*3\r\n\x00\x00" + setFoo +
			multi, says: "damaged at byte 33",
			fixed: "cut off at offset 33", left: setFoo, discard: 3},
		{name: "a length that takes in the rest", manifest: incr,
			incr: setFoo + strings.Replace(setFoo, "$5", "$99", 1) + setFoo, says: "from byte 33 on",
			fixed: "cut off at offset 33", left: setFoo, discard: 1},
		{name: "a file behind the damaged one", manifest: incr + "file appendonly.aof.2.incr.aof seq 2 type i\n",
			incr: setFoo + "!" + setFoo, second: setFoo + setFoo,
			says: "damaged at byte 33", fixed: "cut off at offset 33", left: setFoo, discard: 3},
		{name: "values that look like commands", manifest: incr, incr: setFoo + "!*1\r\n*1\r\n$*1\r\n$0",
			says: "damaged at byte 33", fixed: "cut off at offset 33", left: setFoo},
		{name: "unfinished transaction in the base", manifest: base + incr, base: setFoo + multi + setFoo, incr: setFoo,
			says: "appendonly.aof.1.base.aof", left: setFoo},
		{name: "damaged snapshot", manifest: base + incr, base: strings.Replace(dump, "\xfe", "\xee", 1), incr: setFoo,
			says: "appendonly.aof.1.base.aof", left: setFoo},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range map[string]string{"manifest": c.manifest, "1.base.aof": c.base,
				"1.incr.aof": c.incr, "2.incr.aof": c.second} {
				path := filepath.Join(dir, "appendonlydir", "appendonly.aof."+name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			check := func(args ...string) (string, error) {
				var out bytes.Buffer
				command := checkLogCommand()
				command.SilenceErrors, command.SilenceUsage = true, true
				command.SetOut(&out)
				command.SetArgs(append(args, dir))
				err := command.Execute()
				return out.String(), err
			}
			text, err := check()
			if c.says == "" {
				if err != nil || !strings.Contains(text, "the log is whole") {
					t.Fatalf("%v: %s", err, text)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v instead of %q: %s", err, c.says, text)
			}
			for _, args := range [][]string{{"--fix"}, {"--fix", "--discard", fmt.Sprint(c.discard + 1)},
				{"--discard", fmt.Sprint(c.discard)}} {
				if c.discard == 0 {
					break
				}
				want := fmt.Sprintf("%d whole commands are among", c.discard)
				if text, err := check(args...); err == nil || !strings.Contains(err.Error(), want) {
					t.Fatalf("%q: %v: %s", args, err, text)
				}
				got, err := os.ReadFile(filepath.Join(dir, "appendonlydir", "appendonly.aof.1.incr.aof"))
				if err != nil || string(got) != c.incr {
					t.Fatalf("%q: the file is %q now, %v", args, got, err)
				}
			}
			text, err = check("--fix", "--discard", fmt.Sprint(c.discard))
			if fixed := err == nil; fixed != (c.fixed != "") || !strings.Contains(text, c.fixed) {
				t.Fatalf("--fix: %v: %s", err, text)
			}
			got, err := os.ReadFile(filepath.Join(dir, "appendonlydir", "appendonly.aof.1.incr.aof"))
			if err != nil || string(got) != c.left {
				t.Fatalf("what is left is %q, %v", got, err)
			}
			if text, err = check(); (err == nil) != (c.fixed != "") {
				t.Fatalf("after --fix: %v: %s", err, text)
			}
		})
	}
}
