package transport_test

import (
	"net"
	"strings"
	"testing"

	"holdfast/transport"
)

// TestAllAddresses: all of IPv4 is not IPv6 as well, so that a server can listen on both, one by one.
func TestAllAddresses(t *testing.T) {
	host := transport.Host{}
	four, err := host.Listen("0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer four.Close()
	_, port, _ := net.SplitHostPort(four.Addr().String())
	if !strings.HasPrefix(four.Addr().String(), "0.0.0.0:") {
		t.Errorf("it listens on %v", four.Addr())
	}
	if six, err := net.Listen("tcp6", "[::1]:0"); err != nil {
		t.Skip("this machine has no IPv6")
	} else {
		defer six.Close()
	}
	six, err := host.Listen("[::]:" + port)
	if err != nil {
		t.Fatal(err)
	}
	defer six.Close()
	for _, addr := range []string{"127.0.0.1:", "[::1]:"} {
		c, err := net.Dial("tcp", addr+port)
		if err != nil {
			t.Error(err)
			continue
		}
		c.Close()
	}
	packets, err := host.ListenPacket("0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	if !strings.HasPrefix(packets.LocalAddr().String(), "0.0.0.0:") {
		t.Errorf("it listens on %v", packets.LocalAddr())
	}
}
