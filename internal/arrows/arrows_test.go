// Package arrows checks which room of Holdfast imports which. It has no code of its own: the house stays in order because its test says so.
//
// Imports point downwards: the programs know the node and the sentinel, these know what they are built of, and nothing knows what stands above
// it. Node and sentinel never import each other; they meet over the wire. Third-party modules are let in by name, each by the files that need it.
package arrows

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module = "holdfast"
	root   = "../.."
)

// rooms says what the code of each folder may import of the module. A folder that is missing here fails the test: say what it is for first.
var rooms = map[string][]string{
	"transport":        {},
	"resp":             {"transport"},
	"cluster":          {"transport"},
	"replication":      {"resp", "transport", "cluster"},
	"node/listpack":    {},
	"node/store":       {"node/listpack"},
	"node/rdb":         {"node/listpack"},
	"replication/aof":  {},
	"node/dump":        {"node/listpack", "node/rdb", "node/store"},
	"node/config":      {"resp"},
	"node/tracking":    {},
	"node/session":     {"node/tracking", "resp"},
	"node/pubsub":      {"resp"},
	"node/poll":        {},
	"node/command":     {"node/session", "node/tracking", "node/store", "node/pubsub", "node/config", "node/dump", "node/listpack", "node/rdb", "resp", "replication"},
	"node":             {"node/poll", "node/command", "node/session", "node/store", "node/pubsub", "node/config", "node/dump", "node/rdb", "replication", "replication/aof", "cluster", "resp", "transport"},
	"sentinel":         {"cluster", "resp", "transport"},
	"migrate":          {"node/rdb", "replication", "replication/aof", "resp", "transport"},
	"cmd/holdfast":     {"node", "node/command", "node/config", "node/rdb", "replication/aof", "migrate", "sentinel", "cluster", "resp", "transport"},
	"internal/simnet":  {"transport"},
	"internal/memfs":   {"replication/aof"},
	"internal/servers": {},
	"internal/linear":  {"resp"},
	"internal/arrows":  {},
}

// forTests are what only tests import, besides what their folder may.
var forTests = []string{"internal/simnet", "internal/memfs", "internal/servers", "transport", "resp"}

// outside runs the whole system: its folders may import anything but each other, and nothing imports them.
const outside = "e2e/"

// raftFiles are the sentinel's files around its Raft log; the rest of the sentinel doesn't know how decisions are agreed.
var raftFiles = []string{"sentinel/raft*.go", "sentinel/fsm.go", "sentinel/storage.go", "sentinel/disk.go", "sentinel/stream.go", "sentinel/*_test.go"}

// guests says which files may import which third-party modules; as patterns of path.Match.
var guests = map[string][]string{
	"github.com/hashicorp/memberlist":         {"cluster/gossip*.go", "cluster/*_test.go"},
	"github.com/hashicorp/raft":               raftFiles,
	"github.com/hashicorp/raft-boltdb/v2":     raftFiles,
	"github.com/hashicorp/go-hclog":           raftFiles,
	"github.com/spf13/cobra":                  {"cmd/holdfast/*.go"},
	"github.com/schollz/progressbar/v3":       {"cmd/holdfast/meter.go"},
	"github.com/spf13/pflag":                  {"cmd/holdfast/*.go"},
	"golang.org/x/net/nettest":                {"internal/simnet/*_test.go"},
	"golang.org/x/sys/unix":                   {"node/poll/*.go", "cmd/holdfast/*.go", "e2e/chaos/*.go"},
	"github.com/redis/go-redis/v9":            {"e2e/*/*.go"},
	"github.com/HdrHistogram/hdrhistogram-go": {"e2e/*/*.go"},
	"github.com/anishathalye/porcupine":       {"internal/linear/*.go"},
	"go.etcd.io/bbolt":                        raftFiles,
}

// source is one file with what it imports.
type source struct {
	file    string // slash path from the module's root
	imports []string
}

func (s source) room() string { return path.Dir(s.file) }

// test says whether a file is only built for tests, internal/servers, which runs programs, being made for nothing else.
func (s source) test() bool {
	return strings.HasSuffix(s.file, "_test.go") || s.room() == "internal/servers"
}

// sources parses the imports of every Go file of the module.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "vendor") {
			return fs.SkipDir
		}
		if d.IsDir() || filepath.Ext(name) != ".go" {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		s := source{file: filepath.ToSlash(rel)}
		for _, i := range parsed.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, p)
		}
		all = append(all, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 50 {
		t.Fatalf("found %d files: not the module's root", len(all))
	}
	return all
}

