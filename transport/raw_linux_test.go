//go:build amd64 || arm64

package transport

import (
	"net"
	"testing"
)

// TestRawIsUsed: none of the machine's own connections is left as it is.
func TestRawIsUsed(t *testing.T) {
	dialed, accepted := rawPair(t)
	packets, err := Raw{Host{}}.ListenPacket("127.0.0.1:0")
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
