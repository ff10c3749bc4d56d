package doccheck

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

const root = "../.."

// tree is what documents may name.
type tree struct {
	files   map[string]string // text of every file, by its path from the root; empty for what is no text of ours
	folders map[string]bool
	bases   map[string]bool // names of files without their folders
	tests   map[string]bool // functions of tests, benchmarks and fuzz targets
	targets map[string]bool // of the Makefile
}

// texts are the endings of files whose text is looked at.
var texts = map[string]bool{".go": true, ".md": true, ".sh": true, ".py": true, ".yml": true, "": true}

var (
	testFunc   = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w*)\(`)
	makeTarget = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):`)
)

func newTree(t *testing.T) *tree {
	t.Helper()
	all, err := readTree()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// readTree reads the tree once for all tests.
var readTree = sync.OnceValues(func() (*tree, error) {
	all := &tree{map[string]string{}, map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		switch {
		case d.IsDir() && (rel == ".git" || rel == "bin" || strings.HasPrefix(rel, "holdfast-")):
			// what is made, not kept
			return fs.SkipDir
		case d.IsDir():
			all.folders[rel] = true
		default:
			all.bases[d.Name()] = true
			all.files[rel] = ""
			if texts[path.Ext(rel)] {
				text, err := os.ReadFile(name)
				if err != nil {
					return err
				}
				all.files[rel] = string(text)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for name, text := range all.files {
		if strings.HasSuffix(name, "_test.go") {
			for _, m := range testFunc.FindAllStringSubmatch(text, -1) {
				all.tests[m[1]] = true
			}
		}
	}
	for _, m := range makeTarget.FindAllStringSubmatch(all.files["Makefile"], -1) {
		all.targets[m[1]] = true
	}
	return all, nil
})

// documents are the paths of all Markdown files for readers.
func (t *tree) documents() (names []string) {
	for name := range t.files {
		if path.Ext(name) == ".md" && (name == "README.md" || strings.HasPrefix(name, "docs/")) {
			names = append(names, name)
		}
	}
	return names
}

// has reports whether there is a file or folder of that path, which may be a pattern.
func (t *tree) has(name string) bool {
	name = strings.TrimSuffix(name, "/")
	if _, ok := t.files[name]; ok || t.folders[name] {
		return true
	}
	if strings.Contains(name, "*") {
		for file := range t.files {
			if ok, err := path.Match(name, file); ok && err == nil {
				return true
			}
		}
	}
	return false
}

// hasBase is has for a name without its folder.
func (t *tree) hasBase(name string) bool {
	if t.bases[name] {
		return true
	}
	if strings.Contains(name, "*") {
		for base := range t.bases {
			if ok, err := path.Match(name, base); ok && err == nil {
				return true
			}
		}
	}
	return false
}

// hasTest reports whether there is a test of that name, or, where it is a pattern of go test -run, one that begins so.
func (t *tree) hasTest(name string, pattern bool) bool {
	if t.tests[name] || !pattern {
		return t.tests[name]
	}
	for test := range t.tests {
		if strings.HasPrefix(test, name) {
			return true
		}
	}
	return false
}

// says reports whether a text stands in a file that one of the patterns fits.
func (t *tree) says(text string, patterns ...string) bool {
	for name, content := range t.files {
		for _, p := range patterns {
			if ok, err := path.Match(p, name); ok && err == nil && strings.Contains(content, text) {
				return true
			}
		}
	}
	return false
}
