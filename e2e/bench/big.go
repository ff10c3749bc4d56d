package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/resp"
)

// bigRow is one command on much data, on one node beside one redis-server.
type bigRow struct {
	Command     string  `json:"command"`
	Holdfast    float64 `json:"holdfast_ms"` // from the first byte sent to the last one received
	Redis       float64 `json:"redis_ms"`
	Ratio       float64 `json:"ratio"` // the median of the rounds' ratios, not the ratio of the medians
	HoldfastCPU float64 `json:"holdfast_cpu_ms"`
	RedisCPU    float64 `json:"redis_cpu_ms"`
	CPURatio    float64 `json:"cpu_ratio"`

	// for how long its execution keeps all others from theirs, as the server counts it
	HoldfastRuns float64 `json:"holdfast_runs_ms"`
	RedisRuns    float64 `json:"redis_runs_ms"`
	RunsRatio    float64 `json:"runs_ratio"`
}

// bigCase is one command to measure.
type bigCase struct {
	name    string
	before  [][]string // what has to be done before it, each time
	command []string
	restore string     // a key whose DUMP, as Redis makes it, is the command's last word
	queued  [][]string // commands sent before it, and measured with it: a transaction's
}

// bigGroup is cases that work on the same data.
type bigGroup struct {
	name  string
	fill  func(do func(words ...string) error) error
	cases func() []bigCase
}

