package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"holdfast/internal/process"
)

const (
	readyTimeout = 30 * time.Second
	stopTimeout  = 30 * time.Second // up takes its members down one after the other
	pollPause    = 20 * time.Millisecond
	reapPause    = 200 * time.Millisecond // a closed connection is seen before the end of the process that held it
	// clockTicks is the unit of the times in /proc: 100 a second on every Linux that Go supports.
	clockTicks = 100
)

// server is a process that answers on the loopback.
type server struct {
	*process.Process
	name string
	port int
	args []string // its command line, without its directory
	dir  string
	log  string
}

// fleet is the servers of one part of the run.
type fleet struct {
	dir, binary string
	name        string // what its directories' names begin with
	profiles    string // where processes of the binary write profiles of their CPU time; "": nowhere
	count       int
	all         []*server
}

// start runs a program with a directory of its own, out of reach of a Ctrl-C: the fleet ends it.
func (f *fleet) start(name string, port int, args ...string) (*server, error) {
	dir, err := f.newDir(name)
	if err != nil {
		return nil, err
	}
	return f.startIn(dir, name, port, args)
}

// again starts a process that has ended in its old directory.
func (f *fleet) again(p *server) (*server, error) { return f.startIn(p.dir, p.name, p.port, p.args) }

func (f *fleet) startIn(dir, name string, port int, args []string) (*server, error) {
	p := &server{name: name, port: port, args: args, dir: dir, log: filepath.Join(dir, "log")}
	if err := os.RemoveAll(p.log); err != nil { // of the one before
		return nil, err
	}
	// Whoever measures may do so in real time (chrt -r 5), to be there when it means to; the servers run as they do
	// elsewhere.
	o := process.Options{Args: slices.Concat([]string{"chrt", "--other", "0"}, args, []string{"--dir", dir}),
		Log: p.log, Attr: &syscall.SysProcAttr{Setpgid: true}}
	if f.profiles != "" {
		o.Env = []string{"HOLDFAST_CPU_PROFILE=" + f.profiles}
	}
	var err error
	if p.Process, err = process.Start(o); err != nil {
		return nil, err
	}
	f.all = append(f.all, p)
	return p, nil
}

func (f *fleet) newDir(name string) (string, error) {
	f.count++
	dir := filepath.Join(f.dir, fmt.Sprintf("%s%s-%d", f.name, name, f.count))
	return dir, os.MkdirAll(dir, 0o755)
}

// holdfast starts a node alone.
func (f *fleet) holdfast(ctx context.Context, more ...string) (*server, error) {
	port, err := process.FreePort()
	if err != nil {
		return nil, err
	}
	args := append([]string{f.binary, "node", "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", ""},
		more...)
	p, err := f.start("holdfast", port, args...)
	if err != nil {
		return nil, err
	}
	return p, p.waitReady(ctx)
}

// redis starts a redis-server; with a master it is a replica.
func (f *fleet) redis(ctx context.Context, master *server, more ...string) (*server, error) {
	port, err := process.FreePort()
	if err != nil {
		return nil, err
	}
	args := []string{"redis-server", "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--appendonly",
		"no",
		"--repl-diskless-sync-delay", "0"}
	if master != nil {
		args = append(args, "--replicaof", "127.0.0.1 "+strconv.Itoa(master.port))
	}
	p, err := f.start("redis", port, append(args, more...)...)
	if err != nil {
		return nil, err
	}
	return p, p.waitReady(ctx)
}

// stop ends every process, the youngest first: asked at first, killed if it does not.
func (f *fleet) stop() {
	for i := len(f.all) - 1; i >= 0; i-- {
		f.all[i].stop()
	}
	f.all = nil
}

// obituary names the processes that have ended by themselves, with the last of what they said: the cause of many an
// error.
func (f *fleet) obituary() (err error) {
	time.Sleep(reapPause)
	for _, p := range f.all {
		select {
		case <-p.Ended():
			err = errors.Join(err, fmt.Errorf("%s on port %d has ended (%s)\n%s", p.name, p.port, p.State(), p.Tail()))
		default:
		}
	}
	return err
}

func (p *server) stop() { _ = p.Stop(stopTimeout) } // one that does not end is killed

func (p *server) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)) }

func (p *server) client() *redis.Client { return newClient(p.addr()) }

// newClient is a client for asking; load is made by others.
func newClient(addr string) *redis.Client {
	return redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, DialTimeout: time.Second,
		ReadTimeout: 10 * time.Second})
}

func (p *server) waitReady(ctx context.Context) error {
	c := p.client()
	defer c.Close()
	return p.await(ctx, "answer", func() error { return c.Ping(ctx).Err() })
}

// await asks until there is no error, or the process ended, or too much time has passed.
func (p *server) await(ctx context.Context, what string, ask func() error) error {
	return p.awaitFor(ctx, readyTimeout, what, ask)
}

func (p *server) awaitFor(ctx context.Context, limit time.Duration, what string, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(pollPause):
			continue
		case <-p.Ended():
		case <-ctx.Done():
		}
		return fmt.Errorf("%s did not %s: %w\n%s", p.name, what, err, p.Tail())
	}
}

// cpuTime is what the processes have used of the CPUs since they started.
func cpuTime(pids ...int) (time.Duration, error) {
	var total time.Duration
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, err
		}
		// The second field is the name in parentheses and may hold anything; user and system time are the 14th and
		// 15th.
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(fields) < 13 {
			return 0, fmt.Errorf("/proc/%d/stat has only %d fields", pid, len(fields))
		}
		for _, field := range fields[11:13] {
			ticks, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("/proc/%d/stat: %w", pid, err)
			}
			total += time.Duration(ticks) * time.Second / clockTicks
		}
	}
	return total, nil
}

// resident is the memory that a process holds, in bytes.
func resident(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/%d/statm has no second field", pid)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// anonymous is the memory of all processes of the machine that is not of files, in bytes; pages that a process shares
// with one that it has forked count once. To ask the kernel how much of one process's memory is its own takes tens of
// milliseconds for some gigabytes, in which that process may be held up.
func anonymous() (int64, error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "AnonPages:" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("/proc/meminfo says nothing of AnonPages")
}

// sizeOf is how many bytes a file has, or the files of a directory and of those in it.
func sizeOf(path string) (total int64, err error) {
	err = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}
