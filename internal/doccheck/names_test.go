package doccheck

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"testing"
)

// TestDocuments: whatever they name is there.
func TestDocuments(t *testing.T) {
	all := newTree(t)
	names := all.documents()
	if len(names) < 5 {
		t.Fatalf("found %v: not the module's root", names)
	}
	for _, name := range names {
		for _, wrong := range all.faults(name, all.files[name]) {
			t.Error(wrong)
		}
	}
}

// TestComments: files that are named in comments are there.
func TestComments(t *testing.T) {
	all := newTree(t)
	for name, text := range all.files {
		if path.Ext(name) != ".go" {
			continue
		}
		for i, line := range strings.Split(text, "\n") {
			for _, file := range all.missingFiles(line) {
				t.Errorf("%s:%d names %s, which does not exist", name, i+1, file)
			}
		}
	}
}

var (
	comment  = regexp.MustCompile(`^\s*//.*$`)
	fileName = regexp.MustCompile(`[\w./*-]*\w\.(?:go|md)\b`)
)

// missingFiles are the files of ours that a line of comment names and that are not there.
func (t *tree) missingFiles(line string) (missing []string) {
	if !strings.Contains(line, "//") || !strings.Contains(line, ".go") && !strings.Contains(line, ".md") {
		return nil // as most
	}
	for _, name := range fileName.FindAllString(comment.FindString(line), -1) {
		if strings.Contains(name, "//") || strings.HasPrefix(name, "/") || strings.HasPrefix(name, ".") {
			continue // an address
		}
		if strings.Contains(name, "/") && !t.has(name) || !strings.Contains(name, "/") && !t.hasBase(name) {
			missing = append(missing, name)
		}
	}
	return missing
}

// faults are what a document names and that does not exist, a line each.
func (t *tree) faults(name, text string) (all []string) {
	for _, b := range blocks(text) {
		where := fmt.Sprintf("%s:%d", name, b.first)
		wrong := func(format string, args ...any) { all = append(all, where+": "+fmt.Sprintf(format, args...)) }
		if b.code {
			for _, line := range b.lines {
				t.command(strings.TrimSpace(line), wrong)
			}
			continue
		}
		for _, m := range link.FindAllStringSubmatch(b.text(), -1) {
			if to := t.brokenLink(name, text, m[1]); to != "" {
				wrong("a link leads to %s", to)
			}
		}
		for _, span := range spans(b.text()) {
			t.path(span, wrong)
			t.command(span, wrong)
		}
		t.identifiers(b.text(), wrong)
		for _, test := range testName.FindAllString(b.text(), -1) {
			if !t.hasTest(test, false) && !strings.Contains(b.text(), "-run") {
				wrong("there is no test %s", test)
			}
		}
	}
	return all
}

// brokenLink is where a link leads to, if it leads nowhere.
func (t *tree) brokenLink(name, text, to string) string {
	if strings.Contains(to, "://") {
		return ""
	}
	file, anchor, _ := strings.Cut(to, "#")
	if file != "" {
		file = path.Join(path.Dir(name), file)
		if !t.has(file) {
			return file
		}
		text = t.files[file]
	}
	if anchor != "" && !anchors(text)[anchor] {
		return to
	}
	return ""
}

var (
	pathLike = regexp.MustCompile(`^[a-z][\w.*-]*(?:/[\w.*-]+)*/?$`)
	testName = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w*`)
	target   = regexp.MustCompile(`(?:^|[;&] *|\w=\S+ )make ([a-z][a-z0-9-]*)`)
	argsOf   = regexp.MustCompile(`make (\w+) ARGS="([^"]*)"`)
	longFlag = regexp.MustCompile(`(?:^|[ \[])--([a-z][a-z-]*)`)
	dashFlag = regexp.MustCompile(`(?:^| )-([a-z][a-z-]*)`)
	variable = regexp.MustCompile(`(?:^| )([A-Z][A-Z_]+)=`)
	goFiles  = regexp.MustCompile(`\./[\w/]+`)
)

// path looks up code in a text that has the form of a path: one that begins with a folder of ours, or a file of Go or
// Markdown.
func (t *tree) path(span string, wrong func(string, ...any)) {
	if !pathLike.MatchString(span) {
		return
	}
	begin, _, deep := strings.Cut(span, "/")
	ours := t.folders[begin] && deep
	switch ext := path.Ext(span); {
	case ours && !t.has(span), !deep && (ext == ".go" || ext == ".md") && !t.hasBase(span):
		wrong("there is no %s", span)
	}
}

var (
	nameIn  = regexp.MustCompile("`([\\w.]+)` in\\s+`([\\w/]+\\.go)`")           // `name` in `file.go`
	fileOf  = regexp.MustCompile("`([\\w/]+\\.go)` \\((`\\w+`(?:, `\\w+`)*)\\)") // `file.go` (`name`, `name`)
	lastDot = regexp.MustCompile(`^.*\.`)
)

