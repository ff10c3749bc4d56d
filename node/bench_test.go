package node

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/node/config"
	"holdfast/resp"
)

// endless is a client that sends the same pipelines in turn for a number of reads and is deaf to replies. It is
// Pollable, so that the loops serve it as they do a socket.
type endless struct {
	net.Conn
	requests [][]byte
	left     int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	e.left--
	return copy(p, e.requests[e.left%len(e.requests)]), nil
}

func (e *endless) TryRead(p []byte) (n int, drained bool, err error) {
	n, err = e.Read(p)
	return n, false, err
}

func (e *endless) Notify(f func()) {
	if f != nil {
		f()
	}
}

func (e *endless) TryWrite(p []byte) (int, error)   { return len(p), nil }
func (e *endless) Write(p []byte) (int, error)      { return len(p), nil }
func (e *endless) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (e *endless) LocalAddr() net.Addr              { return e.RemoteAddr() }
func (e *endless) SetReadDeadline(time.Time) error  { return nil }
func (e *endless) SetWriteDeadline(time.Time) error { return nil }

// benchNumbers is how many different keys, or members of one, the pipelines have.
const benchNumbers = 100_000

// BenchmarkPipeline is a client's pipeline from the bytes read to the bytes to be written, without sockets; it must not
// allocate. A verb gets a random number.
func BenchmarkPipeline(b *testing.B) {
	for _, words := range [][]string{
		{"SET", "key:%012d", "012345678901234567890123"},
		{"GET", "key:%012d"},
		{"INCR", "counter:%012d"},
		{"HSET", "hash", "field:%012d", "012345678901234567890123"},
		{"HSET", "small:%012d", "field", "012345678901234567890123"},
		{"LPUSH", "list", "012345678901234567890123"},
		{"SADD", "set", "element:%012d"},
		{"SADD", "small:%012d", "element:%012d"},
		{"ZADD", "ranks", "%012d", "element:%012d"},
		{"ZRANGE", "ranks", "0", "9"},
	} {
		for _, depth := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s %s/%d", words[0], words[1], depth),
				func(b *testing.B) { benchmarkPipeline(b, words, depth) })
		}
	}
}

func benchmarkPipeline(b *testing.B, words []string, depth int) {
	n, err := New(Config{Settings: config.Default(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	send := func(words []string, pipelines int) {
		requests := randomPipelines(words, depth)
		n.door.Serve(context.Background(), &endless{requests: requests, left: len(requests)})
		b.ReportAllocs()
		b.ResetTimer()
		n.door.Serve(context.Background(), &endless{requests: requests, left: pipelines})
	}
	if words[0] == "ZRANGE" {
		send([]string{"ZADD", words[1], "%012d", "element:%012d"}, 0)
	}
	send(words, b.N)
}

func randomPipelines(words []string, depth int) [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	requests := make([][]byte, 2*benchNumbers/depth)
	for r := range requests {
		for range depth {
			args := slices.Clone(words)
			for i, arg := range args {
				if strings.Contains(arg, "%") {
					args[i] = fmt.Sprintf(arg, rng.IntN(benchNumbers))
				}
			}
			requests[r] = resp.AppendCommandStrings(requests[r], args...)
		}
	}
	return requests
}
