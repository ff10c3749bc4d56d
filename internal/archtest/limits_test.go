package archtest

import (
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// How large things may be.
const (
	maxColumns = 120 // of a line of Go, a tab counting as tabWidth; documents are internal/doccheck's
	tabWidth   = 4
	maxFile    = 500  // lines of a file that is no test
	maxPackage = 6000 // lines of a package of the product, tests left out
	maxNode    = 1000 // likewise of node, which only puts together what is below it
)

// tooLong are files of more than maxFile lines, with the most that they may have. None is to be added.
var tooLong = map[string]int{}

// sizeReason begins the paragraph of a doc.go that says why a package has more than maxPackage lines.
const sizeReason = "\nIts size: "

// linesOf reads a file of the module.
func linesOf(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func TestLinesAreShort(t *testing.T) {
	for _, s := range sources(t) {
		for i, line := range linesOf(t, s.file) {
			if n := utf8.RuneCountInString(line) + (tabWidth-1)*strings.Count(line, "\t"); n > maxColumns {
				t.Errorf("%s:%d has %d columns, %d may be", s.file, i+1, n, maxColumns)
			}
		}
	}
}

func TestFilesAreShort(t *testing.T) {
	long := maps.Clone(tooLong)
	for _, s := range sources(t) {
		if strings.HasSuffix(s.file, "_test.go") {
			continue
		}
		n, most := len(linesOf(t, s.file)), maxFile
		if known, ok := long[s.file]; ok {
			delete(long, s.file)
			if n <= maxFile {
				t.Errorf("%s has %d lines now: take it out of tooLong", s.file, n)
			}
			most = known
		}
		if n > most {
			t.Errorf("%s has %d lines, %d may be: cut it by subject", s.file, n, most)
		}
	}
	for file := range long {
		t.Errorf("tooLong has %s, which is not there", file)
	}
}

// TestPackagesAreSmall: a package of the product that is larger than others says why in its doc.go.
func TestPackagesAreSmall(t *testing.T) {
	lines := map[string]int{}
	for _, s := range sources(t) {
		if !s.test() && !strings.HasPrefix(s.file, outside) {
			lines[s.room()] += len(linesOf(t, s.file))
		}
	}
	if n := lines["node"]; n > maxNode {
		t.Errorf("node has %d lines, %d may be: what can be told apart has a package of its own below it", n, maxNode)
	}
	for _, room := range slices.Sorted(maps.Keys(lines)) {
		if room == "node" {
			continue // it has a limit of its own
		}
		says := strings.Contains(docOf(t, room), sizeReason)
		if n := lines[room]; n > maxPackage && !says {
			t.Errorf("%s has %d lines, %d may be, unless its doc.go says why (\"Its size: …\")", room, n, maxPackage)
		} else if n <= maxPackage && says {
			t.Errorf("%s has %d lines: its doc.go need not say why it is large", room, n)
		}
	}
}

// docOf is what the doc.go of a package says.
func docOf(t *testing.T, room string) string {
	t.Helper()
	file := filepath.Join(root, filepath.FromSlash(path.Join(room, "doc.go")))
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Doc.Text()
}
