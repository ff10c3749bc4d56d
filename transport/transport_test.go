package transport_test

import (
	"errors"
	"net"
	"strings"
	"syscall"
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
	reached := []string{"127.0.0.1:"}
	switch six, err := host.Listen("[::]:" + port); {
	case err == nil:
		defer six.Close()
		reached = append(reached, "[::1]:")
	case !errors.Is(err, syscall.EAFNOSUPPORT): // what a machine without IPv6 says
		t.Fatal(err)
	}
	for _, addr := range reached {
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
