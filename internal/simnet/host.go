package simnet

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"holdfast/transport"
)

// dialTimeout is how long a dial without a deadline waits for an answer, as Linux does.
const dialTimeout = 127 * time.Second

// firstEphemeral is the first port given out for port 0.
const firstEphemeral = 32768

// Host is one process on a machine: its listeners, sockets and connections. It implements transport.Network. When the
// process has died, every call of it fails; Restart gives the next one.
type Host struct {
	net       *Network
	machine   *machine
	dead      bool
	listeners map[endpoint]*listener
	packets   map[endpoint]*packetConn
	conns     map[*conn]struct{}
}

var _ transport.Network = (*Host)(nil)

// endpoint is what a socket is bound to; the unspecified IP is the zero Addr.
type endpoint struct {
	ip   netip.Addr
	port uint16
}

func newHost(n *Network, m *machine) *Host {
	return &Host{net: n, machine: m, listeners: map[endpoint]*listener{}, packets: map[endpoint]*packetConn{},
		conns: map[*conn]struct{}{}}
}

// IP is the machine's address.
func (h *Host) IP() string { return h.machine.ip.String() }

// Dead reports whether the process has ended.
func (h *Host) Dead() bool {
	h.net.mu.Lock()
	defer h.net.unlock()
	return h.dead
}

// Kill ends the process as kill -9 does: listeners and connections vanish, peers' connections are reset, dials are
// refused.
func (h *Host) Kill() {
	h.net.mu.Lock()
	defer h.net.unlock()
	if !h.dead {
		h.net.tracef("kill %s", h.machine.ip)
		h.end(false)
		h.net.topologyChanged()
	}
}

// Crash ends the machine, as pulling its plug does: peers hear nothing, what it had sent and wasn't delivered is lost,
// dials time out.
func (h *Host) Crash() {
	h.net.mu.Lock()
	defer h.net.unlock()
	if !h.dead {
		h.net.tracef("crash %s", h.machine.ip)
		h.machine.down = true
		h.end(true)
		h.net.topologyChanged()
	}
}

// Restart starts a new process on the machine and returns it; a live one is killed first. Peers that still send to
// connections of the old one get them reset.
func (h *Host) Restart() *Host {
	h.net.mu.Lock()
	defer h.net.unlock()
	m := h.machine
	if !m.host.dead {
		h.net.tracef("kill %s", m.ip)
		m.host.end(false)
	}
	h.net.tracef("restart %s", m.ip)
	m.down = false
	m.host = newHost(h.net, m)
	m.host.dead = h.net.closed
	h.net.topologyChanged()
	return m.host
}

// end takes everything from the process.
func (h *Host) end(silent bool) {
	h.dead = true
	for _, l := range h.listeners {
		l.end()
		l.queue = nil
	}
	for _, p := range h.packets {
		p.end()
	}
	ends := slices.SortedFunc(maps.Keys(h.conns), func(a, b *conn) int { return cmp.Compare(a.id, b.id) })
	for _, c := range ends {
		c.vanish(silent)
	}
}

// Listen accepts streams on "ip:port" or ":port" of the machine or its loopback.
func (h *Host) Listen(addr string) (net.Listener, error) {
	h.net.mu.Lock()
	defer h.net.unlock()
	at, ip, err := h.bind(addr, func(e endpoint) bool { return taken(h.listeners, e) })
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Err: err}
	}
	l := &listener{host: h, at: at, addr: &net.TCPAddr{IP: ip, Port: int(at.port)}}
	l.waiting.L = &h.net.mu
	h.listeners[at] = l
	h.net.tracef("listen %s on %s", l.addr, h.machine.ip)
	return l, nil
}

// ListenPacket opens a datagram socket on "ip:port" or ":port".
func (h *Host) ListenPacket(addr string) (net.PacketConn, error) {
	h.net.mu.Lock()
	defer h.net.unlock()
	at, ip, err := h.bind(addr, func(e endpoint) bool { return taken(h.packets, e) })
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "udp", Err: err}
	}
	p := newPacketConn(h, at, &net.UDPAddr{IP: ip, Port: int(at.port)})
	h.packets[at] = p
	return p, nil
}

func taken[S any](sockets map[endpoint]S, e endpoint) bool {
	for other := range sockets {
		if other.port == e.port && (other.ip == e.ip || !other.ip.IsValid() || !e.ip.IsValid()) {
			return true
		}
	}
	return false
}

// bind resolves an address to listen on; ip is what the socket reports.
func (h *Host) bind(addr string, taken func(endpoint) bool) (at endpoint, ip net.IP, err error) {
	if h.dead {
		return at, nil, net.ErrClosed
	}
	a, err := h.resolve(addr)
	if err != nil {
		return at, nil, err
	}
	at.port = a.Port()
	ip = net.IP(a.Addr().AsSlice())
	if !a.Addr().IsUnspecified() {
		at.ip = a.Addr()
		if at.ip != h.machine.ip && !at.ip.IsLoopback() {
			return at, nil, os.NewSyscallError("bind", syscall.EADDRNOTAVAIL)
		}
	}
	if at.port == 0 {
		for at.port = h.ephemeral(); taken(at); at.port = h.ephemeral() {
		}
	} else if taken(at) {
		return at, nil, os.NewSyscallError("bind", syscall.EADDRINUSE)
	}
	return at, ip, nil
}

