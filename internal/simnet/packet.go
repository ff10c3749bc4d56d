package simnet

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	packetQueue   = 4096  // datagrams that a socket holds, in flight to it and unread
	packetSizeMax = 65507 // bytes of payload in one
)

// localhost is whom a machine hears from when it talks to itself.
var localhost = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// packetConn is a datagram socket. Guarded by Network.mu.
type packetConn struct {
	host     *Host
	at       endpoint
	addr     *net.UDPAddr
	inFlight []datagram // by due: jitter overtakes, as UDP may
	queue    []datagram
	rd, wd   deadline
	timer    *time.Timer
	readable sync.Cond
	closed   bool
	wake     func()
}

type datagram struct {
	link *link
	from *net.UDPAddr
	data []byte
	due  time.Time
}

func newPacketConn(h *Host, at endpoint, addr *net.UDPAddr) *packetConn {
	p := &packetConn{host: h, at: at, addr: addr}
	p.readable.L = &h.net.mu
	p.wake = waker(h.net, p.readable.Broadcast)
	return p
}

// ReadFrom waits for the next datagram; what doesn't fit b is lost.
func (p *packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n := p.host.net
	n.mu.Lock()
	defer n.unlock()
	for {
		switch {
		case p.closed:
			return 0, nil, p.fail("read", nil, net.ErrClosed)
		case p.rd.passed():
			return 0, nil, p.fail("read", nil, os.ErrDeadlineExceeded)
		case len(p.queue) > 0:
			d := p.queue[0]
			p.queue = p.queue[1:]
			return copy(b, d.data), d.from, nil
		}
		p.readable.Wait()
	}
}

// WriteTo sends a datagram; as with UDP, no error doesn't mean that it arrives.
func (p *packetConn) WriteTo(b []byte, addr net.Addr) (int, error) {
	n := p.host.net
	to, ok := addr.(*net.UDPAddr)
	if !ok {
		return 0, p.fail("write", addr, &net.AddrError{Err: "not a *net.UDPAddr", Addr: addr.String()})
	}
	n.mu.Lock()
	defer n.unlock()
	switch {
	case p.closed:
		return 0, p.fail("write", addr, net.ErrClosed)
	case p.wd.passed():
		return 0, p.fail("write", addr, os.ErrDeadlineExceeded)
	case len(b) > packetSizeMax:
		return 0, p.fail("write", addr, os.NewSyscallError("sendto", syscall.EMSGSIZE))
	}
	ip, ok := netip.AddrFromSlice(to.IP)
	if !ok {
		ip = netip.IPv6Unspecified()
	}
	ip = ip.Unmap()
	m, from := n.machines[ip], p.host.machine.ip
	if ip.IsLoopback() || ip.IsUnspecified() {
		m, from, ip = p.host.machine, localhost, localhost
	}
	if m == nil {
		return len(b), nil
	}
	l := n.link(p.host.machine, m)
	if l.blocked() || (l.loss > 0 && l.rng.Float64() < l.loss) {
		n.tracef("lost datagram %s -> %s", from, to)
		return len(b), nil
	}
	s := m.host.packets[endpoint{ip, uint16(to.Port)}]
	if s == nil {
		s = m.host.packets[endpoint{port: uint16(to.Port)}]
	}
	if s == nil {
		return len(b), nil
	}
	if len(s.queue)+len(s.inFlight) >= packetQueue {
		n.tracef("lost datagram %s -> %s: queue full", from, to)
		return len(b), nil
	}
	d := datagram{
		link: l,
		from: &net.UDPAddr{IP: net.IP(from.AsSlice()), Port: int(p.at.port)},
		data: slices.Clone(b),
		due:  time.Now().Add(l.delay()),
	}
	s.send(d)
	if l.twice > 0 && l.rng.Float64() < l.twice {
		d.due = time.Now().Add(l.delay())
		s.send(d)
	}
	return len(b), nil
}

// send puts d among those on their way to p.
func (p *packetConn) send(d datagram) {
	if !d.due.After(time.Now()) {
		p.queue = append(p.queue, d)
		p.readable.Signal()
		return
	}
	i := len(p.inFlight)
	for i > 0 && p.inFlight[i-1].due.After(d.due) {
		i--
	}
	p.inFlight = slices.Insert(p.inFlight, i, d)
	if i == 0 {
		p.arm()
	}
}

func (p *packetConn) arm() {
	if len(p.inFlight) == 0 || p.closed {
		return
	}
	wait := time.Until(p.inFlight[0].due)
	if p.timer == nil {
		p.timer = time.AfterFunc(wait, p.deliver)
	} else {
		p.timer.Reset(wait)
	}
}

// deliver is called by the timer. What a cut link was carrying is lost.
func (p *packetConn) deliver() {
	p.host.net.mu.Lock()
	defer p.host.net.unlock()
	now := time.Now()
	due := 0
	for ; due < len(p.inFlight) && !p.inFlight[due].due.After(now); due++ {
		d := p.inFlight[due]
		if d.link.blocked() {
			p.host.net.tracef("lost datagram %s -> %s: cut", d.from.IP, p.addr)
			continue
		}
		p.queue = append(p.queue, d)
	}
	p.inFlight = slices.Delete(p.inFlight, 0, due)
	p.readable.Broadcast()
	p.arm()
}

// Close wakes a waiting ReadFrom and drops everything queued.
func (p *packetConn) Close() error {
	n := p.host.net
	n.mu.Lock()
	defer n.unlock()
	if p.closed {
		return p.fail("close", nil, net.ErrClosed)
	}
	p.end()
	return nil
}

func (p *packetConn) end() {
	p.closed = true
	delete(p.host.packets, p.at)
	p.rd.stop()
	p.wd.stop()
	if p.timer != nil {
		p.timer.Stop()
	}
	p.inFlight, p.queue = nil, nil
	p.readable.Broadcast()
}

// LocalAddr is a *net.UDPAddr.
func (p *packetConn) LocalAddr() net.Addr { return p.addr }

// SetDeadline sets both deadlines.
func (p *packetConn) SetDeadline(t time.Time) error { return p.setDeadlines(t, true, true) }

// SetReadDeadline fails ReadFrom from t on, also one that waits.
func (p *packetConn) SetReadDeadline(t time.Time) error { return p.setDeadlines(t, true, false) }

// SetWriteDeadline fails WriteTo from t on; it never waits.
func (p *packetConn) SetWriteDeadline(t time.Time) error { return p.setDeadlines(t, false, true) }

func (p *packetConn) setDeadlines(t time.Time, read, write bool) error {
	n := p.host.net
	n.mu.Lock()
	defer n.unlock()
	if p.closed {
		return p.fail("set", nil, net.ErrClosed)
	}
	if read {
		p.rd.set(t, p.wake)
		p.readable.Broadcast()
	}
	if write {
		p.wd.set(t, p.wake)
	}
	return nil
}

func (p *packetConn) fail(op string, to net.Addr, err error) error {
	return &net.OpError{Op: op, Net: "udp", Source: p.addr, Addr: to, Err: err}
}
