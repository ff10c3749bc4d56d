package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// load is a number of clients that write, each its own keys, one after the other, as fast as they are answered.
type load struct {
	g       *group
	prefix  string
	cancel  context.CancelFunc
	done    sync.WaitGroup
	writers []*writer
	lastAck atomic.Int64 // nanoseconds after begin
	silence atomic.Int64
	begin   time.Time
}

// writer is one client and what it was told.
type writer struct {
	acked  []int // the numbers of the writes that were acknowledged
	errors map[string]int
}

// result is what the load saw.
type result struct {
	prefix       string
	writers      []*writer
	acknowledged int
	silence      time.Duration
	errors       map[string]int
}

const (
	clientTimeout = 500 * time.Millisecond
	retryPause    = 5 * time.Millisecond
)

func (g *group) newLoad() *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{g: g, prefix: fmt.Sprintf("%x", time.Now().UnixNano()), cancel: cancel, begin: time.Now()}
	for i := range g.options.writers {
		w := &writer{errors: map[string]int{}}
		l.writers = append(l.writers, w)
		l.done.Go(func() { l.write(ctx, i, w) })
	}
	return l
}

func (g *group) client() *redis.Client {
	return redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: groupName, SentinelAddrs: g.sentinels(), MaxRetries: -1, PoolSize: 1,
		DialTimeout: clientTimeout, ReadTimeout: clientTimeout, WriteTimeout: clientTimeout,
	})
}

// write is one client's life: a write is counted when it was told OK, and not tried again when it was told anything else.
func (l *load) write(ctx context.Context, id int, w *writer) {
	c := l.g.client()
	defer c.Close()
	for n := 0; ctx.Err() == nil; n++ {
		err := c.Set(ctx, key(l.prefix, id, n), n, 0).Err()
		if err == nil {
			w.acked = append(w.acked, n)
			l.heard()
			continue
		}
		if ctx.Err() == nil {
			w.errors[kindOf(err)]++
			time.Sleep(retryPause)
		}
	}
}

// heard notes an acknowledgement and the silence before it.
func (l *load) heard() {
	now := int64(time.Since(l.begin))
	gap := now - l.lastAck.Swap(now)
	for {
		longest := l.silence.Load()
		if gap <= longest || l.silence.CompareAndSwap(longest, gap) {
			return
		}
	}
}

func key(prefix string, id, n int) string { return fmt.Sprintf("%s:%d:%d", prefix, id, n) }

// closedConnection is what a client may see of a planned handover.
const closedConnection = "closed connection"

// kindOf sorts errors into what a user would tell apart.
func kindOf(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed), errors.Is(err, redis.ErrClosed):
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

func (l *load) stop() result {
	l.cancel()
	l.done.Wait()
	r := result{prefix: l.prefix, writers: l.writers, silence: time.Duration(l.silence.Load()), errors: map[string]int{}}
	for _, w := range l.writers {
		r.acknowledged += len(w.acked)
		for kind, n := range w.errors {
			r.errors[kind] += n
		}
	}
	return r
}

const verifyBatch = 1000

// verify counts the acknowledged writes that the present master does not have, and then empties it for the next round.
func (g *group) verify(ctx context.Context, r result) (lost int, err error) {
	c := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: groupName, SentinelAddrs: g.sentinels(), ReadTimeout: 10 * time.Second})
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
	return lost, c.FlushAll(ctx).Err()
}
