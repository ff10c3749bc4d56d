package archtest

import (
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryPackageSaysWhatItIsFor: in its doc.go, and nowhere else, where whoever is new looks for it.
func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	said := map[string]bool{}
	for _, s := range sources(t) {
		said[s.room()] = said[s.room()] || false
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, filepath.FromSlash(s.file)), nil,
			parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		comment := parsed.Doc.Text()
		switch {
		case path.Base(s.file) == "doc.go":
			said[s.room()] = strings.HasPrefix(comment, "Package ") || strings.HasPrefix(comment, "Command ")
		case comment != "":
			t.Errorf("%s has a comment on its package: move it to doc.go", s.file)
		}
	}
	for room, ok := range said {
		if !ok {
			t.Errorf("%s has no doc.go that says what it is for", room)
		}
	}
}
