package script

import (
	"errors"
	"log/slog"
	"strings"

	"holdfast/lua"
	"holdfast/resp"
)

// Host is the server that a script runs in. It is asked while a script runs.
type Host interface {
	// Call runs a command of the script, and answers its reply, in protocol 2 or 3, which is good until the next call;
	// or why it does not run. With check it runs nothing, and answers only why it could not be run.
	Call(args [][]byte, proto int, check bool) (reply []byte, err error)
}

// Config is what a Runner is made with.
type Config struct {
	Host   Host
	Logger *slog.Logger
	// Hook is called every now and then while a script runs. Its error ends the script, wherever it is; before that, it
	// is to tell the Runner with NotePlace.
	Hook func(l *lua.State) error
	Seed int32 // of math.random
	// Limit is how many bytes the values of scripts may take, and those of functions; it is asked each time.
	Limit func() int64
}

// Runner runs scripts, one after the other.
type Runner struct {
	Config
	l          *lua.State // nil: none has run yet
	generation int        // counts the states
	handler    lua.Value  // notes where an error was raised
	keys, argv *lua.Table
	heap       heap

	proto   int // of the replies that the script gets
	args    [][]byte
	numbers []byte // texts of numbers in args
	running bool
	kept    bool // what it is given of replies may be kept: a function runs

	source string // where the script was when Hook ended it
	line   int
}

// NewRunner makes a Runner.
func NewRunner(c Config) *Runner { return &Runner{Config: c} }

// Memory is what the state takes that scripts run in, with garbage.
func (r *Runner) Memory() int64 {
	if r.l == nil {
		return 0
	}
	return r.l.MemoryUsed()
}

// hookSteps is how many steps a script takes between two calls of Hook: a fraction of a millisecond.
const hookSteps = 10_000

// Outcome is what became of a script beside its reply.
type Outcome struct {
	Failed bool     // there is an error in its reply
	Errors []string // those that nobody has counted yet
}

// Eval runs a script, and writes its reply, also when that is an error.
func (r *Runner) Eval(s *Script, keys, args [][]byte, w *resp.Writer) Outcome {
	if r.l == nil {
		r.l = r.newState()
		r.generation++
	}
	if s.proto == nil {
		if err := s.parse(); err != nil { // it was sound where it was compiled
			w.Error(err)
			return Outcome{Failed: true, Errors: []string{err.Error()}}
		}
	}
	l, limit := r.l, r.Limit()
	l.SetMemoryLimit(limit)
	globals := l.Globals()
	out := r.protected(l, s.SHA, w, func() Outcome {
		r.keys = r.list(r.keys, keys)
		r.argv = r.list(r.argv, args)
		globals.SetString(l, "KEYS", lua.TableValue(r.keys))
		globals.SetString(l, "ARGV", lua.TableValue(r.argv))
		if s.generation == r.generation {
			l.Reload(s.loaded)
		} else {
			l.Load(s.proto)
			s.loaded, s.generation = l.Top(), r.generation
		}
		return r.run(l, 0, s.SHA, limit, w)
	})
	globals.SetString(l, "KEYS", lua.Nil)
	globals.SetString(l, "ARGV", lua.Nil)
	l.Reset()
	r.heap.reset()
	r.keys, r.argv = recycled(r.keys), recycled(r.argv)
	return out
}

// protected answers f's outcome. Also before a script begins, and when it has ended, there may be no memory for what it
// is given.
func (r *Runner) protected(l *lua.State, name string, w *resp.Writer, f func() Outcome) (out Outcome) {
	start := w.Len()
	if err := l.Protect(func() { out = f() }); err != nil {
		w.Truncate(start)
		text, counted := r.failure(err, name)
		w.Error(resp.Error(text))
		out.fail(text, counted)
	}
	return out
}

// list fills a table with the strings of a list, which are not copied.
func (r *Runner) list(t *lua.Table, items [][]byte) *lua.Table {
	if t == nil {
		t = r.l.NewTable(len(items), 0)
	}
	for i, item := range items {
		t.SetInt(r.l, i+1, lua.Bytes(item))
	}
	return t
}

// recycled is a table for the next script, nil if this one is no good for that.
func recycled(t *lua.Table) *lua.Table {
	if t == nil {
		return nil
	}
	if items, keys := t.Recycle(); items > 64 || keys > 0 {
		return nil
	}
	return t
}

// run calls the function below nArgs arguments on the stack, and writes what came of it.
func (r *Runner) run(l *lua.State, nArgs int, name string, limit int64, w *resp.Writer) (out Outcome) {
	r.proto, r.running = 2, true
	if r.handler.IsNil() {
		r.handler = l.NewFunction(handle)
	}
	err := l.XPCall(nArgs, 1, r.handler)
	r.running = false
	clear(r.args)
	if err == nil {
		start := w.Len()
		write := replyWriter{l: l, w: w, proto: r.proto, out: &out, start: start, most: limit}
		if write.value(l.Top(), 0); write.tooLong() {
			w.Truncate(start)
			write.error(errLongReply, false)
		}
		return out
	}
	text, counted := r.failure(err, name)
	w.Error(resp.Error(text))
	out.fail(text, counted)
	return out
}

func (o *Outcome) fail(text string, counted bool) {
	o.Failed = true
	if !counted {
		o.Errors = append(o.Errors, text)
	}
}

// failure is the text of the reply to a script that raised an error, and whether that was counted where it came from.
func (r *Runner) failure(err error, name string) (text string, counted bool) {
	e, ok := errors.AsType[*lua.Error](err)
	switch {
	case !ok:
		return "ERR " + err.Error(), false
	case e.Cause != nil:
		return e.Cause.Error() + where(name, r.source, r.line), false
	case !e.Value.IsTable():
		text := "execution failure"
		if e.Value.IsString() || e.Value.IsNumber() {
			text = e.Error()
		}
		return "ERR Error running script " + name + ", " + text[:min(len(text), 100)], false
	}
	t := e.Value.AsTable()
	text = "ERR unknown error"
	if msg, ok := stringField(r.l, t, "err"); ok {
		text = strings.Clone(cText(msg))
	}
	source, hasSource := stringField(r.l, t, "source")
	if line := t.GetString("line"); hasSource && (line.IsNumber() || line.IsString()) {
		text += " script: " + name + ", on " + cText(source) + ":" + cText(r.l.ToString(line)) + "."
	}
	return text, t.GetString("ignore_error_stats_update").Truthy()
}

func where(name, source string, line int) string {
	return " script: " + name + ", on " + source + ":" + number(line) + "."
}

// stringField is a field of a table that is a string or a number.
func stringField(l *lua.State, t *lua.Table, name string) (string, bool) {
	v := t.GetString(name)
	if !v.IsString() && !v.IsNumber() {
		return "", false
	}
	return l.ToString(v), true
}

// cText is s as C prints it.
func cText(s string) string {
	text, _, _ := strings.Cut(s, "\x00")
	return text
}

// NotePlace notes where a script is that is about to be ended.
func (r *Runner) NotePlace(l *lua.State) { r.source, r.line = place(l, 0) }

// place is where the script is: at a level, or, if a Go function runs there, where that was called.
func place(l *lua.State, level int) (source string, line int) {
	source, line, ok := l.Position(level)
	if ok && source == "=[C]" {
		source, line, _ = l.Position(level + 1)
	}
	return source, line
}
