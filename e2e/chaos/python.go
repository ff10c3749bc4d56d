package main

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// writerScript is a client of redis-py that does what group.write does.
//
//go:embed writer.py
var writerScript string

// python is the interpreter that finds Debian's python3-redis.
const python = "/usr/bin/python3"

// pythonWriter is a running one; it ends when its input does, and then says what it was told.
type pythonWriter struct {
	cmd   *exec.Cmd
	input io.Closer
	said  *bufio.Reader
}

func (g *group) startPython(prefix string, id int) (*pythonWriter, error) {
	args := []string{"-c", writerScript, groupName, prefix, strconv.Itoa(id), strconv.Itoa(g.retries),
		fmt.Sprint(g.options.pause.Seconds()), fmt.Sprint(retryPause.Seconds()), fmt.Sprint(clientTimeout.Seconds())}
	w := &pythonWriter{cmd: exec.Command(python, append(args, g.sentinels()...)...)}
	w.cmd.Stderr = os.Stderr
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	input, err := w.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	w.input, w.said = input, bufio.NewReader(output)
	return w, w.cmd.Start()
}

// begin waits until it has been told OK once.
func (w *pythonWriter) begin() error {
	if _, err := w.said.ReadString('\n'); err != nil {
		return fmt.Errorf("the client of redis-py (it needs python3-redis) does not begin: %w", err)
	}
	return nil
}

func (w *pythonWriter) stop() (*writer, error) {
	_ = w.input.Close()
	text, err := io.ReadAll(w.said)
	if err := errors.Join(err, w.cmd.Wait()); err != nil {
		return nil, fmt.Errorf("the client of redis-py (it needs python3-redis): %w", err)
	}
	var told struct {
		Acked   []int
		Errors  map[string]int
		Silence float64 // seconds
		Until   float64 // Unix time, seconds
	}
	if err := json.Unmarshal(text, &told); err != nil {
		return nil, fmt.Errorf("reading what the client of redis-py was told: %w", err)
	}
	longest := quiet{time.Duration(told.Silence * float64(time.Second)), "redis-py",
		time.UnixMicro(int64(told.Until * 1e6))}
	return &writer{acked: told.Acked, errors: told.Errors, silence: longest}, nil
}
