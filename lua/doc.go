// Package lua is Lua 5.1 in Go: a compiler to register code, a virtual machine, and the libraries that need no files.
// It behaves as the original does, down to the texts of errors, the order in which next walks a table, and the limits;
// testdata/probes holds what the original answers to some thousand questions, and its tests ask lua5.1 many more.
//
// A State is a stack of values and of calls; New makes one, OpenLibs fills it. Compile makes a Proto, which never
// changes and may be loaded into many states at once. A Function is a Go function that Lua calls: it finds its
// arguments on the state's stack and pushes its results, without allocating.
//
//	l := lua.New(lua.Options{MemoryLimit: 64 << 20})
//	l.OpenLibs()
//	p, err := lua.Compile("return 6 * 7", "=answer")
//	l.Load(p)
//	err = l.PCall(0, 1)
//	answer := l.Top().AsNumber()
//
// Scripts that nobody trusts are bounded in every way: in memory (memory.go says how it is counted), in steps, which a
// hook counts and may end a script at (Options.Hook), in the depth of calls, of syntax and of patterns. Freeze and
// Reset let a pool of states run one script after the other without one seeing what another left.
//
// Where to begin: value.go has what a value is, opcodes.go the machine's instructions, vm.go its loop, parser.go and
// code.go what makes code of a source, table.go the tables, call.go how calls and errors work.
//
// Its size: a language, in thirds: what compiles, what runs, and the libraries. All share how values, instructions and
// stacks are laid out, which a package between them would have to show to everybody.
//
// What is left out: binary chunks (string.dump, and load of what begins with an escape), the libraries io, debug and
// package, what reads files, and most of os; finalizers. Weak tables lose what is dead when memory is counted. Powers,
// sines and the like are Go's, whose 17th digit is sometimes another than C's. Patterns may nest 5,000 items.
//
// The structure of compiler, tables and calls follows PUC-Rio's Lua 5.1, whose licence is in LICENSE-lua.
package lua
