package node

import (
	"io"
	"strings"
	"testing"
	"time"

	"holdfast/internal/simnet"
	"holdfast/resp"
)

// httpRequests are ways to have a browser or another HTTP client speak to a server that reads lines: each ends the
// connection without a word, as redis-server does, before "SET k v" behind it.
var httpRequests = map[string]string{
	"POST":                          "POST / HTTP/1.1\r\n",
	"Host behind a GET":             "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
	"small letters":                 "post / HTTP/1.1\r\n",
	"host: in small letters":        "host: x\r\n",
	"as an array":                   "*2\r\n$4\r\nPost\r\n$1\r\n/\r\n",
	"Host: as an array":             "*1\r\n$5\r\nHost:\r\n",
	"behind valid commands":         "PING\r\nSET other 1\r\nPOST / HTTP/1.1\r\n",
	"in a transaction":              "MULTI\r\nSET k v\r\nHOST: x\r\nEXEC\r\n",
	"a word that ends early":        "*1\r\n$6\r\nPOST\x00x\r\n",
	"while subscribed":              "SUBSCRIBE c\r\nPOST / HTTP/1.1\r\n",
	"quoted, behind blanks":         "  \"POST\" /\r\n",
	"with replies off":              "CLIENT REPLY OFF\r\nPOST / HTTP/1.1\r\n",
	"with a body that never ends":   "POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n",
	"behind a wrong command":        "User-Agent: Mozilla/5.0\r\nHost: x\r\n",
	"in the form of a form":         "POST / HTTP/1.1\r\nContent-Type: text/plain\r\n\r\n\r\n",
	"HOST: in capitals, with blank": "HOST: 127.0.0.1:6379 \n",
}

func TestHTTPIsTurnedAway(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		n := startNode(t, net.Host("10.0.0.1"), "10.0.0.1")
		for name, request := range httpRequests {
			conn, err := net.Host("10.0.0.9").Dial(t.Context(), "10.0.0.1:6379")
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
			if _, err := conn.Write([]byte(request + "SET k v\r\n")); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(conn); len(got) > 0 || err != nil {
				t.Errorf("%s: %q, %v", name, got, err)
			}
			_ = conn.Close()
		}
		c := dial(t, net.Host("10.0.0.9"), "10.0.0.1")
		c.answers("GET k", "")
		c.answers("GET other", "1") // it came before
		c.answers("POSTER a", "-ERR unknown command 'POSTER', with args beginning with: 'a' ")
		c.answers("host a", "-ERR unknown command 'host', with args beginning with: 'a' ")
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestHTTPWithoutAPassword: it is told from other commands before it is asked who speaks.
func TestHTTPWithoutAPassword(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		n := startNode(t, net.Host("10.0.0.1"), "10.0.0.1", "requirepass secret")
		conn, err := net.Host("10.0.0.9").Dial(t.Context(), "10.0.0.1:6379")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte("POST / HTTP/1.1\r\n" + strings.Repeat("PING\r\n", 3)))
		if got, err := io.ReadAll(conn); len(got) > 0 || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestHTTPBehindPSYNC: a replica's link is a door like any other.
func TestHTTPBehindPSYNC(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		n := startNode(t, net.Host("10.0.0.1"), "10.0.0.1")
		conn, err := net.Host("10.0.0.9").Dial(t.Context(), "10.0.0.1:6379")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write(resp.AppendCommandStrings(nil, "PSYNC", "?", "-1"))
		time.Sleep(time.Second)
		_, _ = conn.Write([]byte("POST / HTTP/1.1\r\n"))
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := io.ReadAll(conn); err != nil {
			t.Error("the link goes on:", err)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
}
