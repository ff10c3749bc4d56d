package transport

import (
	"context"
	"net"
)

// Raw is a Network for lines on which little is said, and often nothing: Go's scheduler isn't told of the system
// calls that read and write them. They never block. To be told of one wakes the scheduler's monitor, which then looks
// every 20 µs whether that call takes long: that was a third of all that members do who have nothing to do. On a system
// for which it isn't written it is the Network itself.
type Raw struct{ Network }

// Listen accepts streams on addr.
func (u Raw) Listen(addr string) (net.Listener, error) {
	l, err := u.Network.Listen(addr)
	if err != nil {
		return nil, err
	}
	return rawListener{l}, nil
}

type rawListener struct{ net.Listener }

func (l rawListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return rawStream(conn), nil
}

// ListenPacket receives datagrams on addr.
func (u Raw) ListenPacket(addr string) (net.PacketConn, error) {
	conn, err := u.Network.ListenPacket(addr)
	if err != nil {
		return nil, err
	}
	return rawPackets(conn), nil
}

// Dial opens a stream to addr.
func (u Raw) Dial(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := u.Network.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	return rawStream(conn), nil
}
