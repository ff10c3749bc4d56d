package script

import (
	"holdfast/lua"
	"holdfast/lua/clibs"
)

// newState makes a state with all that a script finds.
func (r *Runner) newState() *lua.State {
	l := lua.New(lua.Options{Hook: r.Hook, HookSteps: hookSteps})
	r.open(l)
	t := r.register(l, r.functions())
	for name, f := range r.forScripts() {
		t.SetString(l, name, l.NewFunction(f))
	}
	l.Globals().SetString(l, "__redis__err__handler", l.NewFunction(handle))
	l.Globals().SetMetatable(strict(l))
	l.Freeze()
	l.Seed(r.Seed)
	return l
}

// open opens the libraries.
func (r *Runner) open(l *lua.State) {
	l.OpenBase()
	l.OpenTable()
	l.OpenString()
	l.OpenMath()
	l.OpenCoroutine()
	clibs.Open(l)
	l.OpenOS()
	g := l.Globals()
	os := l.NewTable(0, 1)
	os.SetString(l, "clock", g.GetString("os").AsTable().GetString("clock"))
	g.SetString(l, "os", lua.TableValue(os))
	for _, name := range []string{"print", "getfenv", "setfenv", "newproxy"} {
		g.SetString(l, name, lua.Nil)
	}
	g.SetString(l, "pcall", l.NewFunction(pcall))
	g.GetString("string").AsTable().SetString(l, "dump", l.NewFunction(dump))
}

// register makes the table of the API, under both of its names.
func (r *Runner) register(l *lua.State, functions map[string]lua.Function) *lua.Table {
	t := l.Register("redis", functions)
	for name, n := range numbers {
		t.SetString(l, name, lua.Number(n))
	}
	for name, text := range texts {
		t.SetString(l, name, lua.String(text))
	}
	l.Globals().SetString(l, "server", lua.TableValue(t))
	return t
}

// strict is a metatable whose table complains about what it does not have.
func strict(l *lua.State) *lua.Table {
	mt := l.NewTable(0, 1)
	mt.SetString(l, "__index", l.NewFunction(func(l *lua.State) int {
		if l.NArgs() != 2 {
			return l.Errorf("Wrong number of arguments to luaProtectedTableError")
		}
		name := l.Arg(2)
		if !name.IsString() && !name.IsNumber() {
			return l.Errorf("Second argument to luaProtectedTableError must be a string or number")
		}
		return l.Errorf("Script attempted to access nonexistent global variable '%s'", cText(l.ToString(name)))
	}))
	return mt
}

// handle makes of what was raised a table that says where.
func handle(l *lua.State) int {
	err := l.Arg(1)
	t := err.AsTable()
	if t == nil {
		t = l.NewTable(0, 1)
		t.SetString(l, "err", l.NewString("ERR "+l.ToString(err)))
	}
	if _, _, ok := l.Position(1); ok {
		source, line := place(l, 1)
		t.SetString(l, "source", lua.String(source))
		t.SetString(l, "line", lua.Number(float64(line)))
	}
	l.PushTable(t)
	return 1
}

// dump is string.dump. There are no binary chunks: what it answers can't be loaded, as in Redis.
func dump(l *lua.State) int {
	if f := l.Arg(1); !f.IsFunction() {
		return l.ArgTypeError(1, "function")
	}
	l.PushString("\x1bLua")
	return 1
}

// pcall is Lua's, but of an error of a command it gives the text.
func pcall(l *lua.State) int {
	if l.NArgs() == 0 { // the status, which stands where the function should, is called
		l.PushBool(false)
		l.Push(lua.String("attempt to call a boolean value"))
		return 2
	}
	n := lua.Pcall(l)
	first := l.NArgs() - n + 1
	if n == 2 && !l.Arg(first).Truthy() {
		if t := l.Arg(first + 1).AsTable(); t != nil {
			text := t.GetString("err")
			if !text.IsString() && !text.IsNumber() { // Redis leaves it behind the table
				l.Push(text)
				return n + 1
			}
			l.SetArg(first+1, text)
		}
	}
	return n
}
