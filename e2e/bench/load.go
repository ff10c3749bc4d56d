package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"syscall"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"holdfast/netloop/poll"
)

// When a client asks Redis whether the replicas have its writes.
const (
	waitNever = iota // what the reply says is what is wanted
	waitEach         // after every write
	waitBatch        // once after a pipeline
	waitThen         // once the pipeline has been answered, in a round trip of its own
)

const (
	loadReplicas   = 2
	loadBuffer     = 64 << 10 // of replies, at first
	loadBatch      = 64       // clients that are looked after in one turn
	replyTimeout   = 20 * time.Second
	maxLatencyNano = int64(replyTimeout)
	latencyDigits  = 3
)

// workload is what a number of clients do at the same time: send a pipeline, and wait for its replies. One goroutine
// looks after all of them, with as few system calls as there can be, so that they take as little as possible from the
// servers beside them.
type workload struct {
	addrs   []string // the clients are spread over them
	clients int
	command benchCommand
	depth   int
	wait    int
	// It ends when so many commands were sent, or this time is over; zero: not for that.
	requests int
	length   time.Duration
}

// outcome is what all clients of a workload saw.
type outcome struct {
	ops     int64
	took    time.Duration
	busy    time.Duration           // CPU time that the clients used themselves
	latency *hdrhistogram.Histogram // nanoseconds from the first byte of a pipeline to its last reply
}

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, maxLatencyNano, latencyDigits)
}

// run applies the workload to its end.
func (l workload) run(ctx context.Context) (out outcome, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	set, err := poll.New[*loadClient](loadBatch)
	if err != nil {
		return outcome{}, err
	}
	var sent int64
	var clients []*loadClient
	defer func() { err = errors.Join(err, set.Close(), closeAll(clients)) }()
	for i := range l.clients {
		c, err := newLoadClient(l, i, &sent)
		if err != nil {
			return outcome{}, err
		}
		clients = append(clients, c)
		if err := set.Add(c.port, c); err != nil {
			return outcome{}, err
		}
	}
	if l.length > 0 {
		defer time.AfterFunc(l.length, cancel).Stop()
		defer time.AfterFunc(l.length+replyTimeout, func() { _ = set.Close() }).Stop() // nobody waits for ever
	}
	began, busy := time.Now(), ownTime()
	if err := serve(ctx, set, clients); err != nil {
		return outcome{}, err
	}
	out = outcome{took: time.Since(began), busy: ownTime() - busy, latency: newHistogram()}
	for _, c := range clients {
		out.ops += c.ops
		out.latency.Merge(c.latency)
	}
	if out.ops < int64(l.requests) {
		err = fmt.Errorf("%v answered %d of %d commands in %v", l.addrs, out.ops, l.requests, out.took)
	}
	return out, err
}

// serve has every client send, and send again when it was answered, until ctx ends or there is nothing more to be sent.
func serve(ctx context.Context, set *poll.Set[*loadClient], clients []*loadClient) error {
	waiting := 0
	next := func(c *loadClient) error {
		if ctx.Err() != nil || !c.claim() {
			return nil
		}
		waiting++
		return c.send()
	}
	for _, c := range clients {
		if err := next(c); err != nil {
			return err
		}
	}
	var ready []poll.Ready[*loadClient]
	for waiting > 0 {
		var err error
		if ready, err = set.Wait(ready[:0], true); err != nil {
			return fmt.Errorf("%d clients were not answered: %w", waiting, err)
		}
		for _, r := range ready {
			whole, err := r.Of.receive()
			if err != nil {
				return fmt.Errorf("%s: %w", r.Of.conn.RemoteAddr(), err)
			}
			if !whole {
				continue
			}
			waiting--
			if err := next(r.Of); err != nil {
				return err
			}
		}
	}
	return nil
}

// ownTime is what this process has used of the CPUs.
func ownTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func closeAll(clients []*loadClient) (err error) {
	for _, c := range clients {
		err = errors.Join(err, c.conn.Close())
	}
	return err
}

// loadClient is one connection.
type loadClient struct {
	workload
	pipeline
	conn    net.Conn
	port    *poll.Conn
	in      []byte // of the replies, not yet looked at
	seen    int    // replies of the pipeline
	began   time.Time
	random  *rand.Rand
	sent    *int64 // by all clients
	ops     int64
	latency *hdrhistogram.Histogram
}

func newLoadClient(l workload, id int, sent *int64) (*loadClient, error) {
	conn, err := net.DialTimeout("tcp", l.addrs[id%len(l.addrs)], time.Second)
	if err != nil {
		return nil, err
	}
	port, err := poll.NewConn(conn.(*net.TCPConn))
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &loadClient{workload: l, pipeline: newPipeline(l), conn: conn, port: port, in: make([]byte, 0, loadBuffer),
		random: rand.New(rand.NewPCG(uint64(id), 1)), sent: sent, latency: newHistogram()}, nil
}

// claim reports whether a pipeline more is to be sent.
func (c *loadClient) claim() bool {
	*c.sent += int64(c.depth)
	return c.requests == 0 || *c.sent-int64(c.depth) < int64(c.requests)
}

// send sends the next pipeline. The server reads what it is sent, so that a connection that takes it only in part does
// so soon.
func (c *loadClient) send() error {
	c.draw(c.random)
	c.began, c.seen = time.Now(), 0
	return c.write(c.text)
}

func (c *loadClient) write(text []byte) error {
	n, err := c.port.TryWrite(text)
	if err == nil && n < len(text) {
		_, err = c.conn.Write(text[n:])
	}
	return err
}

// receive reads what there is, and reports whether the pipeline has been answered.
func (c *loadClient) receive() (whole bool, err error) {
	for drained := false; !drained; {
		c.in = slices.Grow(c.in, loadBuffer/2)
		var n int
		if n, drained, err = c.port.TryRead(c.in[len(c.in):cap(c.in)]); err != nil {
			return false, err
		}
		c.in = c.in[:len(c.in)+n]
	}
	at := 0
	for c.seen < len(c.replies) {
		n, err := scanReply(c.in[at:], c.replies[c.seen])
		if err != nil {
			return false, err
		}
		if n == 0 {
			c.in = c.in[:copy(c.in, c.in[at:])]
			return false, nil
		}
		at += n
		if c.seen++; len(c.then) > 0 && c.seen == len(c.replies)-1 {
			if err := c.write(c.then); err != nil {
				return false, err
			}
		}
	}
	c.in = c.in[:copy(c.in, c.in[at:])]
	c.ops += int64(c.depth)
	return true, c.latency.RecordValue(int64(time.Since(c.began)))
}
