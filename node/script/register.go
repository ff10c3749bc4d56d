package script

import (
	"strings"

	"holdfast/lua"
	"holdfast/node/programs"
)

// register is redis.register_function, with a name and a function, or with a table of named arguments.
func (ls *Libraries) register(l *lua.State) int {
	if ls.now == nil {
		return fail(l, "redis.register_function can only be called on FUNCTION LOAD command")
	}
	var f *Function
	var callback lua.Value
	problem := ""
	switch l.NArgs() {
	case 1:
		f, callback, problem = namedArguments(l)
	case 2:
		f, callback, problem = positionalArguments(l)
	default:
		problem = "wrong number of arguments to redis.register_function"
	}
	if problem == "" {
		problem = ls.add(f, callback)
	}
	if problem != "" {
		return fail(l, problem)
	}
	return 0
}

// add adds a function to the library that is being loaded.
func (ls *Libraries) add(f *Function, callback lua.Value) (problem string) {
	if !programs.SoundName(f.Name) {
		return strings.TrimPrefix(string(programs.ErrName), "ERR ")
	}
	for _, other := range ls.now.Functions {
		if other.Name == f.Name {
			return "Function already exists in the library"
		}
	}
	f.Library, f.callback = ls.now, ls.newCallback(callback)
	ls.now.Functions = append(ls.now.Functions, f)
	return ""
}

func positionalArguments(l *lua.State) (f *Function, callback lua.Value, problem string) {
	name := l.Arg(1)
	switch {
	case !name.IsString() && !name.IsNumber():
		return nil, callback, "first argument to redis.register_function must be a string"
	case !l.Arg(2).IsFunction():
		return nil, callback, "second argument to redis.register_function must be a function"
	}
	return &Function{Name: strings.Clone(l.ToString(name))}, l.Arg(2), ""
}

func namedArguments(l *lua.State) (f *Function, callback lua.Value, problem string) {
	t := l.Arg(1).AsTable()
	if t == nil {
		return nil, callback, "calling redis.register_function with a single argument is only applicable to Lua " +
			"table (representing named arguments)."
	}
	f = &Function{}
	named := false
	for at := 0; ; {
		key, v, next, ok := t.At(at)
		if !ok {
			break
		}
		at = next
		if !key.IsString() && !key.IsNumber() {
			return nil, callback, "named argument key given to redis.register_function is not a string"
		}
		isText := v.IsString() || v.IsNumber()
		switch strings.ToLower(cText(l.ToString(key))) {
		case "function_name":
			if !isText {
				return nil, callback, "function_name argument given to redis.register_function must be a string"
			}
			f.Name, named = strings.Clone(l.ToString(v)), true
		case "description":
			if !isText {
				return nil, callback, "description argument given to redis.register_function must be a string"
			}
			f.Description, f.Described = strings.Clone(l.ToString(v)), true
		case "callback":
			if !v.IsFunction() {
				return nil, callback, "callback argument given to redis.register_function must be a function"
			}
			callback = v
		case "flags":
			if problem := f.setFlags(l, v); problem != "" {
				return nil, callback, problem
			}
		default:
			return nil, callback, "unknown argument given to redis.register_function"
		}
	}
	switch {
	case !named:
		return nil, callback, "redis.register_function must get a function name argument"
	case !callback.IsFunction():
		return nil, callback, "redis.register_function must get a callback argument"
	}
	return f, callback, ""
}

func (f *Function) setFlags(l *lua.State, v lua.Value) (problem string) {
	list := v.AsTable()
	if list == nil {
		return "flags argument to redis.register_function must be a table representing function flags"
	}
	f.Flags = 0
	for i := 1; !list.GetInt(i).IsNil(); i++ {
		flag := Flags(0)
		if item := list.GetInt(i); item.IsString() {
			flag = flagNamed(strings.ToLower(cText(l.ToString(item))))
		}
		if flag == 0 {
			return "unknown flag given"
		}
		f.Flags |= flag
	}
	return ""
}
