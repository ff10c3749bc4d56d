package script

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"holdfast/lua"
	"holdfast/node/programs"
	"holdfast/resp"
)

// Library is a library of functions.
type Library struct {
	Name, Code string
	Functions  []*Function // in the order of their names
}

// Function is a function of a library, which FCALL calls.
type Function struct {
	Name        string
	Description string
	Described   bool
	Flags       Flags
	Library     *Library

	callback string // where Libraries.callbacks has it
}

// FlagNames are the names of the function's flags.
func (f *Function) FlagNames() (names []string) {
	for _, n := range flagNames {
		if f.Flags&n.flag != 0 {
			names = append(names, n.name)
		}
	}
	return names
}

// Libraries are the libraries of a data set, loaded: their code has run, and said which functions there are. All of
// them share one state, as in Redis. Its variables last from call to call, and are no data: every member has its own.
type Libraries struct {
	r         *Runner
	l         *lua.State // nil: nothing was loaded yet
	globals   *lua.Table // whose __index says what code finds
	running   lua.Value  // what functions find
	loading   lua.Value  // what the code of a library finds
	callbacks *lua.Table
	nextID    int

	set     *programs.Set
	version int // of set, for which the rest is
	byName  map[string]*Library
	byFunc  map[string]*Function // by their names in lower case

	now  *Library // that is being loaded
	left int      // hooks that its code may take still
}

// NewLibraries makes the libraries of a data set, which are loaded when they are asked for.
func (r *Runner) NewLibraries(set *programs.Set) *Libraries {
	ls := &Libraries{r: r}
	ls.Adopt(set)
	return ls
}

// Adopt has the libraries be those of another data set.
func (ls *Libraries) Adopt(set *programs.Set) { ls.set, ls.version = set, -1 }

// sync loads what is not loaded yet. What was sound where it came from, and can't be loaded here, is left out.
func (ls *Libraries) sync() {
	if ls.version == ls.set.Version {
		return
	}
	old := ls.byName
	ls.byName, ls.byFunc = map[string]*Library{}, map[string]*Function{}
	for _, name := range ls.set.Names() {
		code, _ := ls.set.Library(name)
		lib := old[name]
		if lib == nil || lib.Code != code {
			var err error
			if lib, err = ls.load(code); err != nil {
				ls.r.Logger.Error("a library of functions can't be loaded", "library", name, "err", err)
				continue
			}
		}
		ls.link(lib)
	}
	for name, lib := range old {
		if ls.byName[name] != lib {
			ls.release(lib)
		}
	}
	ls.version = ls.set.Version
}

func (ls *Libraries) link(lib *Library) {
	ls.byName[lib.Name] = lib
	for _, f := range lib.Functions {
		ls.byFunc[strings.ToLower(f.Name)] = f
	}
}

// release lets go of what a library's functions hold.
func (ls *Libraries) release(lib *Library) {
	for _, f := range lib.Functions {
		ls.callbacks.SetString(ls.l, f.callback, lua.Nil)
	}
}

// Find is a function by its name, whatever the case of its letters; nil if there is none.
func (ls *Libraries) Find(name []byte) *Function {
	ls.sync()
	if f := ls.byFunc[string(name)]; f != nil {
		return f
	}
	return ls.byFunc[strings.ToLower(string(name))]
}

// All are the libraries, in the order of their names.
func (ls *Libraries) All() (all []*Library) {
	ls.sync()
	for _, name := range slices.Sorted(maps.Keys(ls.byName)) {
		all = append(all, ls.byName[name])
	}
	return all
}

// Count is how many libraries and functions there are.
func (ls *Libraries) Count() (libraries, functions int) {
	ls.sync()
	return len(ls.byName), len(ls.byFunc)
}

// Memory is what the state takes that functions run in, with garbage.
func (ls *Libraries) Memory() int64 {
	if ls.l == nil {
		return 0
	}
	return ls.l.MemoryUsed()
}

// loadHooks is for how many hooks the code of a library may run: half a second.
const loadHooks = 1000

// Load loads a library and puts it into the data set. The errors are replies.
func (ls *Libraries) Load(code []byte, replace bool) (name string, err error) {
	ls.sync()
	name, _, err = programs.Metadata(string(code))
	if err != nil {
		return "", err
	}
	old := ls.byName[name]
	if old != nil && !replace {
		return "", resp.Error("ERR Library '" + name + "' already exists")
	}
	lib, err := ls.load(string(code))
	if err != nil {
		return "", err
	}
	for _, f := range lib.Functions {
		if other := ls.byFunc[strings.ToLower(f.Name)]; other != nil && other.Library != old {
			ls.release(lib)
			return "", resp.Error("ERR Function " + f.Name + " already exists")
		}
	}
	if old != nil {
		ls.unlink(old)
	}
	ls.link(lib)
	ls.set.SetLibrary(name, lib.Code)
	ls.version = ls.set.Version
	return name, nil
}

func (ls *Libraries) unlink(lib *Library) {
	delete(ls.byName, lib.Name)
	for _, f := range lib.Functions {
		delete(ls.byFunc, strings.ToLower(f.Name))
	}
	ls.release(lib)
}

