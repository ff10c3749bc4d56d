package poll

import (
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"
)

// Conn reads and writes a TCP connection with system calls that Go's scheduler isn't told of. They never block, and
// telling it costs: about as much as a short call itself, and while calls are under way its monitor looks every 20 µs
// whether one takes long, and moves the others' work to another thread. That was a seventh of the node's CPU.
type Conn struct {
	tcp     *net.TCPConn
	raw     syscall.RawConn
	in, out transfer // of the one reader, and of the one writer
	fd      int32    // as it is known to the set, guarded by the set's lock
}

// transfer is one call of TryRead or TryWrite.
type transfer struct {
	p    []byte
	n    int
	err  syscall.Errno
	call func(fd uintptr)
}

// maxRaw bounds the bytes of such a call: a longer one may well take its time.
const maxRaw = 64 << 10

// NewConn prepares conn; the caller closes it.
func NewConn(conn *net.TCPConn) (*Conn, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := &Conn{tcp: conn, raw: raw, fd: -1}
	c.in.call = func(fd uintptr) { c.in.do(syscall.SYS_READ, fd) }
	c.out.call = func(fd uintptr) { c.out.do(syscall.SYS_WRITE, fd) }
	return c, nil
}

func (t *transfer) do(trap, fd uintptr) {
	for {
		n, _, err := syscall.RawSyscall(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(t.p))), uintptr(len(t.p)))
		if err == syscall.EINTR {
			continue
		}
		t.n, t.err = int(n), err
		return
	}
}

// try makes the call; ready is false when the socket can't take part now.
func (t *transfer) try(raw syscall.RawConn, name string, p []byte) (n int, ready bool, err error) {
	t.p = p[:min(len(p), maxRaw)]
	err = raw.Control(t.call) // the descriptor can't be closed and used again meanwhile
	t.p = nil
	switch {
	case err != nil:
		return 0, true, err
	case t.err == syscall.EAGAIN:
		return 0, false, nil
	case t.err != 0:
		return 0, true, os.NewSyscallError(name, t.err)
	}
	return t.n, true, nil
}

// TryRead reads what there is, at most 64 KiB: 0 bytes and no error when there is nothing yet. drained says that there
// was no more.
func (c *Conn) TryRead(p []byte) (n int, drained bool, err error) {
	n, ready, err := c.in.try(c.raw, "read", p)
	if err == nil && ready && n == 0 && len(p) > 0 {
		err = io.EOF
	}
	return n, n < min(len(p), maxRaw), err
}

// TryWrite writes as much of p as the connection takes now.
func (c *Conn) TryWrite(p []byte) (written int, err error) {
	for written < len(p) {
		n, ready, err := c.out.try(c.raw, "write", p[written:])
		if err != nil || !ready {
			return written, err
		}
		written += n
	}
	return written, nil
}