// big measures single commands that take long, on a node and on a redis-server in turns. Only one of them is at work at
// a time, and nobody else asks meanwhile.
func big(ctx context.Context, o options, f *fleet, r *report) error {
	holdfast, err := f.holdfast(ctx, "--enable-debug-command", "yes")
	if err != nil {
		return err
	}
	redis, err := f.redis(ctx, nil, "--enable-debug-command", "yes")
	if err != nil {
		return err
	}
	conns := make([]*bigConn, 2)
	for i, p := range []*server{holdfast, redis} {
		if conns[i], err = dialBig(p); err != nil {
			return err
		}
		defer conns[i].conn.Close()
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // between measurements, not within one
	r.printBigHead()
	for _, g := range bigGroups {
		cases := slices.DeleteFunc(g.cases(),
			func(c bigCase) bool {
				return !chosen(o.commands, g.name) && !chosen(o.commands, c.command[0]) && !chosen(o.commands, c.name)
			})
		if len(cases) == 0 {
			continue
		}
		for _, c := range conns {
			if err := c.fill(g.fill); err != nil {
				return fmt.Errorf("%s: %w", g.name, err)
			}
		}
		for _, bc := range cases {
			row, err := measureBig(ctx, o, conns, bc)
			if err != nil {
				return err
			}
			r.Big = append(r.Big, row)
			r.printBigRow(row)
		}
		for _, c := range conns {
			if err := c.quiet("FLUSHALL"); err != nil {
				return err
			}
		}
	}
	return nil
}

// measureBig measures a command on both servers in as many rounds as asked for, after one that warms them up.
func measureBig(ctx context.Context, o options, conns []*bigConn, bc bigCase) (bigRow, error) {
	row := bigRow{Command: bc.name}
	words := bc.command
	if bc.restore != "" {
		dump, err := conns[1].bulk("DUMP", bc.restore)
		if err != nil {
			return row, fmt.Errorf("before %s: %w", bc.name, err)
		}
		words = append(slices.Clone(words), dump)
	}
	var command []byte
	for _, queued := range bc.queued {
		command = resp.AppendCommandStrings(command, queued...)
	}
	command = resp.AppendCommandStrings(command, words...)
	samples := make([][]bigSample, len(conns))
	for round := range o.rounds + 1 {
		for k := range conns {
			if ctx.Err() != nil {
				return row, ctx.Err()
			}
			i := (k + round) % len(conns)
			for _, words := range bc.before {
				if err := conns[i].quiet(words...); err != nil {
					return row, fmt.Errorf("before %s: %w", bc.name, err)
				}
			}
			runtime.GC()
			s, err := conns[i].measure(command)
			if err != nil {
				return row, fmt.Errorf("%s: %w", bc.name, err)
			}
			if round > 0 {
				samples[i] = append(samples[i], s)
			}
		}
	}
	h, d := samples[0], samples[1]
	if h[0].size != d[0].size && !strings.HasSuffix(bc.name, answersDiffer) {
		return row, fmt.Errorf("%s is answered with %d bytes by holdfast and with %d by redis", bc.name, h[0].size,
			d[0].size)
	}
	millis := func(s bigSample) float64 { return s.millis }
	cpu := func(s bigSample) float64 { return s.cpuMillis }
	row.Holdfast, row.Redis, row.Ratio = medianOf(h, millis), medianOf(d, millis), medianRatio(h, d, millis)
	row.HoldfastCPU, row.RedisCPU, row.CPURatio = medianOf(h, cpu), medianOf(d, cpu), medianRatio(h, d, cpu)
	runs := func(s bigSample) float64 { return s.runsMillis }
	row.HoldfastRuns, row.RedisRuns, row.RunsRatio = medianOf(h, runs), medianOf(d, runs), medianRatio(h, d, runs)
	return row, nil
}

// answersDiffer ends the names of cases whose answers need not be of the same length.
const answersDiffer = " *"

// bigSample is one measurement of one server.
type bigSample struct {
	millis, cpuMillis, runsMillis float64
	size                          int // of the reply
}

// bigConn is a connection on which long commands are sent and their replies read without being looked at: a client that
// takes them apart takes as long as the server that puts them together.
type bigConn struct {
	p    *server
	conn net.Conn
	in   []byte
}

func dialBig(p *server) (*bigConn, error) {
	conn, err := net.DialTimeout("tcp", p.addr(), time.Second)
	return &bigConn{p: p, conn: conn, in: make([]byte, 64<<20)}, err
}

// quiet sends a command whose duration is of no interest.
func (c *bigConn) quiet(words ...string) error {
	_, err := c.send(resp.AppendCommandStrings(nil, words...))
	return err
}

// fill sends the commands that make the data of a group, many at a time.
func (c *bigConn) fill(commands func(do func(words ...string) error) error) error {
	var pending []byte
	send := func() error {
		_, err := c.send(pending)
		pending = pending[:0]
		return err
	}
	err := commands(func(words ...string) error {
		pending = resp.AppendCommandStrings(pending, words...)
		if len(pending) < fillBytes {
			return nil
		}
		return send()
	})
	if err != nil {
		return err
	}
	return send()
}

const fillBytes = 256 << 10

// bulk sends a command whose reply, a string, is needed. It must fit into the connection's buffer.
func (c *bigConn) bulk(words ...string) (string, error) {
	size, err := c.send(resp.AppendCommandStrings(nil, words...))
	if err != nil {
		return "", err
	}
	head := bytes.IndexByte(c.in, '\n') + 1
	if size > len(c.in)/2 || c.in[0] != '$' {
		return "", fmt.Errorf("%s answers %d bytes, which begin with %q", c.p.name, size, c.in[:min(head, size)])
	}
	return string(c.in[head : size-len("\r\n")]), nil
}

// runs is for how long commands have been executed since the statistics were reset.
func (c *bigConn) runs() (millis float64, err error) {
	text, err := c.bulk("INFO", "commandstats")
	if err != nil {
		return 0, err
	}
	for line := range strings.SplitSeq(text, "\r\n") {
		name, values, _ := strings.Cut(line, ":")
		if name == "cmdstat_config|resetstat" || name == "cmdstat_ping" {
			continue
		}
		if _, usec, ok := strings.Cut(values, ",usec="); ok {
			usec, _, _ = strings.Cut(usec, ",")
			n, err := strconv.ParseInt(usec, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("%s: %w", line, err)
			}
			millis += float64(n) / 1e3
		}
	}
	return millis, nil
}

// measure sends a command and reads its reply.
func (c *bigConn) measure(command []byte) (s bigSample, err error) {
	if err := c.quiet("CONFIG", "RESETSTAT"); err != nil {
		return s, err
	}
	before, err := preciseCPU(c.p.Pid())
	if err != nil {
		return s, err
	}
	began := time.Now()
	if s.size, err = c.send(command); err != nil {
		return s, err
	}
	s.millis = float64(time.Since(began).Nanoseconds()) / 1e6
	after, err := preciseCPU(c.p.Pid())
	if err != nil {
		return s, err
	}
	s.cpuMillis = float64((after - before).Nanoseconds()) / 1e6
	s.runsMillis, err = c.runs()
	return s, err
}

var pingCommand, pongReply = []byte("*1\r\n$4\r\nPING\r\n"), []byte("+PONG\r\n")

// send sends a command, and a PING whose answer shows where the reply ends.
func (c *bigConn) send(command []byte) (size int, err error) {
	if err := c.conn.SetDeadline(time.Now().Add(bigTimeout)); err != nil {
		return 0, err
	}
	written := make(chan error, 1)
	go func() {
		_, err := (&net.Buffers{command, pingCommand}).WriteTo(c.conn)
		written <- err
	}()
	var first [64]byte
	end := 0
	for {
		if len(c.in)-end < len(c.in)/4 { // only its end matters
			end = copy(c.in, c.in[end-len(pongReply):end])
		}
		n, err := c.conn.Read(c.in[end:])
		if err != nil {
			return 0, err
		}
		if size < len(first) {
			copy(first[size:], c.in[end:end+n])
		}
		end += n
		size += n
		if bytes.HasSuffix(c.in[:end], pongReply) {
			break
		}
	}
	if first[0] == '-' {
		return 0, fmt.Errorf("%s answers %q", c.p.name, bytes.TrimRight(first[:min(size, len(first))], "\x00\r\n"))
	}
	return size - len(pongReply), <-written
}

const bigTimeout = time.Minute

// preciseCPU is what all threads of a process that live have used of the CPUs, by the scheduler's clock: cpuTime counts
// in steps of 10 ms.
func preciseCPU(pid int) (total time.Duration, err error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("process %d has no threads (%w)", pid, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has just ended
		}
		word, _, _ := strings.Cut(string(text), " ")
		nanos, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
		total += time.Duration(nanos)
	}
	return total, nil
}
