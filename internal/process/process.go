package process

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Options say what is run, and how.
type Options struct {
	Args   []string // the program, and what it is told
	Env    []string // beside this process's own
	Dir    string   // where it runs; "": here
	Log    string   // a file that what it says is added to; "": Output
	Output io.Writer
	Attr   *syscall.SysProcAttr // nil ok
}

// Process is a program that was started.
type Process struct {
	cmd   *exec.Cmd
	log   string
	ended chan struct{}
}

// Start runs a program, without waiting for anything.
func Start(o Options) (*Process, error) {
	p := &Process{cmd: exec.Command(o.Args[0], o.Args[1:]...), log: o.Log, ended: make(chan struct{})}
	p.cmd.Dir, p.cmd.SysProcAttr = o.Dir, o.Attr
	p.cmd.Stdout, p.cmd.Stderr = o.Output, o.Output
	if len(o.Env) > 0 {
		p.cmd.Env = append(os.Environ(), o.Env...)
	}
	if o.Log != "" {
		log, err := OpenLog(o.Log)
		if err != nil {
			return nil, err
		}
		defer log.Close()
		p.cmd.Stdout, p.cmd.Stderr = log, log
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", o.Args[0], err)
	}
	go func() {
		_ = p.cmd.Wait() // State tells how it ended
		close(p.ended)
	}()
	return p, nil
}

// OpenLog opens a file to add to it.
func OpenLog(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
}

// Pid is its number.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Ended is closed when it has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// State waits until it has ended, and says how.
func (p *Process) State() *os.ProcessState {
	<-p.ended
	return p.cmd.ProcessState
}

// Signal sends a signal; os.ErrProcessDone says that it has ended.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Kill ends it as kill -9 does, if it runs, and waits for that.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // an error says that it has ended
	<-p.ended
}

// Stop ends it as SIGTERM does, if it runs. One that takes longer is killed, which is an error.
func (p *Process) Stop(patience time.Duration) error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // an error says that it has ended
	select {
	case <-p.ended:
		return nil
	case <-time.After(patience):
		p.Kill()
		return fmt.Errorf("it did not end within %v", patience)
	}
}

// Tail is the end of what it said, if it has a log.
func (p *Process) Tail() string { return Tail(p.log) }

// Tail is the end of a log; "" if there is none.
func Tail(log string) string {
	const shown = 6000
	text, _ := os.ReadFile(log)
	return string(text[max(0, len(text)-shown):])
}

// FreePort is a port of the loopback that nobody has just now.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// FreeRun finds n consecutive ports of the loopback that nobody has, the first of them in [from, to), and that are also
// free at the offsets which members derive.
func FreeRun(from, to, n int, offsets ...int) (int, error) {
	for base := from; base < to; base += max(n, 10) {
		if runIsFree(base, n, append([]int{0}, offsets...)) {
			return base, nil
		}
	}
	return 0, fmt.Errorf("there is no run of %d free ports from %d to %d", n, from, to)
}

func runIsFree(base, n int, offsets []int) bool {
	for i := range n {
		for _, o := range offsets {
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", base+i+o))
			if err != nil {
				return false
			}
			_ = l.Close()
		}
	}
	return true
}
