package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"holdfast/resp"
)

// answering is a server that answers each command with what replies say of it, by name.
func answering(t *testing.T, replies map[string]string) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for r := resp.NewReader(conn); ; {
					v, err := r.ReadValue()
					if err != nil {
						return
					}
					fmt.Fprint(conn, replies[strings.ToUpper(v.Elems[0].String())])
				}
			}()
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// TestPingTellsLoadingAndFullFromDead: by its exit code, and by what it prints.
func TestPingTellsLoadingAndFullFromDead(t *testing.T) {
	info := "loading:1\r\nloading_total_bytes:400\r\nloading_loaded_bytes:100\r\nloading_loaded_perc:25.00\r\n" +
		"loading_eta_seconds:3\r\n"
	loading := answering(t, map[string]string{"PING": "-LOADING Redis is loading the dataset in memory\r\n",
		"INFO": fmt.Sprintf("$%d\r\n%s\r\n", len(info), info)})
	well := answering(t, map[string]string{"PING": "+PONG\r\n"})
	full := answering(t, map[string]string{"PING": "-ERR max number of clients reached\r\n"})
	refusing := answering(t, map[string]string{"PING": "-NOAUTH Authentication required.\r\n"})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, dead, _ := net.SplitHostPort(l.Addr().String())
	_ = l.Close()
	for _, test := range []struct {
		args  []string
		code  int
		print string
	}{
		{[]string{"--port", well}, 0, "PONG\n"},
		{[]string{"--port", loading}, 3, "LOADING 25.00 %: 100 of 400 bytes, about 3 s left\n"},
		{[]string{"--port", loading, "--alive"}, 0, "LOADING 25.00 %: 100 of 400 bytes, about 3 s left\n"},
		{[]string{"--port", full}, 4, "FULL: max number of clients reached\n"},
		{[]string{"--port", full, "--alive"}, 0, "FULL: max number of clients reached\n"},
		{[]string{"--port", refusing, "--alive"}, 1, ""},
		{[]string{"--port", dead, "--alive"}, 1, ""},
	} {
		c := root()
		var out bytes.Buffer
		c.SetOut(&out)
		c.SetArgs(append([]string{"ping"}, test.args...))
		code := 0
		if err := c.ExecuteContext(t.Context()); err != nil {
			code = 1
			var exit exitError
			if errors.As(err, &exit) {
				code = exit.code
			}
		}
		if code != test.code || out.String() != test.print {
			t.Errorf("%v: exit code %d, %q; want %d, %q", test.args[2:], code, out.String(), test.code, test.print)
		}
	}
}
