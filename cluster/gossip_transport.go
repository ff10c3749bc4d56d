package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"

	"holdfast/transport"
)

// gossipTransport carries memberlist's packets and streams over a transport.Network, the machine's or a simulated one.
// It knows its open streams: Shutdown closes them and waits until memberlist has let go of each, which memberlist
// itself would not.
type gossipTransport struct {
	network  transport.Network
	ip       net.IP // advertised
	port     int    // advertised
	packets  net.PacketConn
	listener net.Listener
	packetCh chan *memberlist.Packet
	streamCh chan net.Conn
	ctx      context.Context // ends with Shutdown
	cancel   context.CancelFunc
	work     sync.WaitGroup
	dialed   atomic.Int64 // streams that were opened

	mu      sync.Mutex // guards the rest
	streams map[*gossipStream]struct{}
	closed  bool
	idle    chan struct{} // closed when closed and no stream is open
}

const (
	maxPacket  = 64 << 10
	packetRoom = 256 // packets waiting for memberlist; more are dropped, as on any datagram network
	maxStreams = 8   // that others have opened: they are short, so more are no members'
	bindTries  = 10  // for port 0: the port that is free for streams may be taken for datagrams
)

// newGossipTransport listens on bind; port 0 advertises the port that was bound.
func newGossipTransport(network transport.Network, bind string, ip net.IP, port int) (*gossipTransport, error) {
	listener, packets, err := bindBoth(network, bind)
	if err != nil {
		return nil, err
	}
	if port == 0 {
		if bound, ok := listener.Addr().(*net.TCPAddr); ok {
			port = bound.Port
		}
	}
	t := &gossipTransport{
		network: network, ip: ip, port: port, packets: packets, listener: transport.Bound(listener, maxStreams),
		packetCh: make(chan *memberlist.Packet, packetRoom), streamCh: make(chan net.Conn),
		streams: map[*gossipStream]struct{}{}, idle: make(chan struct{}),
	}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.work.Go(t.readPackets)
	t.work.Go(t.accept)
	return t, nil
}

// bindBoth opens the same port for streams and datagrams.
func bindBoth(network transport.Network, bind string) (net.Listener, net.PacketConn, error) {
	for try := 1; ; try++ {
		listener, err := network.Listen(bind)
		if err != nil {
			return nil, nil, fmt.Errorf("gossip: listening for streams on %s: %w", bind, err)
		}
		packets, err := network.ListenPacket(listener.Addr().String())
		if err == nil {
			return listener, packets, nil
		}
		err = errors.Join(fmt.Errorf("gossip: listening for datagrams on %s: %w", listener.Addr(), err),
			listener.Close())
		if _, port, _ := net.SplitHostPort(bind); port != "0" || try == bindTries {
			return nil, nil, err
		}
	}
}

// advertised is the address that others are told.
func (t *gossipTransport) advertised() string {
	return net.JoinHostPort(t.ip.String(), strconv.Itoa(t.port))
}

func (t *gossipTransport) readPackets() {
	buf := make([]byte, maxPacket)
	for {
		n, from, err := t.packets.ReadFrom(buf)
		now := time.Now()
		if n > 0 {
			select {
			case t.packetCh <- &memberlist.Packet{Buf: bytes.Clone(buf[:n]), From: from, Timestamp: now}:
			default:
			}
		}
		if err != nil && t.pauseAfter(err) {
			return
		}
	}
}

func (t *gossipTransport) accept() {
	for {
		conn, err := t.listener.Accept()
		if err != nil {
			if t.pauseAfter(err) {
				return
			}
			continue
		}
		s, err := t.track(conn)
		if err != nil {
			return
		}
		select {
		case t.streamCh <- s:
		case <-t.ctx.Done():
			_ = s.Close()
			return
		}
	}
}

// pauseAfter reports whether the transport ends; otherwise it waits a moment, since an error may come again at once.
func (t *gossipTransport) pauseAfter(err error) (ends bool) {
	if errors.Is(err, net.ErrClosed) {
		return true
	}
	timer := time.NewTimer(10 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-t.ctx.Done():
		return true
	case <-timer.C:
		return false
	}
}

// FinalAdvertiseAddr is the address as it was announced; it is never guessed.
func (t *gossipTransport) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return t.ip, t.port, nil
}

// WriteTo sends a datagram.
func (t *gossipTransport) WriteTo(b []byte, addr string) (time.Time, error) {
	to, err := udpAddr(addr)
	if err != nil {
		return time.Time{}, err
	}
	_, err = t.packets.WriteTo(b, to)
	return time.Now(), err
}

// PacketCh has the datagrams that came.
func (t *gossipTransport) PacketCh() <-chan *memberlist.Packet { return t.packetCh }

// DialTimeout opens a stream.
func (t *gossipTransport) DialTimeout(addr string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(t.ctx, timeout)
	defer cancel()
	conn, err := t.network.Dial(ctx, addr)
	if err != nil {
		return nil, err // memberlist looks at the type of a dial's error
	}
	t.dialed.Add(1)
	s, err := t.track(conn)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// StreamCh has the streams that others opened.
func (t *gossipTransport) StreamCh() <-chan net.Conn { return t.streamCh }

// Shutdown ends everything and waits for it.
func (t *gossipTransport) Shutdown() error {
	t.mu.Lock()
	again := t.closed
	t.closed = true
	open := make([]*gossipStream, 0, len(t.streams))
	for s := range t.streams {
		open = append(open, s)
	}
	if len(open) == 0 && !again {
		close(t.idle)
	}
	t.mu.Unlock()
	if again {
		<-t.idle
		t.work.Wait()
		return nil
	}
	t.cancel()
	err := errors.Join(t.listener.Close(), t.packets.Close())
	for _, s := range open {
		_ = s.Conn.Close() // fails its reads and writes; memberlist then closes s
	}
	<-t.idle
	t.work.Wait()
	return err
}

// gossipStream is an open stream, until Close.
type gossipStream struct {
	net.Conn
	t    *gossipTransport
	once sync.Once
}

func (t *gossipTransport) track(conn net.Conn) (*gossipStream, error) {
	s := &gossipStream{Conn: conn, t: t}
	t.mu.Lock()
	closed := t.closed
	if !closed {
		t.streams[s] = struct{}{}
	}
	t.mu.Unlock()
	if closed {
		return nil, errors.Join(net.ErrClosed, conn.Close())
	}
	return s, nil
}

// Close closes the stream and lets go of it.
func (s *gossipStream) Close() error {
	err := s.Conn.Close()
	s.once.Do(func() {
		s.t.mu.Lock()
		defer s.t.mu.Unlock()
		delete(s.t.streams, s)
		if s.t.closed && len(s.t.streams) == 0 {
			close(s.t.idle)
		}
	})
	return err
}

// udpAddr parses a literal address; memberlist hands over nothing else.
func udpAddr(addr string) (*net.UDPAddr, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	ip := net.ParseIP(host)
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil || ip == nil {
		return nil, fmt.Errorf("gossip: %q is no address", addr)
	}
	return &net.UDPAddr{IP: ip, Port: int(p)}, nil
}
