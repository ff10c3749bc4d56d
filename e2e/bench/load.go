package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"holdfast/resp"
)

// When a client asks Redis whether the replicas have its writes.
const (
	waitNever = iota // what the reply says is what is wanted
	waitEach         // after every write
	waitBatch        // once after a pipeline
)

const (
	loadReplicas   = 2
	replyTimeout   = 20 * time.Second
	maxLatencyNano = int64(replyTimeout)
	latencyDigits  = 3
)

// workload is what a number of clients do at the same time: write, depth commands at a time, and wait for the replies.
type workload struct {
	addr    string
	clients int
	depth   int
	wait    int
	length  time.Duration
}

// outcome is what all clients of a workload saw.
type outcome struct {
	ops     int64
	took    time.Duration
	latency *hdrhistogram.Histogram // nanoseconds from the first byte of a pipeline to its last reply
}

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, maxLatencyNano, latencyDigits)
}

// run applies the workload to its end.
func (l workload) run(ctx context.Context) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, l.length)
	defer cancel()
	clients := make([]*loadClient, l.clients)
	for i := range clients {
		c, err := newLoadClient(l, uint64(i))
		if err != nil {
			return outcome{}, errors.Join(err, closeAll(clients))
		}
		clients[i] = c
	}
	var done sync.WaitGroup
	began := time.Now()
	for _, c := range clients {
		done.Go(func() {
			if c.err = c.run(ctx); c.err != nil {
				cancel()
			}
		})
	}
	done.Wait()
	out := outcome{took: time.Since(began), latency: newHistogram()}
	var err error
	for _, c := range clients {
		if err == nil {
			err = c.err // what ends one usually ends all
		}
		out.ops += c.ops
		out.latency.Merge(c.latency)
	}
	return out, errors.Join(err, closeAll(clients))
}

func closeAll(clients []*loadClient) (err error) {
	for _, c := range clients {
		if c != nil {
			err = errors.Join(err, c.conn.Close())
		}
	}
	return err
}

// loadClient is one connection.
type loadClient struct {
	workload
	conn    net.Conn
	in      *bufio.Reader
	out     []byte
	random  *rand.Rand
	ops     int64
	latency *hdrhistogram.Histogram
	err     error
}

func newLoadClient(l workload, id uint64) (*loadClient, error) {
	conn, err := net.DialTimeout("tcp", l.addr, time.Second)
	if err != nil {
		return nil, err
	}
	return &loadClient{workload: l, conn: conn, in: bufio.NewReader(conn), random: rand.New(rand.NewPCG(id, 1)), latency: newHistogram()}, nil
}

var (
	verbSet     = []byte("SET")
	loadValue   = []byte("value-of-24-bytes-length")
	waitCommand = resp.AppendCommandStrings(nil, "WAIT", strconv.Itoa(loadReplicas), "0")
)

func (c *loadClient) run(ctx context.Context) error {
	key := []byte("key:000000000000")
	for ctx.Err() == nil {
		c.out = c.out[:0]
		for range c.depth {
			putDigits(key[4:], c.random.IntN(benchKeys))
			c.out = resp.AppendCommand(c.out, verbSet, key, loadValue)
			if c.wait == waitEach {
				c.out = append(c.out, waitCommand...)
			}
		}
		if c.wait == waitBatch {
			c.out = append(c.out, waitCommand...)
		}
		began := time.Now()
		if err := c.conn.SetDeadline(began.Add(replyTimeout)); err != nil {
			return err
		}
		if _, err := c.conn.Write(c.out); err != nil {
			return err
		}
		if err := c.readReplies(); err != nil {
			return err
		}
		if err := c.latency.RecordValue(int64(time.Since(began))); err != nil {
			return err
		}
		c.ops += int64(c.depth)
	}
	return nil
}

// readReplies reads the replies to one pipeline and stands for what they promise.
func (c *loadClient) readReplies() error {
	for range c.depth {
		if err := c.expect("+OK\r\n"); err != nil {
			return err
		}
		if c.wait == waitEach {
			if err := c.expect(":2\r\n"); err != nil {
				return err
			}
		}
	}
	if c.wait == waitBatch {
		return c.expect(":2\r\n")
	}
	return nil
}

func (c *loadClient) expect(reply string) error {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if string(line) != reply {
		return fmt.Errorf("%s answered %q where %q was expected", c.addr, line, reply)
	}
	return nil
}

// putDigits writes n in decimal, filled up with zeros.
func putDigits(to []byte, n int) {
	for i := len(to) - 1; i >= 0; i-- {
		to[i] = byte('0' + n%10)
		n /= 10
	}
}
