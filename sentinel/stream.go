package sentinel

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"holdfast/cluster"
	"holdfast/membership"
	"holdfast/sentinel/plan"
	"holdfast/transport"
)

// streamLayer gives Raft's transport the sentinel's network. It remembers all connections, as the transport closes
// neither those it accepted nor those in use when it ends. Both ends of each prove to be sentinels of the group.
type streamLayer struct {
	net.Listener
	network transport.Network
	member  *membership.Member
	addr    announced
	self    *identity
	refused func(who string, why error) // told whenever this side or the other refuses

	// elsewhere is where a sentinel says to be that is not at its address; nil: it is not known.
	elsewhere func(id string) (addr string, ok bool)

	mu     sync.Mutex // protects the two below
	conns  map[net.Conn]struct{}
	closed bool
}

// announced is an address as others are told it.
type announced string

func (announced) Network() string  { return "tcp" }
func (a announced) String() string { return string(a) }

func newStreamLayer(l net.Listener, network transport.Network, member *membership.Member, self *identity, addr string,
	refused func(who string, why error)) *streamLayer {
	return &streamLayer{
		Listener: l, network: network, member: member, self: self, addr: announced(raftAddress(self.id, addr)),
		refused: refused,
		conns:   map[net.Conn]struct{}{},
	}
}

// Addr returns the announced address, which is what the Raft configuration is to hold.
func (s *streamLayer) Addr() net.Addr { return s.addr }

// errNobodyMeant says that a configuration of an older version has no id for an address, nor the gossip an address for
// the id.
var errNobodyMeant = errors.New("it is not known yet which sentinel is at this address")

// Dial connects to another sentinel's Raft port, and makes sure that it is the one meant.
func (s *streamLayer) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	id, addr := splitRaftAddress(address)
	if id == "" {
		return nil, errNobodyMeant
	}
	conn, err := s.dialAt(id, addr, timeout)
	if err == nil || s.elsewhere == nil {
		return conn, err
	}
	if other, ok := s.elsewhere(id); ok && other != addr {
		return s.dialAt(id, other, timeout)
	}
	return nil, err
}

func (s *streamLayer) dialAt(id, addr string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	conn, err := s.network.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	conn, peer, err := s.member.Client(ctx, conn, membership.Raft, membership.Peer{Kind: membership.Sentinel})
	if err != nil {
		return nil, err
	}
	if conn, err = s.keep(conn); err != nil {
		return nil, err
	}
	if err = s.self.introduce(conn, id, min(timeout, preamblePatience)); err == nil {
		err = provenAs(peer, id)
	}
	if errors.As(err, new(*refusedError)) || errors.As(err, new(*cluster.TooOldError)) {
		s.refused("sentinel at "+addr, err)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// Accept waits for another sentinel. Who it is, and whom it means, the first Read finds out.
func (s *streamLayer) Accept() (net.Conn, error) {
	conn, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	member := s.member.AcceptMember(conn, membership.Raft, membership.Sentinel)
	if conn, err = s.keep(member); err != nil {
		return nil, err
	}
	check := func(g greeting) error {
		if err := provenAs(member.Peer(), g.From); err != nil {
			return err
		}
		return s.self.check(g)
	}
	return &welcoming{Conn: conn, level: s.self.level, check: check,
		refused: func(g greeting, why error) { s.refused("sentinel "+plan.ShortID(g.From), why) }}, nil
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
