package main

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"

	"holdfast/node"
	"holdfast/node/config"
	"holdfast/resp"
	"holdfast/transport"
)

// TestScriptRun: what a script called is told with its line, and with --dry nothing of it is kept.
func TestScriptRun(t *testing.T) {
	settings := config.Default()
	for name, value := range map[string]string{"bind": "127.0.0.1", "port": "0"} {
		if err := settings.Set(name, []string{value}); err != nil {
			t.Fatal(err)
		}
	}
	n, err := node.New(node.Config{Settings: settings, Network: transport.Host{},
		Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		err = n.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	host, port, err := net.SplitHostPort(n.Addr())
	if err != nil {
		t.Fatal(err)
	}
	client, err := resp.Dial(t.Context(), transport.Host{}, n.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Do(t.Context(), "SET", "k", "7"); err != nil {
		t.Fatal(err)
	}
	r := scriptRun{host: host, keys: []string{"k"}, args: []string{"3"}, dry: true}
	if r.port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	const script = "#!lua\nlocal n = redis.call('INCRBY', KEYS[1], ARGV[1])\n\n" +
		"local m = redis.call('INCR', KEYS[1])\nreturn m"
	for _, step := range []struct {
		dry  bool
		kept string
	}{{true, "7"}, {false, "11"}} {
		r.dry = step.dry
		var out bytes.Buffer
		if err := r.run(t.Context(), script, &out); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 3 || !strings.HasPrefix(lines[0], "user_script:2 ") || !strings.Contains(lines[0], "INCRBY") ||
			!strings.HasPrefix(lines[1], "user_script:4 ") || lines[2] != "11" {
			t.Errorf("it says\n%s", out.String())
		}
		if v, err := client.Do(t.Context(), "GET", "k"); err != nil || v.String() != step.kept {
			t.Errorf("dry %v: the key is %s (%v)", step.dry, v, err)
		}
	}
	if err := r.run(t.Context(), "redis.call('PING')", io.Discard); err != nil {
		t.Errorf("one that answers nothing: %v", err)
	}
	if err := r.run(t.Context(), "local x = nil\nreturn x.y", io.Discard); err == nil ||
		!strings.Contains(err.Error(), "user_script:2: attempt to index local 'x'") {
		t.Error(err)
	}
}
