package member

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/cluster"
	"holdfast/internal/simnet"
	"holdfast/node/config"
	"holdfast/node/identity"
	"holdfast/replication"
	"holdfast/transport"
)

// shut is a connection that its other side has closed, after some words that arrive here when something could not be
// sent any more.
type shut struct {
	net.Conn
	words  io.Reader
	failed chan struct{}
}

func (c shut) Write([]byte) (int, error) {
	close(c.failed)
	return 0, os.NewSyscallError("write", syscall.EPIPE)
}

func (c shut) Read(p []byte) (int, error) {
	<-c.failed
	time.Sleep(5 * time.Millisecond)
	return c.words.Read(p)
}

func (c shut) Close() error                     { return nil }
func (c shut) SetReadDeadline(time.Time) error  { return nil }
func (c shut) SetWriteDeadline(time.Time) error { return nil }

// shutAt is a network on which one address answers so.
type shutAt struct {
	transport.Network
	addr, words string
}

func (n shutAt) Dial(ctx context.Context, addr string) (net.Conn, error) {
	if addr == n.addr {
		return shut{words: strings.NewReader(n.words), failed: make(chan struct{})}, nil
	}
	return n.Network.Dial(ctx, addr)
}

// TestRefusalBeforeAHeartbeat: why a sentinel closes a connection is read also when the heartbeat comes too late to be
// sent.
func TestRefusalBeforeAHeartbeat(t *testing.T) {
	for _, c := range []struct {
		words string
		want  error
	}{
		{"-ERR max number of clients reached\r\n", refusal("ERR max number of clients reached")},
		{"", io.EOF},
	} {
		synctest.Test(t, func(t *testing.T) {
			const sentinel = "10.0.0.7:26379"
			net := simnet.New(1)
			defer net.Close()
			logger, papers := slog.New(slog.DiscardHandler), identity.New(nil, nil)
			log := replication.NewLog(replication.LogConfig{})
			a := New(t.Context(), Config{
				Settings: config.Default(), Identity: papers, Features: identity.NewFeatures(1, papers),
				Lease: NewLease(time.Now), Network: shutAt{net.Host("10.0.0.1"), sentinel, c.words}, Logger: logger,
				Lock: new(sync.Mutex), Log: log, Feeder: replication.NewFeeder(replication.FeederConfig{Log: log}),
			})
			p := Alone(false)
			a.Stand(&p)
			a.Introduce(one("a"), nil)
			if err := a.Join(cluster.GossipConfig{Bind: "10.0.0.1:16379",
				Advertise: "10.0.0.1:16379", Join: []string{"10.0.0.7:46379"}}); err != nil {
				t.Fatal(err)
			}
			for !a.mayJoin() {
				time.Sleep(time.Second)
			}
			l := &sentinelLink{a: a, addr: sentinel, poke: make(chan struct{}, 1)}
			if err := l.session(); !errors.Is(err, c.want) {
				t.Errorf("%q: %v, want %v", c.words, err, c.want)
			}
			if err := a.Close(); err != nil {
				t.Error(err)
			}
			time.Sleep(cluster.GossipLinger)
		})
	}
}