// Check says why these libraries can't all be loaded beside those that are there, or, with replace, in place of those
// with their names; alone: in place of all.
func (ls *Libraries) Check(codes [][]byte, replace, alone bool) error {
	ls.sync()
	var all []*Library
	defer func() {
		for _, lib := range all {
			ls.release(lib)
		}
	}()
	names, functions := map[string]bool{}, map[string]string{}
	for _, code := range codes {
		name, _, err := programs.Metadata(string(code))
		if err != nil {
			return err
		}
		if names[name] {
			return resp.Error("ERR Library '" + name + "' already exists")
		}
		names[name] = true
		lib, err := ls.load(string(code))
		if err != nil {
			return err
		}
		all = append(all, lib)
		for _, f := range lib.Functions {
			key := strings.ToLower(f.Name)
			if functions[key] != "" {
				return resp.Error("ERR Function " + f.Name + " already exists")
			}
			functions[key] = f.Name
		}
	}
	if alone {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if ls.byName[name] != nil && !replace {
			return resp.Error("ERR Library " + name + " already exists")
		}
	}
	for _, key := range slices.Sorted(maps.Keys(functions)) {
		if f := ls.byFunc[key]; f != nil && !names[f.Library.Name] {
			return resp.Error("ERR Function " + functions[key] + " already exists")
		}
	}
	return nil
}

// load runs the code of a library, which registers its functions.
func (ls *Libraries) load(code string) (*Library, error) {
	name, rest, err := programs.Metadata(code)
	if err != nil {
		return nil, err
	}
	if ls.l == nil {
		ls.open()
	}
	l := ls.l
	l.SetMemoryLimit(ls.r.Limit())
	proto, err := lua.Compile(rest, "@user_function")
	if err != nil {
		return nil, resp.Error("ERR Error compiling function: " + err.Error())
	}
	ls.find(ls.loading)
	ls.now, ls.left = &Library{Name: name, Code: code}, loadHooks
	l.SetTop(0)
	l.SetHook(hookSteps, ls.hook)
	if err = l.Protect(func() { l.Load(proto) }); err == nil {
		err = l.PCall(0, 0)
	}
	l.SetHook(hookSteps, ls.r.Hook)
	lib := ls.now
	ls.now = nil
	ls.find(ls.running)
	if err != nil {
		ls.release(lib)
		return nil, resp.Error("ERR Error registering functions: " + loadError(l, err))
	}
	if len(lib.Functions) == 0 {
		return nil, resp.Error("ERR No functions registered")
	}
	slices.SortFunc(lib.Functions, func(a, b *Function) int { return strings.Compare(a.Name, b.Name) })
	return lib, nil
}

// loadError is what went wrong while the code of a library ran.
func loadError(l *lua.State, err error) string {
	e, ok := errors.AsType[*lua.Error](err)
	if !ok || e.Cause != nil {
		return err.Error()
	}
	if t := e.Value.AsTable(); t != nil {
		if text, ok := stringField(l, t, "err"); ok {
			return strings.Clone(cText(text))
		}
		return "ERR unknown error"
	}
	return "ERR " + e.Error()
}

// find has code find what is in a table as its globals.
func (ls *Libraries) find(in lua.Value) { ls.globals.Metatable().SetString(ls.l, "__index", in) }

// hook lets the code of a library take so long and no longer.
func (ls *Libraries) hook(*lua.State) error {
	if ls.left--; ls.left < 0 {
		return resp.Error("ERR FUNCTION LOAD timeout")
	}
	return nil
}

// open makes the state.
func (ls *Libraries) open() {
	r := ls.r
	l := lua.New(lua.Options{Hook: r.Hook, HookSteps: hookSteps})
	r.open(l)
	r.register(l, r.functions())
	all := l.Globals()
	all.SetMetatable(strict(l))

	api := l.NewTable(0, 8)
	api.SetString(l, "register_function", l.NewFunction(ls.register))
	api.SetString(l, "log", all.GetString("redis").AsTable().GetString("log"))
	for name, n := range numbers {
		if !strings.HasPrefix(name, "REPL_") {
			api.SetString(l, name, lua.Number(n))
		}
	}
	for name, text := range texts {
		api.SetString(l, name, lua.String(text))
	}
	api.SetMetatable(strict(l))
	loading := l.NewTable(0, 2)
	loading.SetString(l, "redis", lua.TableValue(api))
	loading.SetString(l, "server", lua.TableValue(api))
	loading.SetMetatable(strict(l))

	ls.l, ls.running, ls.loading = l, lua.TableValue(all), lua.TableValue(loading)
	ls.globals = l.NewTable(0, 0)
	ls.globals.SetMetatable(l.NewTable(0, 1))
	l.Registry().SetString(l, "loading", ls.loading)
	l.Registry().SetString(l, "running", ls.running)
	ls.find(ls.running)
	l.SetGlobals(ls.globals)
	l.Freeze()
	ls.callbacks = l.NewTable(0, 8)
	l.Registry().SetString(l, "callbacks", lua.TableValue(ls.callbacks))
	l.Seed(r.Seed)
}

// Call calls a function, and writes its reply, also when that is an error.
func (ls *Libraries) Call(f *Function, keys, args [][]byte, w *resp.Writer) Outcome {
	l, limit := ls.l, ls.r.Limit()
	l.SetMemoryLimit(limit)
	l.SetTop(0)
	ls.r.kept = true
	out := ls.r.protected(l, f.Name, w, func() Outcome {
		l.Push(ls.callbacks.GetString(f.callback))
		l.PushTable(copied(l, keys))
		l.PushTable(copied(l, args))
		return ls.r.run(l, 2, f.Name, limit, w)
	})
	ls.r.kept = false
	l.SetTop(0)
	return out
}

// copied is a table of copies of strings: a function may keep them.
func copied(l *lua.State, items [][]byte) *lua.Table {
	t := l.NewTable(len(items), 0)
	for i, item := range items {
		t.SetInt(l, i+1, l.NewString(string(item)))
	}
	return t
}

func (ls *Libraries) newCallback(f lua.Value) string {
	ls.nextID++
	id := strconv.Itoa(ls.nextID)
	ls.callbacks.SetString(ls.l, id, f)
	return id
}
