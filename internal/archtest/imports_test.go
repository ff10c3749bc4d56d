package archtest

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

// rooms says what the code of each folder may import of the module. A folder that is missing here fails the test: say
// what it is for first.
var rooms = map[string][]string{
	"setup":        {},
	"lua":          {},
	"lua/probes":   {},
	"lua/clibs":    {"lua"},
	"transport":    {},
	"resp":         {"transport", "internal/bulk"},
	"cluster":      {"transport", "internal/rules"},
	"membership":   {"internal/rules"},
	"netloop/poll": {},
	"netloop":      {"netloop/poll"},
	"replication": {"netloop", "cluster", "membership", "resp", "transport", "internal/bulk", "internal/rules",
		"internal/steps"},
	"node/listpack":    {"internal/bulk"},
	"node/geohash":     {},
	"node/hyperloglog": {},
	"node/programs":    {"resp"},
	"node/store":       {"node/listpack", "node/programs", "internal/bulk"},
	"node/rdb":         {"node/listpack", "internal/bulk"},
	"replication/aof":  {},
	"node/dump":        {"node/listpack", "node/rdb", "node/store"},
	"node/config":      {"resp"},
	"server/tracking":  {"resp"},
	"server/session":   {"server/tracking", "resp", "internal/bulk"},
	"server/pubsub":    {"resp"},
	"server":           {"server/session", "server/pubsub", "server/tracking", "resp", "internal/rules"},
	"node/identity":    {"cluster", "replication", "replication/aof"},
	"node/engine":      {"node/store", "node/config", "replication", "resp", "internal/rules"},
	"node/transfer":    {"resp", "transport"},
	"node/script":      {"lua", "lua/clibs", "node/programs", "resp"},
	"node/command": {"server", "server/session", "server/pubsub", "lua", "node/script", "node/programs",
		"node/transfer", "node/member", "node/persist", "node/engine", "node/store", "node/config", "node/dump",
		"node/geohash", "node/hyperloglog",
		"node/listpack", "node/rdb", "replication", "resp", "internal/bulk", "internal/openfiles", "internal/rules",
		"internal/usage"},
	"node/persist": {"node/engine", "node/identity", "node/programs", "node/store", "node/config", "node/dump",
		"node/rdb", "replication", "replication/aof", "cluster", "resp", "internal/steps"},
	"node/member": {"server", "server/session", "netloop", "node/persist", "node/engine", "node/identity",
		"node/config", "replication", "cluster", "membership", "resp", "transport", "internal/rules",
		"internal/steps"},
	"node/cron": {"server/session", "node/command", "node/member", "node/persist", "node/engine", "node/config",
		"cluster"},
	"door/resp": {"server", "server/session", "netloop", "node/command", "node/member", "node/engine", "node/store",
		"node/config", "replication", "membership", "resp", "internal/rules"},
	"node": {"server", "door/resp", "netloop", "node/cron", "node/command", "node/transfer", "node/member",
		"node/persist", "node/engine", "node/identity", "node/store", "node/config", "replication", "replication/aof",
		"cluster", "transport", "internal/openfiles", "internal/steps"},
	"sentinel/plan": {"cluster", "resp", "internal/rules"},
	"sentinel": {"sentinel/plan", "server", "server/session", "server/pubsub", "cluster", "membership", "resp",
		"transport", "internal/openfiles", "internal/rules", "internal/steps", "internal/usage"},
	"migrate": {"netloop", "node/rdb", "replication", "replication/aof", "resp", "transport"},
	"cmd/holdfast": {"node", "node/command", "node/config", "replication/aof", "migrate", "sentinel", "membership",
		"resp", "transport", "internal/openfiles", "internal/usage"},
	"internal/simnet":  {"transport"},
	"internal/memfs":   {"replication/aof"},
	"internal/servers": {"internal/process"},
	"internal/process": {},
	"internal/linear":  {"resp"},

	"internal/newer": {},

	"internal/bulk":      {},
	"internal/openfiles": {},
	"internal/usage":     {},
	"internal/rules":     {},
	"internal/steps":     {},
	"internal/archtest":  {},
	"internal/doccheck":  {},
}

// forTests are what only tests import, besides what their folder may.
var forTests = []string{"cluster", "internal/simnet", "internal/memfs", "internal/newer", "internal/servers",
	"lua/probes", "transport", "resp"}

// testsOf says what else the tests of a folder import, which run its code as a part of something larger.
var testsOf = map[string][]string{
	"node/persist": {"node/command", "node/member"},
	"door/resp":    {"node/identity", "node/persist", "replication/aof"},
	"node":         {"membership", "server/session"},
}

// outside runs the whole system: its folders may import anything but each other, and nothing imports them.
const outside = "e2e/"

// raftFiles are the sentinel's files around its Raft log; the rest of the sentinel doesn't know how decisions are
// agreed.
var raftFiles = []string{"sentinel/raft*.go", "sentinel/fsm.go", "sentinel/storage.go", "sentinel/keeper.go",
	"sentinel/disk.go", "sentinel/stream.go", "sentinel/identity.go", "sentinel/*_test.go", "e2e/*/*_test.go"}

