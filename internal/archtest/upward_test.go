package archtest

import (
	"flag"
	"fmt"
	"go/ast"
	"go/types"
	"maps"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// maxUpward bounds the calls that run upward. Lower it when there are fewer.
const maxUpward = 41

var listUpward = flag.Bool("upward", false, "list the calls that run upward")

// TestCallsRunDown counts the calls from one package of the product into another that run upward: what is called is
// written in a package that may import the caller's, and is reached by an interface or a function in a field. Some have
// to be; each is one more thing that a reader of the lower package can't see from there.
func TestCallsRunDown(t *testing.T) {
	c := newCallCount(t)
	for _, p := range c.packages {
		for _, f := range p.Syntax {
			ast.Inspect(f, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					c.count(p, call)
				}
				return true
			})
		}
	}
	t.Logf("%d of %d calls between packages run upward", len(c.upward), len(c.upward)+c.down)
	if *listUpward {
		slices.Sort(c.upward)
		t.Log("\n" + strings.Join(c.upward, "\n"))
	}
	if len(c.upward) > maxUpward {
		t.Errorf("%d calls run upward, %d may: call what is below, or hand the value down (-v -upward lists them)",
			len(c.upward), maxUpward)
	}
	if c.down < 1000 || len(c.upward) == 0 {
		t.Error("the count itself is broken")
	}
}

// callCount tells calls that run down from those that run up.
type callCount struct {
	packages []*packages.Package
	above    map[string]map[string]bool // the rooms that may import one, directly or not
	types    map[string][]types.Type    // the named types of each room
	setBy    map[types.Object][]string  // the rooms in which a field that holds a function is set
	down     int
	upward   []string
}

func newCallCount(t *testing.T) *callCount {
	t.Helper()
	var paths []string
	for room := range rooms {
		if !strings.HasPrefix(room, "internal/") { // what stands in for the machine in tests
			paths = append(paths, module+"/"+room)
		}
	}
	loaded, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedSyntax |
			packages.NeedImports | packages.NeedDeps,
		Dir: root,
	}, paths...)
	if err != nil {
		t.Fatal(err)
	}
	c := &callCount{packages: loaded, above: map[string]map[string]bool{}, types: map[string][]types.Type{},
		setBy: map[types.Object][]string{}}
	for room := range rooms {
		c.above[room] = map[string]bool{}
	}
	for room := range rooms {
		c.markAbove(room, room)
	}
	for _, p := range loaded {
		if len(p.Errors) > 0 {
			t.Fatal(p.Errors)
		}
		scope := p.Types.Scope()
		for _, name := range scope.Names() {
			if tn, ok := scope.Lookup(name).(*types.TypeName); ok && !types.IsInterface(tn.Type()) {
				c.types[roomOf(p)] = append(c.types[roomOf(p)], tn.Type(), types.NewPointer(tn.Type()))
			}
		}
		for _, f := range p.Syntax {
			ast.Inspect(f, func(n ast.Node) bool { c.noteFields(p, n); return true })
		}
	}
	return c
}

// markAbove notes that top is above all that it may import by way of room.
func (c *callCount) markAbove(top, room string) {
	for _, below := range rooms[room] {
		if !c.above[below][top] {
			c.above[below][top] = true
			c.markAbove(top, below)
		}
	}
}

func roomOf(p *packages.Package) string { return strings.TrimPrefix(p.PkgPath, module+"/") }

// noteFields notes where fields that hold functions are set. Who only passes on what was handed in has not written it.
func (c *callCount) noteFields(p *packages.Package, n ast.Node) {
	note := func(field *ast.Ident, value ast.Expr) {
		if handedIn(p, value) {
			return
		}
		if v, ok := p.TypesInfo.ObjectOf(field).(*types.Var); ok && v.IsField() {
			if _, isFunc := v.Type().Underlying().(*types.Signature); isFunc {
				c.setBy[v] = append(c.setBy[v], roomOf(p))
			}
		}
	}
	switch n := n.(type) {
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok {
			note(key, n.Value)
		}
	case *ast.AssignStmt:
		for i, to := range n.Lhs {
			if s, ok := to.(*ast.SelectorExpr); ok {
				note(s.Sel, n.Rhs[min(i, len(n.Rhs)-1)])
			}
		}
	}
}

// handedIn reports whether a value is a variable's, as of a field or a parameter, or was written elsewhere.
func handedIn(p *packages.Package, value ast.Expr) bool {
	var name *ast.Ident
	switch v := ast.Unparen(value).(type) {
	case *ast.Ident:
		name = v
	case *ast.SelectorExpr:
		name = v.Sel
	default:
		return false
	}
	switch o := p.TypesInfo.Uses[name].(type) {
	case *types.Var:
		return true
	case *types.Func:
		return o.Pkg() != p.Types
	}
	return false
}

// count judges one call.
func (c *callCount) count(p *packages.Package, call *ast.CallExpr) {
	var name *ast.Ident
	switch f := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		name = f
	case *ast.SelectorExpr:
		name = f.Sel
	default:
		return
	}
	from := roomOf(p)
	var to []string
	switch callee := p.TypesInfo.Uses[name].(type) {
	case *types.Func:
		if recv := callee.Signature().Recv(); recv != nil && types.IsInterface(recv.Type()) {
			to = c.implementers(recv.Type().Underlying().(*types.Interface), callee.Pkg())
		} else if callee.Pkg() != nil {
			if room, ours := strings.CutPrefix(callee.Pkg().Path(), module+"/"); ours && room != from {
				c.down++
			}
		}
	case *types.Var:
		to = c.setBy[callee]
	}
	for _, room := range to {
		if c.above[from][room] {
			at := p.Fset.Position(call.Pos())
			_, file, _ := strings.Cut(at.Filename, "/"+from+"/")
			c.upward = append(c.upward, fmt.Sprintf("%s/%s:%d %s in %s", from, file, at.Line, name.Name, room))
			return
		}
	}
}

// implementers are the rooms with a type that has all methods of an interface of the module.
func (c *callCount) implementers(i *types.Interface, declared *types.Package) (list []string) {
	if declared == nil || !strings.HasPrefix(declared.Path(), module+"/") {
		return nil
	}
	for _, room := range slices.Sorted(maps.Keys(c.types)) {
		if slices.ContainsFunc(c.types[room], func(t types.Type) bool { return types.Implements(t, i) }) {
			list = append(list, room)
		}
	}
	return list
}
