package script

import (
	"context"
	"log/slog"
	"math"
	"strconv"
	"strings"

	"holdfast/lua"
	"holdfast/resp"
)

// The version that scripts are told: the Redis that the host answers as.
const (
	redisVersion    = "7.0.15"
	redisVersionNum = 7<<16 | 0<<8 | 15
)

var texts = map[string]string{
	"REDIS_VERSION": redisVersion, "SERVER_VERSION": redisVersion, "SERVER_NAME": "redis",
}

var numbers = map[string]float64{
	"LOG_DEBUG": 0, "LOG_VERBOSE": 1, "LOG_NOTICE": 2, "LOG_WARNING": 3,
	"REPL_NONE": 0, "REPL_AOF": 1, "REPL_SLAVE": 2, "REPL_REPLICA": 2, "REPL_ALL": 3,
	"REDIS_VERSION_NUM": redisVersionNum, "SERVER_VERSION_NUM": redisVersionNum,
}

// functions are what scripts and functions find in the table redis.
func (r *Runner) functions() map[string]lua.Function {
	return map[string]lua.Function{
		"call":         func(l *lua.State) int { return r.command(l, true) },
		"pcall":        func(l *lua.State) int { return r.command(l, false) },
		"log":          r.log,
		"setresp":      r.setResp,
		"sha1hex":      sha1hex,
		"error_reply":  errorReply,
		"status_reply": statusReply,
		"set_repl":     r.setRepl, "acl_check_cmd": r.aclCheckCmd,
	}
}

// forScripts are what only scripts find there.
func (r *Runner) forScripts() map[string]lua.Function {
	return map[string]lua.Function{
		"breakpoint":         func(l *lua.State) int { l.PushBool(false); return 1 },
		"debug":              func(*lua.State) int { return 0 },
		"replicate_commands": func(l *lua.State) int { l.PushBool(true); return 1 },
	}
}

// errorTable makes the value of an error: "ERR" goes before a text that has no code.
func errorTable(l *lua.State, text string) lua.Value {
	t := l.NewTable(0, 1)
	t.SetString(l, "err", l.NewString(text))
	return lua.TableValue(t)
}

// fail raises an error of the API.
func fail(l *lua.State, text string) int { return l.Error(errorTable(l, "ERR "+text)) }

// command is redis.call and redis.pcall.
func (r *Runner) command(l *lua.State, raise bool) int {
	if !r.running {
		return fail(l, "redis.call/pcall can only be called inside a script invocation")
	}
	args, problem := r.arguments(l)
	if problem != "" {
		if raise {
			return fail(l, problem)
		}
		l.Push(errorTable(l, "ERR "+problem))
		return 1
	}
	l.SetTop(0)
	reply, err := r.ask(args, false)
	var v lua.Value
	if err != nil {
		v = countedError(l, errorText(err))
	} else {
		raise = raise && reply[0] == '-'
		v, _ = r.value(l, reply)
	}
	if raise {
		return l.Error(v)
	}
	l.Push(v)
	return 1
}

// ask has the host run a command, or only look at it.
func (r *Runner) ask(args [][]byte, check bool) (reply []byte, err error) {
	return r.Host.Call(args, r.proto, check)
}

// countedError is an error that is in the statistics already.
func countedError(l *lua.State, text string) lua.Value {
	t := l.NewTable(0, 1)
	t.SetString(l, "err", l.NewString(text))
	t.SetString(l, "ignore_error_stats_update", lua.Bool(true))
	return lua.TableValue(t)
}

func errorText(err error) string {
	if e, ok := err.(resp.Error); ok {
		return string(e)
	}
	return "ERR " + err.Error()
}

// arguments are the words of a command: strings as they are, numbers with all their digits.
func (r *Runner) arguments(l *lua.State) (args [][]byte, problem string) {
	n := l.NArgs()
	if n == 0 {
		return nil, "Please specify at least one argument for this redis lib call"
	}
	r.numbers = r.numbers[:0]
	args = r.args[:0]
	for i := 1; i <= n; i++ {
		switch v := l.Arg(i); {
		case v.IsString():
			args = append(args, v.AsBytes())
		case v.IsNumber():
			start := len(r.numbers)
			r.numbers = appendNumber(r.numbers, v.AsNumber())
			args = append(args, r.numbers[start:len(r.numbers):len(r.numbers)])
		default:
			return nil, "Lua redis lib command arguments must be strings or integers"
		}
	}
	if r.args = args; cap(args) > 1024 {
		r.args = nil
	}
	return args, ""
}

