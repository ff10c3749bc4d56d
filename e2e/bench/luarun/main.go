package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"

	"holdfast/lua"
)

func main() {
	calls := flag.Int("calls", 1, "how often the script is called")
	flag.Parse()
	if err := run(*calls); err != nil {
		fmt.Fprintln(os.Stderr, "luarun:", err)
		os.Exit(1)
	}
}

func run(calls int) error {
	source, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	// As in a node: a limit of memory, and a hook that could end the script.
	l := lua.New(lua.Options{MemoryLimit: 256 << 20, HookSteps: 10_000, Hook: func(*lua.State) error { return nil }})
	l.OpenLibs()
	counter, value := int64(0), lua.String("value")
	l.Register("redis", map[string]lua.Function{"call": func(l *lua.State) int {
		l.CheckString(2)
		if l.CheckString(1) == "GET" {
			l.Push(value)
			return 1
		}
		counter += l.CheckInteger(3)
		l.PushNumber(float64(counter))
		return 1
	}})
	p, err := lua.Compile(string(source), "=script")
	if err != nil {
		return err
	}
	l.Load(p)
	f := l.Top()
	runtime.GC()
	before, err := cpuTime()
	if err != nil {
		return err
	}
	for range calls {
		l.Push(f)
		err = errors.Join(err, l.PCall(0, 0))
	}
	after, timeErr := cpuTime()
	if err := errors.Join(err, timeErr); err != nil {
		return err
	}
	fmt.Println(after - before)
	return nil
}

// cpuTime is how much processor time this process has taken, in nanoseconds.
func cpuTime() (int64, error) {
	var u syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano(), err
}
