package transport

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"syscall"
	"time"
)

// Patient is a Network that tries again for a while to listen where somebody listens already: a predecessor may be
// about to end, and an outgoing connection may have been given the port for a moment.
type Patient struct {
	Network
	Logger *slog.Logger
}

const (
	inUsePatience = 5 * time.Second
	inUseRetry    = 100 * time.Millisecond
)

// Listen accepts streams on addr.
func (p Patient) Listen(addr string) (net.Listener, error) {
	return retry(p, addr, p.Network.Listen)
}

// ListenPacket receives datagrams on addr.
func (p Patient) ListenPacket(addr string) (net.PacketConn, error) {
	return retry(p, addr, p.Network.ListenPacket)
}

func retry[T any](p Patient, addr string, listen func(addr string) (T, error)) (l T, err error) {
	for end := time.Now().Add(inUsePatience); ; time.Sleep(inUseRetry) {
		first := err == nil
		if l, err = listen(addr); !errors.Is(err, syscall.EADDRINUSE) {
			return l, err
		}
		if first {
			p.Logger.Warn("the address is in use; trying again", "addr", addr, "for", inUsePatience)
		}
		if time.Now().After(end) {
			_, port, _ := net.SplitHostPort(addr) // it was good enough to listen on
			return l, fmt.Errorf("%w, still after %v: choose another port, or end who has it, which as root shows: "+
				"ss -tuanp '( sport = :%s )'", err, inUsePatience, port)
		}
	}
}
