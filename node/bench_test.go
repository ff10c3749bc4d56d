package node

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"holdfast/node/config"
	"holdfast/resp"
)

// endless is a client that sends the same bytes for a number of reads and is deaf to replies.
type endless struct {
	net.Conn
	request []byte
	left    int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	e.left--
	return copy(p, e.request), nil
}

func (e *endless) Write(p []byte) (int, error)     { return len(p), nil }
func (e *endless) RemoteAddr() net.Addr            { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (e *endless) LocalAddr() net.Addr             { return e.RemoteAddr() }
func (e *endless) SetReadDeadline(time.Time) error { return nil }

// BenchmarkPipeline is a client's pipeline from the bytes read to the bytes to be written, without sockets; it must not allocate.
func BenchmarkPipeline(b *testing.B) {
	for _, words := range [][]string{{"SET", "key:%012d", "012345678901234567890123"}, {"GET", "key:%012d"}} {
		for _, depth := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/%d", words[0], depth), func(b *testing.B) {
				n, err := New(Config{Settings: config.Default(), Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					b.Fatal(err)
				}
				var request []byte
				for i := range depth {
					args := append([]string(nil), words...)
					args[1] = fmt.Sprintf(args[1], i)
					request = resp.AppendCommandStrings(request, args...)
				}
				b.ReportAllocs()
				b.ResetTimer()
				n.serve(context.Background(), &endless{request: request, left: b.N})
			})
		}
	}
}