// guests says which files may import which third-party modules; as patterns of path.Match.
var guests = map[string][]string{
	"github.com/yuin/gopher-lua":              {"e2e/bench/gopherlua/*.go"},
	"github.com/hashicorp/memberlist":         {"cluster/gossip*.go", "cluster/*_test.go", "e2e/*/*_test.go"},
	"github.com/hashicorp/raft":               raftFiles,
	"github.com/hashicorp/raft-boltdb/v2":     raftFiles,
	"github.com/hashicorp/go-hclog":           raftFiles,
	"github.com/spf13/cobra":                  {"cmd/holdfast/*.go"},
	"github.com/schollz/progressbar/v3":       {"cmd/holdfast/meter.go"},
	"github.com/spf13/pflag":                  {"cmd/holdfast/*.go"},
	"golang.org/x/net/nettest":                {"internal/simnet/*_test.go"},
	"golang.org/x/sys/unix":                   {"netloop/poll/*.go", "cmd/holdfast/*.go", "e2e/chaos/*.go"},
	"github.com/redis/go-redis/v9":            {"e2e/*/*.go"},
	"github.com/redis/rueidis":                {"e2e/*/*_test.go"},
	"github.com/HdrHistogram/hdrhistogram-go": {"e2e/*/*.go"},
	"github.com/anishathalye/porcupine":       {"internal/linear/*.go"},
	"go.etcd.io/bbolt":                        raftFiles,
	"golang.org/x/tools/go/packages":          {"internal/archtest/*_test.go"},
}

// source is one file with what it imports.
type source struct {
	file    string // slash path from the module's root
	imports []string
}

func (s source) room() string { return path.Dir(s.file) }

// test says whether a file is only built for tests: internal/servers and internal/process, which run programs, are made
// for nothing else.
func (s source) test() bool {
	return strings.HasSuffix(s.file, "_test.go") || s.room() == "internal/servers" || s.room() == "internal/process"
}

// sources parses the imports of every Go file of the module.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" ||
			d.Name() == "vendor") {
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
	return slices.Contains(rooms[from], to) ||
		(s.test() && (slices.Contains(forTests, to) || slices.Contains(testsOf[from], to)))
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

// TestPermissionsAreUsed: what nobody imports any more, nobody may.
func TestPermissionsAreUsed(t *testing.T) {
	used, files := map[[2]string]bool{}, map[[2]string]bool{}
	for _, s := range sources(t) {
		for _, p := range s.imports {
			if to, inside := strings.CutPrefix(p, module+"/"); inside && !strings.HasSuffix(s.file, "_test.go") {
				used[[2]string{s.room(), to}] = true
			}
			for guest, patterns := range guests {
				for _, pattern := range patterns {
					if fits, err := path.Match(pattern, s.file); err == nil && fits &&
						(p == guest || strings.HasPrefix(p, guest+"/")) {
						files[[2]string{guest, pattern}] = true
					}
				}
			}
		}
	}
	for room, uses := range rooms {
		for _, to := range uses {
			if !used[[2]string{room, to}] {
				t.Errorf("%s does not import %s any more: take it out of rooms", room, to)
			}
		}
	}
	for guest, patterns := range guests {
		if len(patterns) > 0 && &patterns[0] == &raftFiles[0] {
			continue // they share one list
		}
		for _, pattern := range patterns {
			if !files[[2]string{guest, pattern}] {
				t.Errorf("no %s imports %s any more: take it out of guests", pattern, guest)
			}
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

// TestNetworkIsHandedIn: below cmd nobody opens a socket of the machine, or asks its resolver, by itself. The transport
// is where it is done.
func TestNetworkIsHandedIn(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() || strings.HasPrefix(s.file, "cmd/") || strings.HasPrefix(s.file, outside) ||
			s.room() == "transport" {
			continue
		}
		for _, call := range calls(t, s.file, "net") {
			outward := slices.ContainsFunc([]string{"Listen", "Dial", "Lookup", "Resolve", "DefaultResolver"},
				func(p string) bool { return strings.HasPrefix(call, p) })
			if call != "Listener" && outward {
				t.Errorf("%s calls net.%s", s.file, call)
			}
		}
	}
}

// forPrograms are the functions that only the command line calls: files are handed in below it, and nothing there ends
// the process or takes its signals.
var forPrograms = map[string][]string{
	"os": {
		"Exit", "Chdir", "Setenv", "Getenv", "LookupEnv", "Create", "CreateTemp", "DirFS", "Link", "Mkdir", "MkdirAll",
		"MkdirTemp", "Open",
		"OpenFile", "OpenRoot", "ReadDir", "ReadFile", "Remove", "RemoveAll", "Rename", "Stat", "Lstat", "Symlink",
		"Truncate", "WriteFile",
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
