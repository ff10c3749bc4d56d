package resp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// shut is a connection that the other side has closed already, after it said these words; silent if it is still open.
type shut struct {
	net.Conn
	words io.Reader
	open  bool
	until atomic.Pointer[time.Time] // as those of a real connection, deadlines are set beside a Read
}

func (c *shut) Write([]byte) (int, error) { return 0, os.NewSyscallError("write", syscall.EPIPE) }

func (c *shut) Read(p []byte) (int, error) {
	n, err := c.words.Read(p)
	if err == io.EOF && c.open {
		time.Sleep(time.Until(*c.until.Load()))
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

func (c *shut) SetReadDeadline(t time.Time) error { c.until.Store(&t); return nil }
func (c *shut) SetWriteDeadline(time.Time) error  { return nil }

// TestReason: what a server said before it closed the connection is the error of a command that could not be sent any
// more.
func TestReason(t *testing.T) {
	for _, c := range []struct {
		words  string
		open   bool
		reason string
	}{
		{"-ERR max number of clients reached\r\n", false, "ERR max number of clients reached"},
		{">1\r\n+news\r\n+OK\r\n-NOPERM not you\r\n", false, "NOPERM not you"},
		{"-ERR one that was known\r\n+OK\r\n", false, ""},
		{"-ERR of a connection that goes on\r\n", true, ""},
		{"-ERR half of an err", false, ""},
		{"", false, ""},
		{"", true, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			_, err := NewClient(&shut{words: strings.NewReader(c.words), open: c.open}).Do(t.Context(), "PING")
			if !errors.Is(err, syscall.EPIPE) {
				t.Errorf("%q: %v, which does not say that nothing could be sent", c.words, err)
			}
			if _, said, _ := strings.Cut(fmt.Sprint(err), "the server said: "); said != c.reason {
				t.Errorf("%q: %v, want %q", c.words, err, c.reason)
			}
			if took := time.Since(begun); took > lastWords {
				t.Errorf("%q: it took %v", c.words, took)
			}
		})
	}
}
