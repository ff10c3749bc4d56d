package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A virtual machine's processors are taken from it now and then, for as long as other machines on the same hardware
// need them. Then clients wait for no fault of the group's. So a process of its own, with a thread on each processor
// that comes before all others, notes when it was not woken in time.

// stallsOnly as the flag inside makes the program that process.
const stallsOnly = "stalls"

const (
	stallTick  = time.Millisecond
	stallLeast = 5 * time.Millisecond  // a stall is noted from this on
	stallLong  = 10 * time.Millisecond // and from this on it is to be seen in what clients measure
)

// noteStalls writes a line for each stall, until its input ends: when it was over, in nanoseconds since 1970, and how
// many nanoseconds it lasted.
func noteStalls(in io.Reader, out io.Writer) error {
	var mu sync.Mutex
	cpus := runtime.NumCPU()
	runtime.GOMAXPROCS(cpus + 1)
	refused := make(chan error, cpus)
	for cpu := range cpus {
		go func() {
			runtime.LockOSThread()
			var only unix.CPUSet
			only.Set(cpu)
			err := unix.SchedSetaffinity(0, &only)
			if err == nil {
				err = unix.SchedSetAttr(0, &unix.SchedAttr{Policy: unix.SCHED_FIFO, Priority: 50}, 0)
			}
			if err != nil {
				refused <- fmt.Errorf("noting when the machine stalls: %w", err)
				return
			}
			tick := unix.NsecToTimespec(int64(stallTick))
			for last := time.Now(); ; last = time.Now() {
				_ = unix.Nanosleep(&tick, nil) // a signal that ends it early does no harm
				now := time.Now()
				if late := now.Sub(last) - stallTick; late >= stallLeast {
					mu.Lock()
					fmt.Fprintln(out, now.UnixNano(), int64(late))
					mu.Unlock()
				}
			}
		}()
	}
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, in)
		ended <- err
	}()
	select {
	case err := <-refused:
		return err
	case err := <-ended:
		return err
	}
}

// stalls is what that process has noted.
type stalls struct {
	cmd   *exec.Cmd
	input io.Closer
	done  sync.WaitGroup

	mu  sync.Mutex
	all []stall
}

type stall struct {
	over   time.Time
	lasted time.Duration
}

func newStalls() (*stalls, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &stalls{cmd: exec.Command(self, "-inside", stallsOnly)}
	s.cmd.Stderr = os.Stderr
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if s.input, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.done.Go(func() { s.read(output) })
	return s, nil
}

func (s *stalls) read(lines io.Reader) {
	for in := bufio.NewScanner(lines); in.Scan(); {
		var over, lasted int64
		if _, err := fmt.Sscan(in.Text(), &over, &lasted); err != nil {
			continue
		}
		s.mu.Lock()
		s.all = append(s.all, stall{time.Unix(0, over), time.Duration(lasted)})
		s.mu.Unlock()
	}
}

// longest is the longest stall that was not over at a time.
func (s *stalls) longest(since time.Time) (longest time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.all {
		if one.over.After(since) {
			longest = max(longest, one.lasted)
		}
	}
	return longest
}

func (s *stalls) close() {
	_ = s.input.Close()
	s.done.Wait()
	_ = s.cmd.Wait() // why it ended before, it has said
}