// appendNumber writes a number as C's %.17g does.
func appendNumber(b []byte, f float64) []byte {
	if f > -1e15 && f < 1e15 && f == math.Trunc(f) && (f != 0 || !math.Signbit(f)) {
		return strconv.AppendInt(b, int64(f), 10)
	}
	return lua.AppendNumber(b, f, 17)
}

func number(n int) string { return strconv.Itoa(n) }

func sha1hex(l *lua.State) int {
	if l.NArgs() != 1 {
		return fail(l, "wrong number of arguments")
	}
	text := ""
	if v := l.Arg(1); v.IsString() || v.IsNumber() {
		text = l.ToString(v)
	}
	l.Steps(len(text) >> 5)
	l.PushString(hashOf(text))
	return 1
}

// errorReply is redis.error_reply: a text of one word is no code.
func errorReply(l *lua.State) int {
	text, ok := onlyText(l)
	if !ok {
		return 1
	}
	l.Push(errorTable(l, withCode(strings.TrimPrefix(cText(text), "-"))))
	return 1
}

// withCode puts ERR before an error of one word, and trims the rest.
func withCode(text string) string {
	code, msg, ok := strings.Cut(text, " ")
	if !ok {
		code, msg = "ERR", text
	}
	return code + " " + strings.Trim(msg, "\r\n")
}

func statusReply(l *lua.State) int {
	if _, ok := onlyText(l); !ok {
		return 1
	}
	t := l.NewTable(0, 1)
	t.SetString(l, "ok", l.Arg(1))
	l.PushTable(t)
	return 1
}

// onlyText is the one argument, a string. If it is not, an error is pushed.
func onlyText(l *lua.State) (text string, ok bool) {
	if l.NArgs() != 1 || !l.Arg(1).IsString() {
		l.Push(errorTable(l, "ERR wrong number or type of arguments"))
		return "", false
	}
	return l.Arg(1).AsString(), true
}

// integer is an argument as lua_tonumber gives it to an int of C.
func integer(v lua.Value) int {
	f, _ := lua.ToNumber(v)
	if f != f || f < math.MinInt32 || f > math.MaxInt32 {
		return math.MinInt32
	}
	return int(f)
}

// setRepl is redis.set_repl. What a script writes goes to the log whatever it says: the members of a group hold the
// same data.
func (r *Runner) setRepl(l *lua.State) int {
	switch {
	case !r.running:
		return fail(l, "redis.set_repl can only be called inside a script invocation")
	case l.NArgs() != 1:
		return fail(l, "redis.set_repl() requires two arguments.")
	case integer(l.Arg(1))&^3 != 0:
		return fail(l, "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.")
	}
	return 0
}

func (r *Runner) aclCheckCmd(l *lua.State) int {
	if !r.running {
		return fail(l, "redis.acl_check_cmd can only be called inside a script invocation")
	}
	args, problem := r.arguments(l)
	if problem != "" {
		return fail(l, problem)
	}
	if _, err := r.ask(args, true); err != nil {
		return fail(l, "Invalid command passed to redis.acl_check_cmd()")
	}
	l.PushBool(true) // the one user may do everything
	return 1
}

func (r *Runner) setResp(l *lua.State) int {
	switch {
	case !r.running:
		return fail(l, "redis.setresp can only be called inside a script invocation")
	case l.NArgs() != 1:
		return fail(l, "redis.setresp() requires one argument.")
	}
	proto := integer(l.Arg(1))
	if proto != 2 && proto != 3 {
		return fail(l, "RESP version must be 2 or 3.")
	}
	r.proto = proto
	return 0
}

// logLevels are Redis's.
var logLevels = [...]slog.Level{slog.LevelDebug, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn}

func (r *Runner) log(l *lua.State) int {
	n := l.NArgs()
	if n < 2 {
		return fail(l, "redis.log() requires two arguments or more.")
	}
	level, ok := lua.ToNumber(l.Arg(1))
	switch {
	case !ok:
		return fail(l, "First argument must be a number (log level).")
	case !(level > -1 && level < float64(len(logLevels))):
		return fail(l, "Invalid debug level.")
	}
	at := logLevels[int(level)]
	if !r.Logger.Enabled(context.Background(), at) {
		return 0
	}
	var words []string
	size := 0
	for i := 2; i <= n; i++ {
		if v := l.Arg(i); v.IsString() || v.IsNumber() {
			words = append(words, l.ToString(v))
			size += 1 + len(words[len(words)-1])
		}
	}
	// One string given many times is longer than all that a script may have.
	l.Charge(2 * size)
	l.Steps(size >> 3)
	r.Logger.Log(context.Background(), at, "a script says", "text", strings.Join(words, " "))
	return 0
}
