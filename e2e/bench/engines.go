package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// engineRow is a loop in the package lua and in gopher-lua.
type engineRow struct {
	Loop  string  `json:"loop"`
	Own   float64 `json:"own_ms"`
	Other float64 `json:"gopher_lua_ms"`
	Ratio float64 `json:"ratio"` // the median of the rounds' ratios
}

// engineLoop is a script, which is called so many times.
type engineLoop struct {
	name   string
	calls  int
	source string
}

var engineLoops = []engineLoop{
	{"10^7 additions", 1, "local x = 0 for i = 1, 1e7 do x = x + i end"},
	{"3·10^6 calls of closures, and fields", 1,
		"local t = {n = 0} local function f(a) t.n = t.n + a return t.n end for i = 1, 3e6 do f(i) end"},
	{"10^6 redis.call of GET", 1, "for i = 1, 1e6 do redis.call('GET', 'key') end"},
	{"10^6 redis.call of INCRBY", 1, "for i = 1, 1e6 do redis.call('INCRBY', 'key', 2) end"},
	// gopher-lua has room for 2,500 strings that are joined.
	{"concat, and gmatch, of 300,000", 1, `local n = 0
for j = 1, 150 do
	local t = {}
	for i = 1, 2000 do t[#t + 1] = 'key' .. i .. '=' .. i end
	for k, v in table.concat(t, ';'):gmatch('(%w+)=(%w+)') do n = n + #k end
end`},
	{"sort of 200,000, and of 50,000 by a function", 1, `local t, u = {}, {}
for i = 1, 200000 do t[i] = (i * 7919) % 200003 end
for i = 1, 50000 do u[i] = (i * 7919) % 50021 end
table.sort(t)
table.sort(u, function(a, b) return a > b end)`},
	{"fib(30)", 1,
		"local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end fib(30)"},
	{"10^6 tostring and tonumber", 1, "for i = 1, 1e6 do local n = tonumber(tostring(i)) end"},
	{"a short script, 10^6 times", 1_000_000,
		"if redis.call('GET', 'key') == 'other' then return redis.call('INCRBY', 'key', 1) else return 0 end"},
}

// engines measures loops in the package lua and in gopher-lua, in turns, a process for each.
func engines(ctx context.Context, o options, f *fleet, r *report) error {
	own, other := filepath.Join(f.dir, "luarun"), filepath.Join(f.dir, "gopherlua")
	for program, dir := range map[string]string{own: "e2e/bench/luarun", other: "e2e/bench/gopherlua"} {
		cmd := exec.CommandContext(ctx, "go", "build", "-o", program, ".")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: %w\n%s", dir, err, out)
		}
	}
	type sample struct{ own, other float64 }
	sums := make([]sample, o.rounds)
	for _, loop := range engineLoops {
		samples := make([]sample, o.rounds)
		for i := range samples {
			for k := range 2 {
				s, err := &samples[i], error(nil)
				if (i+k)%2 == 0 {
					s.own, err = runLoop(ctx, own, loop)
				} else {
					s.other, err = runLoop(ctx, other, loop)
				}
				if err != nil {
					return fmt.Errorf("%s: %w", loop.name, err)
				}
			}
			sums[i].own += samples[i].own
			sums[i].other += samples[i].other
		}
		r.Engines = append(r.Engines, engineRowOf(loop.name, samples,
			func(s sample) float64 { return s.own }, func(s sample) float64 { return s.other }))
	}
	r.Engines = append(r.Engines, engineRowOf("all", sums,
		func(s sample) float64 { return s.own }, func(s sample) float64 { return s.other }))
	r.printEngines()
	return nil
}

func engineRowOf[S any](name string, samples []S, own, other func(S) float64) engineRow {
	return engineRow{Loop: name, Own: medianOf(samples, own), Other: medianOf(samples, other),
		Ratio: medianOf(samples, func(s S) float64 { return own(s) / other(s) })}
}

// runLoop is the processor time that a program takes for a loop, in ms.
func runLoop(ctx context.Context, program string, loop engineLoop) (float64, error) {
	cmd := exec.CommandContext(ctx, program, "-calls", strconv.Itoa(loop.calls))
	cmd.Stdin = strings.NewReader(loop.source)
	out, err := cmd.Output()
	if err != nil {
		return 0, err
	}
	ns, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	return ns / 1e6, err
}
