//go:build amd64 || arm64

package transport

import (
	"net"
	"testing"
)

// TestUntoldIsUsed: none of the machine's own connections is left as it is.
func TestUntoldIsUsed(t *testing.T) {
	dialed, accepted := untoldPair(t)
	packets, err := Untold{Host{}}.ListenPacket("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	for _, c := range []any{dialed, accepted, packets} {
		switch c.(type) {
		case *net.TCPConn, *net.UDPConn:
			t.Errorf("%T is told", c)
		}
	}
}
