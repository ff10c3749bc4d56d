package main

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"holdfast/internal/servers"
	"holdfast/node/config"
	"holdfast/resp"
	"holdfast/transport"
)

// parsed are the settings and the words that are left of a command line.
func parsed(args []string) (*config.Config, []string, error) {
	flags := pflag.NewFlagSet("node", pflag.ContinueOnError)
	values := directiveFlags(flags)
	if err := flags.Parse(joinValues(args)); err != nil {
		return nil, nil, err
	}
	settings, err := settingsOf(configuration{}, values, flags)
	return settings, flags.Args(), err
}

// TestFlagsAreReadAsRedisReadsThem: the same words give the same settings.
func TestFlagsAreReadAsRedisReadsThem(t *testing.T) {
	for _, args := range [][]string{
		{"--requirepass", ""},
		{"--requirepass", "two words"},
		{"--requirepass", " a \"b\" 'c' \\x41 "},
		{"--requirepass", "--hidden"},
		{"--masterauth", "two words"},
		{"--masterauth", "#x"},
		{"--save", ""},
		{"--save"},
		{"--save", "--maxclients", "77"},
		{"--save", "60 1 300 10"},
		{"--save", "60", "1", "300", "10"},
		{"--save", "60", "1", "--save", "300", "10"},
		{"--save 60 1", "--hz 20"},
		{"--hz 20 ", "--timeout", "5"},
		{"--notify-keyspace-events", ""},
		{"--notify-keyspace-events", "KEA"},
		{"--client-output-buffer-limit", "pubsub", "1mb", "2mb", "3", "normal", "5mb", "0", "0"},
		{"--client-output-buffer-limit", "pubsub 1mb 2mb 3"},
		{"--latency-tracking-info-percentiles", "50", "99.5"},
		{"--dbfilename", "a b.rdb"},
		{"--MAXMEMORY", "100mb", "--Maxmemory-Policy", "allkeys-lru"},
		{"--slave-priority", "7"},
		{"--rdb-key-save-delay", "-5"},
		{"--oom-score-adj-values", "1", "2", "3"},
	} {
		settings, left, err := parsed(args)
		if err != nil || len(left) > 0 {
			t.Errorf("%q: %v, left %q", args, err, left)
			continue
		}
		redis := servers.Redis(t, "", append(slices.Clone(args), "--protected-mode", "no")...)
		c, err := resp.Dial(t.Context(), transport.Host{}, net.JoinHostPort("127.0.0.1", redis.Port))
		if err != nil {
			t.Fatal(err)
		}
		if p := settings.RequirePass(); p != "" {
			if _, err := c.Do(context.Background(), "AUTH", p); err != nil {
				t.Errorf("%q: the password is not %q: %v", args, p, err)
				continue
			}
		}
		for _, name := range []string{"requirepass", "masterauth", "save", "hz", "timeout", "maxclients",
			"notify-keyspace-events", "client-output-buffer-limit", "dbfilename",
			"latency-tracking-info-percentiles", "maxmemory", "maxmemory-policy", "replica-priority",
			"oom-score-adj-values", "rdb-key-save-delay"} {
			if !strings.Contains(strings.ToLower(strings.Join(args, " ")), "--"+name) &&
				!(name == "replica-priority" && strings.Contains(args[0], "priority")) {
				continue
			}
			v, err := c.Do(t.Context(), "CONFIG", "GET", name)
			if err != nil || len(v.Elems) != 2 {
				t.Fatalf("CONFIG GET %s: %v %v", name, v, err)
			}
			if got := settings.Text(name); got != v.Elems[1].String() {
				t.Errorf("%q: %s is %q, with redis-server %q", args, name, got, v.Elems[1].String())
			}
		}
		_ = c.Close()
		redis.Kill()
	}
}

// TestCommandLines: what only Holdfast has, and what is wrong.
func TestCommandLines(t *testing.T) {
	for _, test := range []struct {
		args []string
		get  string
		want string
		left string
		err  string
	}{
		{args: []string{"--port=7000"}, get: "port", want: "7000"},
		{args: []string{"r.conf", "--requirepass=a b"}, get: "requirepass", want: "a b", left: "r.conf"},
		{args: []string{"--port", "7000", "r.conf"}, get: "port", want: "7000", left: "r.conf"},
		{args: []string{"--join", "10.0.0.1:1,10.0.0.2:2"}, get: "join", want: "10.0.0.1:1 10.0.0.2:2"},
		{args: []string{"--join", "10.0.0.1:1", "10.0.0.2:2"}, get: "join", want: "10.0.0.1:1 10.0.0.2:2"},
		{args: []string{"--join", "10.0.0.1:1"}, get: "appendonly", want: "yes"},
		{args: []string{"--bind", "127.0.0.1", "::1", "--port", "1"}, get: "bind", want: "127.0.0.1 ::1"},
		{args: []string{"--bind", ""}, get: "bind", want: ""},
		{args: []string{"--replicaof", "10.0.0.1", "6379"}, get: "replicaof", want: "10.0.0.1 6379"},
		{args: []string{"--replicaof", "10.0.0.1 6379"}, get: "replicaof", want: "10.0.0.1 6379"},
		{args: []string{"--requirepass"}, err: "flag needs an argument"},
		{args: []string{"--port", "x"}, err: "--port x: argument couldn't be parsed into an integer"},
		{args: []string{"--nosuch", "x"}, err: "unknown flag: --nosuch"},
		{args: []string{"--port", "0"}, err: "with port 0 nobody could reach the node"},
		{args: []string{"--tls-port", "6380"}, err: "--tls-port 6380: this is not supported yet"},
		{args: []string{"--tls-port", "6380", "--ignore-unsupported", "yes"}, get: "tls-port", want: "6380"},
		{args: []string{"--aclfile", "/etc/acl"}, err: "--aclfile /etc/acl: this is not supported yet"},
		{args: []string{"--save", "60"}, err: "--save 60: Invalid save parameters"},
		{args: []string{"--bind", "\"x"}, err: "--bind \"x: Unbalanced quotes"},
	} {
		settings, left, err := parsed(test.args)
		switch {
		case test.err != "":
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%q: %v, want %s", test.args, err, test.err)
			}
		case err != nil:
			t.Errorf("%q: %v", test.args, err)
		case settings.Text(test.get) != test.want || strings.Join(left, " ") != test.left:
			t.Errorf("%q: %s is %q, left %q", test.args, test.get, settings.Text(test.get), left)
		}
	}
}

// TestConfigurationFromStandardInput: "-" is read once, also by a member of a group, and refused where a file would be.
func TestConfigurationFromStandardInput(t *testing.T) {
	c, err := readConfiguration([]string{"-"}, strings.NewReader("maxclients 77\njoin 10.0.0.1:1\n"))
	if err != nil || c.name != "" {
		t.Fatal(c.name, err)
	}
	settings, err := settingsOf(c, &directives{}, pflag.NewFlagSet("node", pflag.ContinueOnError))
	if err != nil || settings.MaxClients() != 77 || !settings.AppendOnly() {
		t.Errorf("%v", err)
	}
	c.text = []byte("port 1\nrename-command FLUSHALL \"\"\n")
	if _, err := settingsOf(c, &directives{}, pflag.NewFlagSet("node", pflag.ContinueOnError)); err == nil ||
		!strings.HasPrefix(err.Error(), "(standard input):2: 'rename-command FLUSHALL …' commands can't be renamed") {
		t.Errorf("%v", err)
	}
}