// identifiers looks up names of the code that a text says are in a file.
func (t *tree) identifiers(text string, wrong func(string, ...any)) {
	check := func(name, file string) {
		name = lastDot.ReplaceAllString(name, "")
		if !regexp.MustCompile(`\b` + name + `\b`).MatchString(t.files[file]) {
			wrong("%s has no %s", file, name)
		}
	}
	for _, m := range nameIn.FindAllStringSubmatch(text, -1) {
		check(m[1], m[2])
	}
	for _, m := range fileOf.FindAllStringSubmatch(text, -1) {
		for _, name := range spans(m[2]) {
			check(name, m[1])
		}
	}
}

// command looks up what a command line says: targets, flags, environment variables, packages and tests.
func (t *tree) command(line string, wrong func(string, ...any)) {
	if before, _, found := strings.Cut(line, " #"); found {
		line = before
	}
	for _, m := range target.FindAllStringSubmatch(line, -1) {
		if !t.targets[m[1]] {
			wrong("make has no target %s", m[1])
		}
	}
	for _, m := range argsOf.FindAllStringSubmatch(line, -1) {
		for _, f := range dashFlag.FindAllStringSubmatch(m[2], -1) {
			if !t.says(`"`+f[1]+`"`, "e2e/"+m[1]+"/*.go") {
				wrong("%s has no flag -%s", m[1], f[1])
			}
		}
	}
	if strings.HasPrefix(line, "--") || strings.Contains(line, "holdfast ") {
		for _, f := range longFlag.FindAllStringSubmatch(line, -1) {
			setting := strings.TrimSuffix(f[1], "-file") // every secret may come from a file
			if f[1] != "help" && !t.says(`"`+setting+`"`, "cmd/holdfast/*.go", "node/config/*.go") {
				wrong("holdfast has no flag --%s", f[1])
			}
		}
	}
	if strings.Contains(line, "go test") {
		for _, p := range goFiles.FindAllString(line, -1) {
			if !t.has(strings.TrimPrefix(p, "./")) {
				wrong("there is no %s", p)
			}
		}
		for _, test := range testName.FindAllString(line, -1) {
			if !t.hasTest(test, true) {
				wrong("there is no test %s", test)
			}
		}
	}
	if ours := strings.Contains(line, "make ") || strings.Contains(line, "go test") ||
		strings.Contains(line, "HOLDFAST_"); ours {
		for _, m := range variable.FindAllStringSubmatch(line, -1) {
			if m[1] != "ARGS" && !t.says(m[1], "Makefile", "*/*.go", "*/*/*.go", "*/*.sh", "*/*/*.sh") {
				wrong("nobody reads %s", m[1])
			}
		}
	}
}

// TestWhatIsNotThereIsFound: each kind of name can be missed.
func TestWhatIsNotThereIsFound(t *testing.T) {
	all := newTree(t)
	for text, want := range map[string]string{
		"see `node/node.go`, `node/command` and `node/*.go`": "",
		"see `node/nothing.go`":                              "there is no node/nothing.go",
		"see `nothing.go` and `docs/nothing/`":               "there is no nothing.go",
		"see `node.go` and `COPY a b`":                       "",
		"[a](docs/testing.md#knobs) [b](#here)\n\n# Here":    "",
		"[a](docs/testing.md#nothing)":                       "a link leads to docs/testing.md#nothing",
		"[a](docs/nothing.md)":                               "a link leads to docs/nothing.md",
		"[a](#nothing)":                                      "a link leads to #nothing",
		"`TestDocuments` and TestComments":                   "",
		"`New` in `node/node.go` (`New`)":                    "",
		"`a.Not` in `node/node.go`":                          "node/node.go has no Not",
		"`node/node.go` (`New`, `Not`)":                      "node/node.go has no Not",
		"`TestNotThere`":                                     "there is no test TestNotThere",
		"    go test -run TestNotThere ./internal/doccheck":  "there is no test TestNotThere",
		"    go test -run TestDoc ./internal/doccheck":       "",
		"    go test ./internal/nothing":                     "there is no ./internal/nothing",
		"`make unit`":                                        "",
		"`make nothing`":                                     "make has no target nothing",
		"    SEED=1 make sim        # make what you want":    "",
		"    NOTHING_AT_ALL=1 make nothing":                  "make has no target nothing",
		"    make chaos ARGS=\"-rounds 3\"":                  "",
		"    make chaos ARGS=\"-nothing 3\"":                 "chaos has no flag -nothing",
		"`--port 1` and `holdfast status --json`":            "",
		"`--not-there 1`":                                    "holdfast has no flag --not-there",
		"    holdfast node --not-there":                      "holdfast has no flag --not-there",
	} {
		got := strings.Join(all.faults("README.md", text), "\n")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: %q, wanted %q", text, got, want)
		}
	}
	for line, want := range map[string]int{
		"// see node.go and node/node.go":        0,
		"// see nothing.go, and node/nothing.go": 2,
		"x := \"nothing.go\"":                    0,
	} {
		if got := all.missingFiles(line); len(got) != want {
			t.Errorf("%q: %q", line, got)
		}
	}
}
