package node

import (
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"
)

// socket reads and writes a TCP connection with system calls that Go's scheduler isn't told of. They never block, and
// telling it costs: about as much as a short call itself, and while calls are under way its monitor looks every 20 µs
// whether one takes long, and moves the others' work to another thread. That was a seventh of the node's CPU.
type socket struct {
	tcp     *net.TCPConn
	raw     syscall.RawConn
	in, out transfer // of the one reader, and of the one writer
	peek    [1]byte
}

// transfer is one call of Read or Write.
type transfer struct {
	p   []byte
	n   int
	err syscall.Errno
	try func(fd uintptr) (done bool)
}

// maxUntold bounds the bytes of such a call: a longer one may well take its time.
const maxUntold = 64 << 10

// newWire is the cheapest way to read and write conn.
func newWire(conn net.Conn) wire {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return plainWire{conn}
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return plainWire{conn} // it is closed already, and says so when it is used
	}
	s := &socket{tcp: tcp, raw: raw}
	s.in.try = func(fd uintptr) bool { return s.in.call(syscall.SYS_READ, fd) }
	s.out.try = func(fd uintptr) bool { return s.out.call(syscall.SYS_WRITE, fd) }
	return s
}

// call makes the system call; it isn't done when it has to be made again once the socket is ready.
func (t *transfer) call(trap, fd uintptr) (done bool) {
	for {
		n, _, err := syscall.RawSyscall(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(t.p))), uintptr(len(t.p)))
		if err == syscall.EINTR {
			continue
		}
		t.n, t.err = int(n), err
		return err != syscall.EAGAIN
	}
}

// Read reads what there is, or waits for something.
func (s *socket) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	t := &s.in
	t.p = p[:min(len(p), maxUntold)]
	err := s.raw.Read(t.try)
	t.p = nil
	switch {
	case err != nil:
		return 0, err
	case t.err != 0:
		return 0, os.NewSyscallError("read", t.err)
	case t.n == 0:
		return 0, io.EOF
	}
	return t.n, nil
}

// Write writes all of p.
func (s *socket) Write(p []byte) (written int, err error) {
	t := &s.out
	for written < len(p) {
		if len(p)-written > maxUntold {
			n, err := s.tcp.Write(p[written:])
			return written + n, err
		}
		t.p = p[written:]
		err := s.raw.Write(t.try)
		t.p = nil
		if err == nil && t.err != 0 {
			err = os.NewSyscallError("write", t.err)
		}
		if err != nil {
			return written, err
		}
		written += t.n
	}
	return written, nil
}

// Wait takes a look at the next byte: the scheduler forgets what it knew of a socket before it lets anybody wait for it.
func (s *socket) Wait() error {
	return s.raw.Read(func(fd uintptr) (done bool) {
		for {
			_, _, err := syscall.Recvfrom(int(fd), s.peek[:], syscall.MSG_PEEK)
			if err != syscall.EINTR {
				return err != syscall.EAGAIN // an end or an error is for Read to tell
			}
		}
	})
}
