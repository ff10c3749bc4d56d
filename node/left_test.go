package node

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/internal/simnet"
)

// TestLogThatIsLeft switches appendonly off and on again, by CONFIG SET or with a start: what was written in between is
// there, or the next start says that it is not.
func TestLogThatIsLeft(t *testing.T) {
	const lost, later, aside = "was not saved, and is lost", "loaded from the dump, which was saved later",
		"is kept aside"
	for name, c := range map[string]struct {
		steps []string // commands; or "start yes", "start no"
		keys  string
		says  string // the last start; "": nothing of the log
	}{
		"kept": {[]string{"set a 1", "start yes"}, "[a]", ""},
		"not saved": {[]string{"set a 1", "config set appendonly no", "set b 1", "start yes"}, "[a]",
			lost},
		"saved": {[]string{"set a 1", "config set appendonly no", "set b 1", "save", "start yes"},
			"[a b]", later},
		"saved, and more": {[]string{"set a 1", "config set appendonly no", "set b 1", "save", "set c 1",
			"start yes"}, "[a b]", later},
		"saved before": {[]string{"set a 1", "save", "set c 1", "config set appendonly no", "set b 1",
			"start yes"}, "[a c]", lost},
		"once more": {[]string{"set a 1", "config set appendonly no", "set b 1", "save", "start yes",
			"set c 1", "start yes"}, "[a b c]", ""},
		"on again": {[]string{"set a 1", "config set appendonly no", "set b 1",
			"config set appendonly yes", "set c 1", "start yes"}, "[a b c]", ""},
		"off and on at once, often": {[]string{"set a 1", "config set appendonly no", "config set appendonly yes",
			"config set appendonly no", "config set appendonly yes", "set b 1", "start yes"}, "[a b]", ""},
		"started without":             {[]string{"set a 1", "start no", "set b 1", "save", "start yes"}, "[b]", aside},
		"started without, not saved":  {[]string{"set a 1", "start no", "set b 1", "start yes"}, "[a]", lost},
		"started without, by mistake": {[]string{"set a 1", "start no", "save", "start yes"}, "[a]", lost},
		"started without, and on": {[]string{"set a 1", "start no", "set b 1", "config set appendonly yes",
			"set c 1", "start yes"}, "[b c]", ""},
		"aside, once more": {[]string{"set a 1", "start no", "set b 1", "save", "start yes", "set c 1",
			"start yes"}, "[b c]", ""},
		"off, then started without": {[]string{"set a 1", "config set appendonly no", "set b 1", "save", "start no",
			"set c 1", "save", "start yes"}, "[a b c]", later},
		"rewritten while off": {[]string{"set a 1", "start no", "set b 1", "bgrewriteaof", "set c 1",
			"start yes"}, "[b]", lost},
		"rewritten while off, saved": {[]string{"start no", "set b 1", "bgrewriteaof", "set c 1", "save", "start yes"},
			"[b c]", later},
		"the dump is gone": {[]string{"set a 1", "config set appendonly no", "set b 1", "save",
			"remove dump.rdb", "start yes"}, "[a]", lost},
	} {
		t.Run(name, func(t *testing.T) {
			world(t, func(t *testing.T, net *simnet.Network) {
				dir, host := t.TempDir(), net.Host("10.0.0.1")
				root, err := os.OpenRoot(dir)
				if err != nil {
					t.Fatal(err)
				}
				defer root.Close()
				var told bytes.Buffer
				var n *Node
				restart := func(appendonly string) {
					if n != nil {
						if err := n.Close(); err != nil {
							t.Fatal(err)
						}
					}
					told.Reset()
					n = start(t, Config{Network: host, Dir: root,
						Logger: slog.New(slog.NewTextHandler(&told, &slog.HandlerOptions{Level: slog.LevelWarn}))},
						"bind 10.0.0.1", "appendonly "+appendonly)
				}
				restart("yes")
				client := dial(t, host, "10.0.0.1")
				for i, step := range c.steps {
					switch words := strings.Fields(step); words[0] {
					case "start":
						restart(words[1])
						client = dial(t, host, "10.0.0.1")
					case "remove":
						if err := os.Remove(filepath.Join(dir, words[1])); err != nil {
							t.Fatal(err)
						}
					default:
						if r := client.do(anys(words)...); strings.HasPrefix(r, "-") {
							t.Fatalf("%s: %s", step, r)
						}
						if words[0] == "bgrewriteaof" || step == "config set appendonly yes" &&
							c.steps[i+1] != "config set appendonly no" {
							time.Sleep(time.Second)
						}
					}
				}
				keys := strings.Fields(strings.Trim(client.do("KEYS", "*"), "[]"))
				slices.Sort(keys)
				if got := fmt.Sprint(keys); got != c.keys {
					t.Errorf("the keys are %s, want %s", got, c.keys)
				}
				if got := told.String(); (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
					t.Errorf("the start said %q, want %q", got, c.says)
				}
				if err := n.Close(); err != nil {
					t.Fatal(err)
				}
				if _, err := root.Stat("appendonlydir"); err != nil {
					t.Error(err)
				}
				left, err := filepath.Glob(filepath.Join(dir, "appendonlydir.left-*"))
				if err != nil || (len(left) == 1) != strings.Contains(c.says+name, "aside") {
					t.Errorf("kept aside: %q, %v", left, err)
				}
			})
		})
	}
}

func anys(words []string) (list []any) {
	for _, w := range words {
		list = append(list, w)
	}
	return list
}
