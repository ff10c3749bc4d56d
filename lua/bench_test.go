package lua

import (
	"syscall"
	"testing"
	"time"
)

// loops are what scripts mostly do. Each is some thousand to a million turns.
var loops = []struct{ name, source string }{
	{"additions", "local x = 0 for i = 1, 1e6 do x = x + i end"},
	{"closures", "local t = {n = 0} local function f(a) t.n = t.n + a return t.n end for i = 1, 3e5 do f(i) end"},
	{"fib", "local function fib(n) if n < 2 then return n end return fib(n-1) + fib(n-2) end fib(20)"},
	{"methods", "local C = {} C.__index = C function C.new(x) return setmetatable({x = x}, C) end " +
		"function C:add(y) return C.new(self.x + y) end local o = C.new(1) for i = 1, 1e5 do o = o:add(1) end"},
	{"concat", "local t = {} for i = 1, 3e4 do t[#t + 1] = 'key' .. i .. '=' .. i end local s, n = table.concat(t, " +
		"';'), 0 " +
		"for k, v in s:gmatch('(%w+)=(%w+)') do n = n + #k end"},
	{"conversions", "for i = 1, 1e5 do local n = tonumber(tostring(i)) end"},
	{"sort", "local t = {} for i = 1, 2e4 do t[i] = (i * 7919) % 20011 end table.sort(t) " +
		"table.sort(t, function(a, b) return a > b end)"},
	{"tables", "local t = {} for i = 1, 1e5 do t[i] = i end local s = 0 for i, v in ipairs(t) do s = s + v end " +
		"for k, v in pairs(t) do s = s + v end"},
	{"host", "for i = 1, 1e5 do local a = math.max(i, 5) end"},
}

func BenchmarkLoops(b *testing.B) {
	for _, loop := range loops {
		b.Run(loop.name, func(b *testing.B) {
			l := newTestState(b)
			p, err := Compile(loop.source, "=loop")
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				l.Load(p)
				if err := l.PCall(0, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkHook measures what it costs that a script can be ended. Loops that do little else than steps run in turns
// without a hook, and with one that is called as often as in a node; hook-% is how much more processor time that took.
func BenchmarkHook(b *testing.B) {
	for _, loop := range loops {
		if loop.name != "additions" && loop.name != "fib" && loop.name != "host" {
			continue
		}
		b.Run(loop.name, func(b *testing.B) {
			p, err := Compile(loop.source, "=loop")
			if err != nil {
				b.Fatal(err)
			}
			called := 0
			states := [2]*State{newTestState(b), newTestState(b)}
			states[1].SetHook(10_000, func(*State) error {
				called++
				return nil
			})
			var spent [2]time.Duration
			for i := 0; b.Loop(); i++ {
				for k := range states {
					at := (i + k) % 2
					l, before := states[at], cpuTime(b)
					l.Load(p)
					if err := l.PCall(0, 0); err != nil {
						b.Fatal(err)
					}
					spent[at] += cpuTime(b) - before
				}
			}
			if called == 0 {
				b.Fatal("the hook was not called")
			}
			b.ReportMetric(100*(float64(spent[1])/float64(spent[0])-1), "hook-%")
		})
	}
}

// cpuTime is how much processor time this process has taken.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkCompile(b *testing.B) {
	const source = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end"
	for b.Loop() {
		if _, err := Compile(source, "@user_script"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewState(b *testing.B) {
	for b.Loop() {
		New(Options{}).OpenLibs()
	}
}
