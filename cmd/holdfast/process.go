package main

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"syscall"

	"holdfast/internal/openfiles"
	"holdfast/internal/usage"
	"holdfast/node/command"
)

// newLogger writes text lines; level is Redis's loglevel.
func newLogger(w io.Writer, level string) *slog.Logger {
	at := slog.LevelInfo
	switch level {
	case "debug":
		at = slog.LevelDebug
	case "warning", "nothing":
		at = slog.LevelWarn
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: at}))
}

// limitProcessors leaves half of the processors to the kernel's side of the connections and to clients: commands run
// one after the other anyway, and more threads mostly wake each other up. GOMAXPROCS in the environment wins.
func limitProcessors() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(max(1, runtime.NumCPU()/2))
	}
}

// limitGarbage has the collector run when the heap has grown by a quarter, not, as usual, doubled: the data holds few
// pointers, so that a collection costs little at any size. GOGC in the environment wins. Nor is a profile of the heap
// kept that nobody reads.
func limitGarbage() {
	runtime.MemProfileRate = 0
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(25)
	}
}

// thisProcess asks the operating system about the running process; file is the configuration it was started with.
func thisProcess(file string) command.Process {
	p := command.Process{Usage: usageMeter(), OS: runtime.GOOS + " " + runtime.GOARCH,
		SystemMemory: systemMemory(), Startup: heapInUse(), LimitHeap: limitHeap, OpenFiles: openfiles.Raise,
		Stat: os.Stat}
	p.Executable, _ = os.Executable() // INFO leaves it empty when it is not known
	if file != "" {
		if path, err := filepath.Abs(file); err == nil {
			p.ConfigFile = path
			p.EditConfigFile = func(edit func([]byte) []byte) error { return editFile(path, edit) }
		}
	}
	return p
}

// heapInUse is what the program has allocated so far.
func heapInUse() int64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

// limitHeap tells Go's runtime; GOMEMLIMIT in the environment wins.
func limitHeap(bytes int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(bytes)
	}
}

func systemMemory() int64 {
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		return 0
	}
	return int64(info.Totalram) * int64(info.Unit)
}

// usageMeter measures this process.
func usageMeter() *usage.Meter {
	statm, err := os.Open("/proc/self/statm")
	if err != nil {
		statm = nil // INFO says 0
	}
	return usage.New(statm)
}
