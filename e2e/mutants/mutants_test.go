package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"testing"
)

const root = "../.."

// constants are the names in internal/rules.
func constants(t *testing.T) (names []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, rulesFile), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			for _, name := range v.Names {
				names = append(names, name.Name)
			}
		}
		return true
	})
	if len(names) < 30 {
		t.Fatalf("%s has %d constants", rulesFile, len(names))
	}
	return names
}

// TestEveryRuleHasItsMutant: each constant of internal/rules is switched off by one mutant. (internal/archtest sees
// that the product asks for it.)
func TestEveryRuleHasItsMutant(t *testing.T) {
	source, err := os.ReadFile(filepath.Join(root, rulesFile))
	if err != nil {
		t.Fatal(err)
	}
	times := map[string]int{}
	for _, m := range mutants {
		times[m.constant]++
		if off, err := switchedOff(source, m.constant); err != nil {
			t.Errorf("%s: %v", m.off, err)
		} else if bytes.Equal(off, source) {
			t.Errorf("%s: nothing is switched off", m.off)
		}
	}
	for _, name := range constants(t) {
		if times[name] != 1 {
			t.Errorf("rules.%s has %d mutants", name, times[name])
		}
	}
}
