package lua

import (
	"maps"
	"slices"
)

// OpenLibs opens all libraries.
func (l *State) OpenLibs() {
	l.OpenBase()
	l.OpenCoroutine()
	l.OpenTable()
	l.OpenString()
	l.OpenMath()
	l.OpenOS()
}

// sortedNames gives every state the same tables, in the same order.
func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func (l *State) setGlobal(name string, v Value) { l.globals.SetString(l, name, v) }
