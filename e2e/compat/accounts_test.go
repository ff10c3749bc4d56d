package compat

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// failures are commands that fail in all ways, one client's in each line.
var failures = []string{
	"get|nope|set a b c|lpush l 1|get l|incr l|object|object nope|config get|config nope|client|client nope|client " +
		"kill|memory usage|slowlog get x y z|pubsub channels a b|command nope",
	"exec|discard|exec x|multi x|multi|get|exec|multi|get l|lpush l 1|incr l|exec|multi|multi|watch a|config " +
		"get|config nope|exec|multi|discard|unwatch x",
	"auth x|auth a b|hello 9|hello 3 nope|config set hz x|config set hz|debug error FOO|debug error lower|get " +
		"a|shutdown foo bar|shutdown abort",
	"subscribe a|get a|publish a b|spublish a b|pubsub channels|set|nope|unsubscribe|get a",
	"config set maxmemory 1|set a 1|multi|set a 1|exec|config set maxmemory 0|config set min-replicas-to-write 2|set " +
		"a 1|config set min-replicas-to-write 0",
	"replicaof 127.0.0.1 1|set a 1|multi|set a 1|exec|config set replica-serve-stale-data no|get a|config set " +
		"replica-serve-stale-data yes|replicaof no one",
	"config set requirepass x|reset|get a|nope|get|hello 3|auth y|auth x|config set requirepass \"\"",
	"client unblock x|client unblock 99999|client unblock 1 x|client kill id 99999|client kill 1.2.3.4:5|client kill " +
		"type x|client list type x|client tracking x",
	"set k 1|migrate 127.0.0.1 1 k 0 100|migrate 127.0.0.1 1 nokey 0 100|migrate x|restore k 0 x|restore q 0 x",
}

// TestAccounts compares what is counted of commands that fail, or are refused.
func TestAccounts(t *testing.T) {
	p := newPair(t)
	for _, line := range failures {
		if err := p.reset(); err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.both(0, []string{"CONFIG", "RESETSTAT"}); err != nil {
			t.Fatal(err)
		}
		for command := range strings.SplitSeq(line, "|") {
			args := strings.Fields(strings.ReplaceAll(command, `""`, "\x00"))
			for i, a := range args {
				args[i] = strings.ReplaceAll(a, "\x00", "")
			}
			if _, _, err := p.both(0, args); err != nil {
				t.Fatalf("%s, at %s: %v", line, command, err)
			}
		}
		if err := sameAccounts(p.conns[0][0], p.conns[1][0]); err != nil {
			t.Errorf("%s\n%v", line, err)
		}
	}
}

// accounts is what a server has counted of its commands and errors: INFO commandstats without the times, and
// errorstats.
func accounts(c *conn) (map[string]string, error) {
	r, err := c.do("INFO", "commandstats", "errorstats")
	if err != nil {
		return nil, err
	}
	counted := map[string]string{}
	for line := range strings.Lines(r.text) {
		name, values, found := strings.Cut(strings.TrimSpace(line), ":")
		switch {
		case !found, strings.HasPrefix(name, "cmdstat_client|list"): // which is asked until something has happened
			continue
		case strings.HasPrefix(name, "cmdstat_"):
			fields := slices.DeleteFunc(strings.Split(values, ","),
				func(v string) bool { return strings.HasPrefix(v, "usec") })
			counted[name] = strings.Join(fields, ",")
		default:
			counted[name] = values
		}
	}
	return counted, nil
}

// sameAccounts compares what the two servers have counted.
func sameAccounts(redis, holdfast *conn) error {
	a, err := accounts(redis)
	if err != nil {
		return err
	}
	b, err := accounts(holdfast)
	if err != nil || maps.Equal(a, b) {
		return err
	}
	text := ""
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if a[name] != b[name] {
			text += fmt.Sprintf("\n%s: redis %q, holdfast %q", name, a[name], b[name])
		}
		delete(b, name)
	}
	for name, v := range b {
		text += fmt.Sprintf("\n%s: only holdfast %q", name, v)
	}
	return fmt.Errorf("counted differently:%s", text)
}
