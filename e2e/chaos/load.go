package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"holdfast/internal/linear"
)

// load is a number of clients that write, each its own keys, one after the other.
type load struct {
	prefix string
	cancel context.CancelFunc
	done   sync.WaitGroup
	begun  sync.WaitGroup // each of own has been told OK once, or has ended
	own    []*writer
	python []*pythonWriter
}

// writer is one client and what it was told.
type writer struct {
	acked   []int // the numbers of the writes that were acknowledged
	errors  map[string]int
	silence quiet
}

// quiet is the longest time between two acknowledgements.
type quiet struct {
	lasted time.Duration
	client string    // who saw it
	until  time.Time // wall clock, to be found in the members' logs
}

func (q *quiet) add(o quiet) {
	if o.lasted > q.lasted {
		*q = o
	}
}

// since adds what has gone by since the last acknowledgement.
func (q *quiet) since(last time.Time) {
	now := time.Now()
	q.add(quiet{lasted: now.Sub(last), client: "go-redis", until: now})
}

// result is what the clients of a round saw.
type result struct {
	prefix       string
	writers      []*writer
	acknowledged int
	lost         int
	silence      quiet         // the longest of any client
	stall        time.Duration // the longest of the machine meanwhile
	errors       map[string]int
	verdict      linear.Verdict
}

const (
	clientTimeout = 500 * time.Millisecond
	retryPause    = 5 * time.Millisecond
)

// newLoad has all clients connected and writing: that they begin, which takes an interpreter long, is to be no part of
// what is measured.
func (g *group) newLoad(run context.Context) (*load, error) {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{prefix: fmt.Sprintf("%x", time.Now().UnixNano()), cancel: cancel}
	for i := range g.options.python {
		w, err := g.startPython(l.prefix, g.options.writers+i)
		if err != nil {
			_, _ = l.stop() // the first error says it all
			return nil, err
		}
		l.python = append(l.python, w)
	}
	defer context.AfterFunc(run, l.end)()
	for _, w := range l.python {
		if err := w.begin(); err != nil {
			_, _ = l.stop()
			return nil, err
		}
	}
	for id := range g.options.writers {
		w := &writer{errors: map[string]int{}}
		l.own = append(l.own, w)
		l.begun.Add(1)
		l.done.Go(func() { g.write(ctx, l, id, w) })
	}
	l.begun.Wait()
	return l, nil
}

// client follows the master and tries a command again so many times.
func (g *group) client(retries int) *redis.Client {
	if retries == 0 {
		retries = -1 // how go-redis says none
	}
	return redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: groupName, SentinelAddrs: g.sentinels(), MaxRetries: retries,
		DialTimeout: clientTimeout, ReadTimeout: clientTimeout, WriteTimeout: clientTimeout,
	})
}

// write is one client's life: a write is counted when it was told OK.
func (g *group) write(ctx context.Context, l *load, id int, w *writer) {
	c := g.client(g.retries)
	defer c.Close()
	begun := sync.OnceFunc(l.begun.Done)
	defer begun()
	last := time.Now()
	for n := 0; ctx.Err() == nil; n++ {
		err := c.Set(ctx, key(l.prefix, id, n), n, 0).Err()
		pause := g.pause
		switch {
		case err == nil && len(w.acked) == 0:
			w.acked, last = append(w.acked, n), time.Now()
			begun()
		case err == nil:
			w.acked = append(w.acked, n)
			w.silence.since(last)
			last = time.Now()
		case ctx.Err() == nil:
			w.errors[kindOf(err)]++
			pause = retryPause
		}
		time.Sleep(pause)
	}
	w.silence.since(last)
}

func key(prefix string, id, n int) string { return fmt.Sprintf("%s:%d:%d", prefix, id, n) }

// closedConnection is what a client may see of a planned handover.
const closedConnection = "closed connection"

// kindOf sorts errors into what a user would tell apart.
func kindOf(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		errors.Is(err, net.ErrClosed), errors.Is(err, redis.ErrClosed):
		return closedConnection
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	}
	word, _, _ := strings.Cut(err.Error(), " ")
	if word == strings.ToUpper(word) {
		return word
	}
	return err.Error()
}

// end has all clients end soon.
func (l *load) end() {
	l.cancel()
	for _, p := range l.python {
		_ = p.input.Close() // it is closed again when its word is taken
	}
}

func (l *load) stop() (result, error) {
	l.cancel()
	l.done.Wait()
	r := result{prefix: l.prefix, writers: l.own, errors: map[string]int{}}
	for _, p := range l.python {
		w, err := p.stop()
		if err != nil {
			return r, err
		}
		r.writers = append(r.writers, w)
	}
	for _, w := range r.writers {
		r.acknowledged += len(w.acked)
		r.silence.add(w.silence)
		for kind, n := range w.errors {
			r.errors[kind] += n
		}
	}
	return r, nil
}

const verifyBatch = 1000

// verify counts the acknowledged writes that the present master does not have.
func (g *group) verify(ctx context.Context, r result) (lost int, err error) {
	c := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: groupName, SentinelAddrs: g.sentinels(),
		ReadTimeout: 10 * time.Second})
	defer c.Close()
	for id, w := range r.writers {
		for at := 0; at < len(w.acked); at += verifyBatch {
			batch := w.acked[at:min(at+verifyBatch, len(w.acked))]
			keys := make([]string, len(batch))
			for i, n := range batch {
				keys[i] = key(r.prefix, id, n)
			}
			values, err := c.MGet(ctx, keys...).Result()
			if err != nil {
				return lost, fmt.Errorf("reading back: %w", err)
			}
			for i, v := range values {
				if v != fmt.Sprint(batch[i]) {
					lost++
				}
			}
		}
	}
	return lost, nil
}
