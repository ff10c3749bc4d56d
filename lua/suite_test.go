package lua

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"holdfast/lua/probes"
)

var suite = flag.String("suite", "", "a directory with the tests of Lua 5.1")

// suiteFiles are the files of the original's own tests that need neither its C API nor files, with the parts that are
// about what this package leaves out: from one text to another one.
var suiteFiles = map[string][][2]string{
	"big": {{"local longs = string.rep", "require \"checktable\""}},
	"calls": {
		{"x = string.dump(loadstring", "i = 0\nlocal a, b = load(read1"},
		{"-- test for dump/undump with upvalues", "-- test for bug in parameter adjustment"},
	},
	"closure":    {{"debug.setfenv(co, a)", "print'OK'"}},
	"constructs": nil,
	"errors":     nil,
	"events":     {{"-- testing metatables for basic types", "print 'OK'"}},
	"literals":   nil,
	"locals":     nil,
	"math": { // what is wrong where a long has 64 bits
		{"assert(tonumber('\\n  -10", "assert(tonumber('fFfa', 15)"},
		{"assert(tonumber('-fffffFFFFF', 16)", "assert(tonumber('0xF')"},
	},
	"nextvar": nil,
	"pm":      nil,
	"sort":    nil,
	"strings": nil,
	"vararg":  nil,
	"verybig": nil,
}

// suitePrelude stands for the libraries that tests use a little of.
const suitePrelude = `
report, print = print, function() end
local written = {}
os.setlocale = function(l) return (l == nil or l == "C") and "C" or nil end
os.tmpname, os.remove = function() return "tmp" end, function() return true end
require, stat = function() end, function() end
T = nil
io = {
  stdin = setmetatable({}, {__gc = string.len}),
  output = function() written = {} end, close = function() return true end,
  write = function(...) for i = 1, select("#", ...) do written[#written + 1] = tostring((select(i, ...))) end end,
  tmpfile = function()
    written = {}
    return {write = function(_, ...) io.write(...) end, seek = function() end, close = io.close,
      read = function() return table.concat(written) end}
  end,
}
dofile = function() return assert(loadstring(table.concat(written)))() end
`

// TestSuite runs the original's own tests, here and in lua5.1, and both must end the same way. They are taken from the
// directory that -suite names, or from a module that has a copy.
func TestSuite(t *testing.T) {
	dir := *suite
	if dir == "" {
		cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", "github.com/yuin/gopher-lua")
		cmd.Dir = "../e2e/bench/gopherlua"
		out, err := cmd.Output()
		var module struct{ Dir string }
		if err = errors.Join(err, json.Unmarshal(out, &module)); err != nil {
			t.Fatalf("no copy of the tests: %v\n%s", err, out)
		}
		dir = filepath.Join(module.Dir, "_lua5.1-tests")
	}
	for name, cuts := range suiteFiles {
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join(dir, name+".lua"))
			if err != nil {
				t.Fatal(err)
			}
			source := string(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")))
			if *suite == "" {
				source = restored(source)
			}
			for _, c := range cuts {
				source = cut(source, c[0], c[1])
			}
			script := suitePrelude + "local f = assert(loadstring(" + probes.Quote(source) +
				", '@" + name + ".lua'))\n" +
				"if '" + name + "' == 'big' then f = coroutine.wrap(f) f() end\n" +
				"report((xpcall(f, function(e) report(e) return e end)))\n"
			want := runOriginal(t, script)
			got := runOurs(t, script, Options{}, (*State).openDebug)
			if got != want {
				t.Errorf("got %swant %s", got, want)
			} else {
				t.Log(strings.TrimSpace(got))
			}
		})
	}
}

// commented are tests that the copy leaves out, since the module that has it does not pass them.
var commented = regexp.MustCompile(
	`(?m)^-- (assert\((?:string|f|strset|loadstring)|local [ika]|for k|  assert\(table.r|end$)`)

// restored is a file of the copy as it once was.
func restored(source string) string {
	source = strings.ReplaceAll(source, "for k=i, j do;", "for k=i, j do")
	return commented.ReplaceAllString(source, "$1")
}

// cut takes out what is from one text on up to another, but leaves its lines.
func cut(source, from, to string) string {
	i := strings.Index(source, from)
	if i < 0 {
		return source
	}
	n := strings.Index(source[i:], to)
	if n < 0 {
		return source
	}
	return source[:i] + strings.Repeat("\n", strings.Count(source[i:i+n], "\n")) + source[i+n:]
}

// openDebug opens as much of the library debug as the tests need.
func (l *State) openDebug() {
	l.Register("debug", map[string]Function{
		"getinfo": func(l *State) int {
			f := l.Arg(1)
			info := l.NewTable(0, 8)
			if f.IsNumber() {
				at := l.level(int(f.AsNumber()))
				if at == nil || at == &lostFrame {
					l.PushNil()
					return 1
				}
				info.SetString(l, "currentline", Number(-1))
				if _, line, ok := l.Position(int(f.AsNumber())); ok {
					info.SetString(l, "currentline", Number(float64(line)))
				}
				for i := range l.frames {
					if at == &l.frames[i] {
						_, name := l.calleeName(i)
						info.SetString(l, "name", String(name))
					}
				}
				f = l.stack[at.fn]
			}
			if f.n == kindClosure {
				p := f.closure().proto
				info.SetString(l, "linedefined", Number(float64(p.line)))
				info.SetString(l, "source", String(p.source))
			}
			l.PushTable(info)
			return 1
		},
		"traceback": func(l *State) int {
			text := l.ToString(l.Arg(1)) + "\nstack traceback:"
			for i := 1; ; i++ {
				chunk, line, ok := l.Position(i)
				if !ok {
					break
				}
				text += fmt.Sprintf("\n\t%s:%d: in function", chunkID(chunk, idSize), line)
			}
			l.PushString(text)
			return 1
		},
	})
}
