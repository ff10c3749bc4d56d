package replication

import (
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"

	"holdfast/netloop"
)

// newLoops are loops that end with the test.
func newLoops(t *testing.T) *netloop.Loops {
	l := netloop.New(netloop.Config{})
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// TestReasonBeforeTheEnd: a master that says why before it closes the connection is quoted, whatever it was asked
// first.
func TestReasonBeforeTheEnd(t *testing.T) {
	for _, chain := range []bool{false, true} {
		ours, theirs := net.Pipe()
		go io.Copy(io.Discard, theirs)
		go func() {
			_, _ = io.WriteString(theirs, "-ERR max number of clients reached\r\n")
			_ = theirs.Close()
		}()
		f := NewFollower(FollowConfig{Addr: "10.0.0.1:6379", Loops: newLoops(t), Log: NewLog(LogConfig{}), Chain: chain,
			Logger: slog.New(slog.DiscardHandler)})
		u := newUpstream(f, ours, func(error) {})
		_, err := u.handshake()
		if err == nil || !strings.Contains(err.Error(), "max number of clients reached") {
			t.Errorf("in a chain %v: %v", chain, err)
		}
		_ = ours.Close()
	}
}

// deaf is a connection to which nothing can be sent any more; what the other side said before can be read.
type deaf struct{ net.Conn }

func (deaf) Write([]byte) (int, error) { return 0, syscall.EPIPE }

// TestReasonBeforeTheFirstWord: the same where the master has closed the connection before it was asked anything.
func TestReasonBeforeTheFirstWord(t *testing.T) {
	for words, want := range map[string]string{"-DENIED not you\r\n": "DENIED not you", "": "broken pipe"} {
		ours, theirs := net.Pipe()
		go func() {
			_, _ = io.WriteString(theirs, words)
			_ = theirs.Close()
		}()
		f := NewFollower(FollowConfig{Addr: "10.0.0.1:6379", Loops: newLoops(t), Log: NewLog(LogConfig{}),
			Logger: slog.New(slog.DiscardHandler)})
		if _, err := newUpstream(f, deaf{ours}, func(error) {}).handshake(); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", words, err, want)
		}
		_ = ours.Close()
	}
}
