package programs

import (
	"io"
	"net"
	"testing"

	"github.com/redis/go-redis/v9"
)

// front is an address that leads to the master, for programs that know no sentinels: what a load balancer does that
// looks for the master.
func front(t *testing.T, sentinels []string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go lead(t, c, sentinels)
		}
	}()
	return l.Addr().String()
}

// lead connects a client with the master of now; without one the client is sent away.
func lead(t *testing.T, c net.Conn, sentinels []string) {
	defer c.Close()
	for _, s := range sentinels {
		asked := redis.NewSentinelClient(&redis.Options{Addr: s})
		at, err := asked.GetMasterAddrByName(t.Context(), "mymaster").Result()
		_ = asked.Close()
		if err != nil {
			continue
		}
		m, err := net.Dial("tcp", net.JoinHostPort(at[0], at[1]))
		if err != nil {
			return
		}
		go func() {
			_, _ = io.Copy(m, c)
			_ = m.Close() // the client has gone
		}()
		_, _ = io.Copy(c, m)
		_ = m.Close()
		return
	}
}
