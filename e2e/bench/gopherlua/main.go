package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"

	"github.com/yuin/gopher-lua"
)

func main() {
	calls := flag.Int("calls", 1, "how often the script is called")
	flag.Parse()
	if err := run(*calls); err != nil {
		fmt.Fprintln(os.Stderr, "gopherlua:", err)
		os.Exit(1)
	}
}

func run(calls int) error {
	source, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	l := lua.NewState()
	defer l.Close()
	counter := 0
	redis := l.NewTable()
	redis.RawSetString("call", l.NewFunction(func(l *lua.LState) int {
		l.CheckString(2)
		if l.CheckString(1) == "GET" {
			l.Push(lua.LString("value"))
			return 1
		}
		counter += l.CheckInt(3)
		l.Push(lua.LNumber(counter))
		return 1
	}))
	l.SetGlobal("redis", redis)
	f, err := l.LoadString(string(source))
	if err != nil {
		return err
	}
	runtime.GC()
	before, err := cpuTime()
	if err != nil {
		return err
	}
	for range calls {
		l.Push(f)
		if err := l.PCall(0, 0, nil); err != nil {
			return err
		}
	}
	after, err := cpuTime()
	if err != nil {
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