func TestImportsPointDown(t *testing.T) {
	for _, s := range sources(t) {
		for _, p := range s.imports {
			to, inside := strings.CutPrefix(p, module+"/")
			if inside && !mayImport(s, to) {
				t.Errorf("%s must not import %s", s.file, to)
			}
		}
	}
}

// mayImport judges one import of a package of the module.
func mayImport(s source, to string) bool {
	from := s.room()
	switch {
	case from == to: // an external test package
		return s.test()
	case strings.HasPrefix(to, outside):
		return false
	case strings.HasPrefix(s.file, outside):
		return true
	case to == "internal/simnet":
		return s.test()
	}
	return slices.Contains(rooms[from], to) || (s.test() && slices.Contains(forTests, to))
}

func TestEveryRoomIsKnown(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range sources(t) {
		seen[s.room()] = true
	}
	for room := range seen {
		if _, known := rooms[room]; !known && !strings.HasPrefix(room, outside) {
			t.Errorf("%s has no line in rooms", room)
		}
	}
	for room := range rooms {
		if !seen[room] {
			t.Errorf("rooms has a line for %s, which has no file", room)
		}
	}
}

// TestRoomsHaveNoCycle checks the table itself: whoever widens it can't make two rooms know each other.
func TestRoomsHaveNoCycle(t *testing.T) {
	below := maps.Clone(rooms)
	for len(below) > 0 {
		var free []string
		for room, uses := range below {
			if !slices.ContainsFunc(uses, func(u string) bool { _, open := below[u]; return open }) {
				free = append(free, room)
			}
		}
		if len(free) == 0 {
			t.Fatalf("these import each other: %v", slices.Sorted(maps.Keys(below)))
		}
		for _, room := range free {
			delete(below, room)
		}
	}
}

func TestGuestsAreAnnounced(t *testing.T) {
	for _, s := range sources(t) {
		for _, p := range s.imports {
			domain, _, _ := strings.Cut(p, "/")
			if p == module || strings.HasPrefix(p, module+"/") || !strings.Contains(domain, ".") {
				continue
			}
			if !welcome(t, s.file, p) {
				t.Errorf("%s must not import %s", s.file, p)
			}
		}
	}
}

// welcome judges one import of a third-party package.
func welcome(t *testing.T, file, p string) bool {
	t.Helper()
	for guest, files := range guests {
		if p != guest && !strings.HasPrefix(p, guest+"/") {
			continue
		}
		for _, pattern := range files {
			fits, err := path.Match(pattern, file)
			if err != nil {
				t.Fatal(err)
			}
			if fits {
				return true
			}
		}
	}
	return false
}

// TestNetworkIsHandedIn: below cmd nobody opens a socket of the machine, or asks its resolver, by itself. The transport is where it is done.
func TestNetworkIsHandedIn(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() || strings.HasPrefix(s.file, "cmd/") || strings.HasPrefix(s.file, outside) || s.room() == "transport" {
			continue
		}
		for _, call := range calls(t, s.file, "net") {
			outward := slices.ContainsFunc([]string{"Listen", "Dial", "Lookup", "Resolve", "DefaultResolver"}, func(p string) bool { return strings.HasPrefix(call, p) })
			if call != "Listener" && outward {
				t.Errorf("%s calls net.%s", s.file, call)
			}
		}
	}
}

// forPrograms are the functions that only the command line calls: files are handed in below it, and nothing there ends the
// process or takes its signals.
var forPrograms = map[string][]string{
	"os": {
		"Exit", "Chdir", "Setenv", "Getenv", "LookupEnv", "Create", "CreateTemp", "DirFS", "Link", "Mkdir", "MkdirAll", "MkdirTemp", "Open",
		"OpenFile", "OpenRoot", "ReadDir", "ReadFile", "Remove", "RemoveAll", "Rename", "Stat", "Lstat", "Symlink", "Truncate", "WriteFile",
	},
	"log":    {"Fatal", "Fatalf", "Fatalln"},
	"signal": {"Notify", "NotifyContext", "Ignore"},
}

func TestProcessIsLeftToTheCommandLine(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() || strings.HasPrefix(s.file, "cmd/") || strings.HasPrefix(s.file, outside) {
			continue
		}
		for pkg, names := range forPrograms {
			if !slices.ContainsFunc(s.imports, func(p string) bool { return path.Base(p) == pkg }) {
				continue // a variable of that name
			}
			for _, call := range calls(t, s.file, pkg) {
				if slices.Contains(names, call) {
					t.Errorf("%s calls %s.%s", s.file, pkg, call)
				}
			}
		}
	}
}
