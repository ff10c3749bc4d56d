package compat

import (
	"os"
	"testing"

	"holdfast/internal/servers"
)

func TestMain(m *testing.M) { servers.Main(m) }

// startRedis runs the real server and answers its address.
func startRedis(t *testing.T) string {
	t.Helper()
	return servers.Redis(t, "").Addr
}

// startHoldfast runs the server under test, unless one runs already, and answers its address.
func startHoldfast(t *testing.T) string {
	t.Helper()
	if addr := os.Getenv("HOLDFAST_ADDR"); addr != "" {
		return addr
	}
	return servers.Holdfast(t, "").Addr
}

func answers(addr string) bool {
	c, err := dial(addr)
	if err != nil {
		return false
	}
	defer c.close()
	r, err := c.do("PING")
	return err == nil && string(r.raw) == "+PONG\r\n"
}
