package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"

	"holdfast/transport"
)

// gossipTransport carries memberlist's packets and streams over a transport.Network, the machine's or a simulated one.
type gossipTransport struct {
	network  transport.Network
	packets  net.PacketConn
	listener net.Listener
	packetCh chan *memberlist.Packet
	streamCh chan net.Conn
	closing  chan struct{}
	once     sync.Once
	work     sync.WaitGroup
}

const (
	maxPacket  = 64 << 10
	packetRoom = 256 // packets waiting for memberlist; more are dropped, as on any datagram network
)

func newGossipTransport(network transport.Network, bind string) (*gossipTransport, error) {
	listener, err := network.Listen(bind)
	if err != nil {
		return nil, fmt.Errorf("gossip: listening for streams on %s: %w", bind, err)
	}
	packets, err := network.ListenPacket(listener.Addr().String())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("gossip: listening for datagrams on %s: %w", listener.Addr(), err), listener.Close())
	}
	t := &gossipTransport{
		network: network, packets: packets, listener: listener,
		packetCh: make(chan *memberlist.Packet, packetRoom), streamCh: make(chan net.Conn),
		closing: make(chan struct{}),
	}
	t.work.Go(t.readPackets)
	t.work.Go(t.accept)
	return t, nil
}

func (t *gossipTransport) readPackets() {
	buf := make([]byte, maxPacket)
	for {
		n, from, err := t.packets.ReadFrom(buf)
		now := time.Now()
		if n > 0 {
			select {
			case t.packetCh <- &memberlist.Packet{Buf: append([]byte(nil), buf[:n]...), From: from, Timestamp: now}:
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
		select {
		case t.streamCh <- conn:
		case <-t.closing:
			_ = conn.Close()
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
	case <-t.closing:
		return true
	case <-timer.C:
		return false
	}
}

// FinalAdvertiseAddr takes the address as it was announced; it is never guessed.
func (t *gossipTransport) FinalAdvertiseAddr(ip string, port int) (net.IP, int, error) {
	addr := net.ParseIP(ip)
	if addr == nil {
		found, err := net.ResolveIPAddr("ip", ip)
		if err != nil {
			return nil, 0, fmt.Errorf("gossip: the announced address %q: %w", ip, err)
		}
		addr = found.IP
	}
	return addr, port, nil
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
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return t.network.Dial(ctx, addr)
}

// StreamCh has the streams that others opened.
func (t *gossipTransport) StreamCh() <-chan net.Conn { return t.streamCh }

// Shutdown ends everything and waits for it.
func (t *gossipTransport) Shutdown() (err error) {
	t.once.Do(func() {
		close(t.closing)
		err = errors.Join(t.listener.Close(), t.packets.Close())
		t.work.Wait()
	})
	return err
}

// udpAddr parses a literal address; memberlist hands over nothing else.
func udpAddr(addr string) (*net.UDPAddr, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	ip, p := net.ParseIP(host), 0
	if p, err = strconv.Atoi(port); err != nil || ip == nil {
		return nil, fmt.Errorf("gossip: %q is no address", addr)
	}
	return &net.UDPAddr{IP: ip, Port: p}, nil
}
