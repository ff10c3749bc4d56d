package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestEveryRuleIsEnforced: code of the product asks for each constant of internal/rules. (e2e/mutants holds them beside
// its list.)
func TestEveryRuleIsEnforced(t *testing.T) {
	names, _ := named(t, "internal/rules/rules.go")
	used := usedOf(t, "internal/rules")
	for _, name := range names {
		if !used[name] {
			t.Errorf("rules.%s is enforced nowhere", name)
		}
	}
}

// TestEveryStepIsAnnounced: code of the product announces each step, and All lists it.
func TestEveryStepIsAnnounced(t *testing.T) {
	names, listed := named(t, "internal/steps/steps.go")
	used := usedOf(t, "internal/steps")
	for _, name := range names {
		if !used[name] {
			t.Errorf("steps.%s is announced nowhere", name)
		}
		if !slices.Contains(listed, name) {
			t.Errorf("All does not list steps.%s", name)
		}
	}
}

// named are the constants of a file, and the names in its function All.
func named(t *testing.T, file string) (constants, listed []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, filepath.FromSlash(file)), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			for _, name := range n.Names {
				constants = append(constants, name.Name)
			}
		case *ast.FuncDecl:
			if n.Name.Name == "All" {
				ast.Inspect(n.Body, func(n ast.Node) bool {
					if id, ok := n.(*ast.Ident); ok {
						listed = append(listed, id.Name)
					}
					return true
				})
			}
		}
		return true
	})
	if len(constants) < 10 {
		t.Fatalf("%s has %d constants", file, len(constants))
	}
	return constants, listed
}

// usedOf are the names of a package that code of the product uses.
func usedOf(t *testing.T, pkg string) map[string]bool {
	t.Helper()
	used := map[string]bool{}
	for _, s := range sources(t) {
		if s.test() || strings.HasPrefix(s.file, outside) || !slices.Contains(s.imports, module+"/"+pkg) {
			continue
		}
		for _, name := range calls(t, s.file, path.Base(pkg)) {
			used[name] = true
		}
	}
	return used
}