// ephemeral gives out ports in turn, so that a port is not reused soon.
func (h *Host) ephemeral() uint16 {
	p := h.machine.port
	if h.machine.port++; h.machine.port < firstEphemeral {
		h.machine.port = firstEphemeral
	}
	return p
}

// resolve reads "host:port" with nothing for the host, or what LookupIP knows. It needs mu.
func (h *Host) resolve(addr string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return netip.AddrPort{}, err
	}
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, &net.AddrError{Err: "invalid port", Addr: addr}
	}
	if host == "" {
		host = "::"
	}
	ip, err := h.net.lookup(host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(ip.Unmap(), uint16(p)), nil
}

// LookupIP resolves a literal IP, localhost, or a name that Network.Name has given.
func (h *Host) LookupIP(_ context.Context, host string) ([]net.IP, error) {
	h.net.mu.Lock()
	defer h.net.unlock()
	ip, err := h.net.lookup(host)
	if err != nil {
		return nil, err
	}
	return []net.IP{ip.AsSlice()}, nil
}

// lookup needs mu.
func (n *Network) lookup(host string) (netip.Addr, error) {
	named, ok := n.names[host]
	switch {
	case ok:
		host = named
	case host == "localhost":
		host = "127.0.0.1"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return ip, nil
}

// Dial opens a stream. It takes a round trip; across a cut, or to a machine that is down, it waits until the network
// heals, ctx ends or the dial times out, as the resent SYN of TCP does.
func (h *Host) Dial(ctx context.Context, addr string) (net.Conn, error) {
	c, err := h.dial(ctx, addr)
	if err != nil {
		h.net.mu.Lock()
		h.net.tracef("dial %s -> %s: %v", h.machine.ip, addr, err)
		h.net.unlock()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: textAddr(addr), Err: err}
	}
	return c, nil
}

func (h *Host) dial(ctx context.Context, addr string) (net.Conn, error) {
	h.net.mu.Lock()
	target, err := h.resolve(addr)
	h.net.unlock()
	if err != nil {
		return nil, err
	}
	start, travelled := time.Now(), false
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		left := dialTimeout - time.Since(start)
		if left <= 0 {
			return nil, os.NewSyscallError("connect", syscall.ETIMEDOUT)
		}
		c, wait, changed, err := h.attempt(target, travelled)
		if c != nil || err != nil {
			return c, err
		}
		if changed == nil {
			left = min(left, wait)
		}
		timer := time.NewTimer(left)
		select {
		case <-changed: // never, if nil
			travelled = false
		case <-timer.C:
			travelled = changed == nil
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// attempt is one look at the network: the connection, or a refusal, or a time to wait, or nothing until changed.
// A conn is returned as interface only when there is one.
func (h *Host) attempt(target netip.AddrPort, travelled bool) (net.Conn, time.Duration, <-chan struct{}, error) {
	n := h.net
	n.mu.Lock()
	defer n.unlock()
	if h.dead {
		return nil, 0, nil, net.ErrClosed
	}
	ip := target.Addr()
	m := n.machines[ip]
	if ip.IsLoopback() || ip.IsUnspecified() {
		m = h.machine
	}
	if m == nil {
		return nil, 0, n.changed, nil
	}
	there, back := n.link(h.machine, m), n.link(m, h.machine)
	if there.blocked() || back.blocked() {
		return nil, 0, n.changed, nil
	}
	if !travelled {
		if rtt := there.delay() + back.delay(); rtt > 0 {
			return nil, rtt, nil, nil
		}
	}
	l := m.host.listeners[endpoint{ip, target.Port()}]
	if l == nil {
		l = m.host.listeners[endpoint{port: target.Port()}]
	}
	if l == nil {
		return nil, 0, nil, os.NewSyscallError("connect", syscall.ECONNREFUSED)
	}
	if len(l.queue) >= backlog {
		return nil, time.Second, nil, nil // the SYN was dropped; it is sent again
	}
	from := h.machine.ip
	if ip.IsLoopback() {
		from = ip
	} else if ip.IsUnspecified() {
		ip = from
	}
	c, s := connect(n, h, l.host, tcpAddr(from, h.ephemeral()), tcpAddr(ip, target.Port()))
	l.queue = append(l.queue, s)
	l.waiting.Signal()
	n.tracef("dial %s -> %s", c.laddr, c.raddr)
	return c, 0, nil, nil
}

func tcpAddr(ip netip.Addr, port uint16) *net.TCPAddr {
	return &net.TCPAddr{IP: net.IP(ip.AsSlice()), Port: int(port)}
}

// textAddr is an address that may not have been resolved.
type textAddr string

// Network is "tcp".
func (textAddr) Network() string { return "tcp" }

// String is the address as it was given.
func (a textAddr) String() string { return string(a) }

// String describes the host in messages of tests.
func (h *Host) String() string { return fmt.Sprintf("simnet host %s", h.machine.ip) }
