package transport

import (
	"context"
	"net"
	"net/netip"
)

// Network opens streams and datagram sockets. Addresses are "host:port"; port 0 asks for a free one.
type Network interface {
	// Listen accepts streams (TCP) on addr.
	Listen(addr string) (net.Listener, error)
	// ListenPacket receives datagrams (UDP) on addr.
	ListenPacket(addr string) (net.PacketConn, error)
	// Dial opens a stream to addr; ctx bounds the attempt, not the connection.
	Dial(ctx context.Context, addr string) (net.Conn, error)
	// LookupIP resolves a host: a literal IP to itself, a name to all it stands for now.
	LookupIP(ctx context.Context, host string) ([]net.IP, error)
}

// Host is the network of the machine the process runs on.
type Host struct{}

// Listen accepts TCP connections.
func (Host) Listen(addr string) (net.Listener, error) { return net.Listen("tcp"+family(addr), addr) }

// ListenPacket opens a UDP socket.
func (Host) ListenPacket(addr string) (net.PacketConn, error) {
	return net.ListenPacket("udp"+family(addr), addr)
}

// family keeps all addresses of a protocol to that one: net takes 0.0.0.0 for all of IPv6 too, so that it listened
// where nobody asked it to, and was in the way of [::] beside it. No host is all of both.
func family(addr string) string {
	to, err := netip.ParseAddrPort(addr)
	switch {
	case err != nil, !to.Addr().IsUnspecified():
		return ""
	case to.Addr().Is4():
		return "4"
	}
	return "6"
}

// Dial opens a TCP connection.
func (Host) Dial(ctx context.Context, addr string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", addr)
}

// LookupIP asks the machine's resolver.
func (Host) LookupIP(ctx context.Context, host string) ([]net.IP, error) {
	return net.DefaultResolver.LookupIP(ctx, "ip", host)
}
