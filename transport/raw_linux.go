//go:build amd64 || arm64

package transport

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"unsafe"
)

// maxRaw bounds the bytes of one call: a longer one may well take its time.
const maxRaw = 64 << 10

// rawStream is conn, read and written by raw calls if it is one of the machine's.
func rawStream(conn net.Conn) net.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return conn // it is closed already, and says so when it is used
	}
	c := &rawTCP{TCPConn: tcp, raw: raw}
	c.in.call = func(fd uintptr) bool { return c.in.stream(syscall.SYS_READ, fd) }
	c.out.call = func(fd uintptr) bool { return c.out.stream(syscall.SYS_WRITE, fd) }
	return c
}

// rawTCP is a TCP connection.
type rawTCP struct {
	*net.TCPConn
	raw     syscall.RawConn
	in, out transfer
}

// transfer is one direction of a socket, and the call that is being made.
type transfer struct {
	mu   sync.Mutex // held during it
	p    []byte
	peer syscall.RawSockaddrInet6 // of a datagram; its room is enough for IPv4's
	size uint32                   // of peer
	n    int
	err  syscall.Errno
	call func(fd uintptr) (done bool)
}

// stream makes a call that has no more arguments. It is to be made again when the socket is ready, unless it is done.
func (t *transfer) stream(trap, fd uintptr) (done bool) {
	for {
		n, _, err := syscall.RawSyscall(trap, fd, uintptr(unsafe.Pointer(unsafe.SliceData(t.p))), uintptr(len(t.p)))
		if t.n, t.err = int(n), err; err != syscall.EINTR {
			return err != syscall.EAGAIN
		}
	}
}

// receive is stream for a datagram.
func (t *transfer) receive(fd uintptr) (done bool) {
	for {
		t.size = uint32(unsafe.Sizeof(t.peer))
		n, _, err := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(t.p))),
			uintptr(len(t.p)), 0,
			uintptr(unsafe.Pointer(&t.peer)), uintptr(unsafe.Pointer(&t.size)))
		if t.n, t.err = int(n), err; err != syscall.EINTR {
			return err != syscall.EAGAIN
		}
	}
}

// send is stream for a datagram.
func (t *transfer) send(fd uintptr) (done bool) {
	for {
		n, _, err := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(t.p))),
			uintptr(len(t.p)), 0,
			uintptr(unsafe.Pointer(&t.peer)), uintptr(t.size))
		if t.n, t.err = int(n), err; err != syscall.EINTR {
			return err != syscall.EAGAIN
		}
	}
}

// do makes the call once the socket is ready for it; wait is one of its RawConn's.
func (t *transfer) do(wait func(func(fd uintptr) bool) error, name string, p []byte) (n int, err error) {
	t.p = p
	err = wait(t.call)
	t.p = nil
	switch {
	case err != nil:
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err // the caller says what it was
		}
		return 0, err
	case t.err != 0:
		return 0, os.NewSyscallError(name, t.err)
	}
	return t.n, nil
}

// Read waits until there is something to read.
func (c *rawTCP) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return c.TCPConn.Read(p)
	}
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	n, err := c.in.do(c.raw.Read, "read", p[:min(len(p), maxRaw)])
	switch {
	case err != nil:
		return 0, c.failed("read", err)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// Write writes all of p.
func (c *rawTCP) Write(p []byte) (written int, err error) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	for first := true; first || written < len(p); first = false {
		n, err := c.out.do(c.raw.Write, "write", p[written:min(len(p), written+maxRaw)])
		if err != nil {
			return written, c.failed("write", err)
		}
		written += n
	}
	return written, nil
}

func (c *rawTCP) failed(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

// rawPackets is conn, read and written by raw calls if it is one of the machine's.
func rawPackets(conn net.PacketConn) net.PacketConn {
	udp, ok := conn.(*net.UDPConn)
	if !ok {
		return conn
	}
	raw, err := udp.SyscallConn()
	if err != nil {
		return conn // as above
	}
	c := &rawUDP{UDPConn: udp, raw: raw}
	known := false
	err = raw.Control(func(fd uintptr) {
		at, err := syscall.Getsockname(int(fd))
		_, c.v6 = at.(*syscall.SockaddrInet6)
		known = err == nil
	})
	if err != nil || !known {
		return conn // as above
	}
	c.in.call, c.out.call = c.in.receive, c.out.send
	return c
}

// rawUDP is a socket for datagrams.
type rawUDP struct {
	*net.UDPConn
	raw     syscall.RawConn
	v6      bool // the addresses of its calls are IPv6's
	in, out transfer
}

// ReadFrom waits for a datagram.
func (c *rawUDP) ReadFrom(p []byte) (int, net.Addr, error) {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	n, err := c.in.do(c.raw.Read, "recvfrom", p)
	if err != nil {
		return 0, nil, &net.OpError{Op: "read", Net: "udp", Source: c.LocalAddr(), Err: err}
	}
	return n, c.in.from(), nil
}

// WriteTo sends a datagram.
func (c *rawUDP) WriteTo(p []byte, addr net.Addr) (int, error) {
	to, ok := addr.(*net.UDPAddr)
	if !ok {
		return c.UDPConn.WriteTo(p, addr)
	}
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if !c.out.to(to, c.v6) {
		return c.UDPConn.WriteTo(p, addr) // it is rare, or says what is wrong
	}
	n, err := c.out.do(c.raw.Write, "sendto", p)
	if err != nil {
		return 0, &net.OpError{Op: "write", Net: "udp", Source: c.LocalAddr(), Addr: addr, Err: err}
	}
	return n, nil
}

// from is whose datagram was received.
func (t *transfer) from() net.Addr {
	port := func(p *uint16) int { return int(binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(p))[:])) }
	if t.peer.Family == syscall.AF_INET {
		a := (*syscall.RawSockaddrInet4)(unsafe.Pointer(&t.peer))
		return &net.UDPAddr{IP: net.IPv4(a.Addr[0], a.Addr[1], a.Addr[2], a.Addr[3]), Port: port(&a.Port)}
	}
	addr := &net.UDPAddr{IP: append(net.IP(nil), t.peer.Addr[:]...), Port: port(&t.peer.Port)}
	if id := t.peer.Scope_id; id != 0 {
		addr.Zone = strconv.FormatUint(uint64(id), 10)
	}
	return addr
}

// to sets whose the next datagram is to be; false: it can't say that.
func (t *transfer) to(addr *net.UDPAddr, v6 bool) bool {
	if addr.Zone != "" || addr.Port < 0 || addr.Port > 0xffff {
		return false
	}
	put := func(p *uint16) { binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(p))[:], uint16(addr.Port)) }
	ip4, ip6 := addr.IP.To4(), addr.IP.To16()
	switch {
	case v6 && ip6 != nil:
		t.peer = syscall.RawSockaddrInet6{Family: syscall.AF_INET6, Addr: [16]byte(ip6)}
		put(&t.peer.Port)
		t.size = syscall.SizeofSockaddrInet6
	case !v6 && ip4 != nil:
		a := (*syscall.RawSockaddrInet4)(unsafe.Pointer(&t.peer))
		*a = syscall.RawSockaddrInet4{Family: syscall.AF_INET, Addr: [4]byte(ip4)}
		put(&a.Port)
		t.size = syscall.SizeofSockaddrInet4
	default:
		return false
	}
	return true
}
