package sentinel

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"holdfast/transport"
)

// streamLayer gives Raft's transport the sentinel's network. It remembers all connections, as the transport closes
// neither those it accepted nor those in use when it ends.
type streamLayer struct {
	net.Listener
	network transport.Network
	addr    announced

	mu     sync.Mutex // protects the two below
	conns  map[net.Conn]struct{}
	closed bool
}

// announced is an address as others are told it.
type announced string

func (announced) Network() string  { return "tcp" }
func (a announced) String() string { return string(a) }

func newStreamLayer(l net.Listener, network transport.Network, addr string) *streamLayer {
	return &streamLayer{Listener: l, network: network, addr: announced(addr), conns: map[net.Conn]struct{}{}}
}

// Addr returns the announced address, which is what the Raft configuration is to hold.
func (s *streamLayer) Addr() net.Addr { return s.addr }

// Dial connects to another sentinel's Raft port.
func (s *streamLayer) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	conn, err := s.network.Dial(ctx, string(address))
	if err != nil {
		return nil, err
	}
	return s.keep(conn)
}

// Accept waits for another sentinel.
func (s *streamLayer) Accept() (net.Conn, error) {
	conn, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return s.keep(conn)
}

// Close ends the listener and every connection.
func (s *streamLayer) Close() error {
	s.mu.Lock()
	s.closed = true
	conns := s.conns
	s.conns = map[net.Conn]struct{}{}
	s.mu.Unlock()
	err := s.Listener.Close()
	for conn := range conns {
		// Its user sees the error and has no use for it.
		_ = conn.Close()
	}
	return err
}

func (s *streamLayer) keep(conn net.Conn) (net.Conn, error) {
	s.mu.Lock()
	closed := s.closed
	if !closed {
		s.conns[conn] = struct{}{}
	}
	s.mu.Unlock()
	if closed {
		// Nobody is left to use it.
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	return &keptConn{Conn: conn, layer: s}, nil
}

// keptConn leaves the layer's books when it is closed.
type keptConn struct {
	net.Conn
	layer *streamLayer
}

func (c *keptConn) Close() error {
	c.layer.mu.Lock()
	delete(c.layer.conns, c.Conn)
	c.layer.mu.Unlock()
	return c.Conn.Close()
}
