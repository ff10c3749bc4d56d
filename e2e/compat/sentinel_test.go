package compat

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/internal/servers"
)

// sentinelDialogues are run on a sentinel of each kind, a line on one connection; every byte must agree.
var sentinelDialogues = []string{
	`acl|acl whoami|acl whoami x|acl users|acl list|acl cat|acl cat read|acl cat nope|acl cat a b|` +
		`acl getuser default|acl getuser nobody|acl getuser`,
	`acl genpass x|acl genpass 0|acl genpass 5000|acl genpass 1 2|acl deluser default|acl deluser nobody|` +
		`acl deluser|acl load|acl save|acl load x|acl nope`,
	`acl dryrun default ping|acl dryrun default ping x y z|acl dryrun nobody ping|acl dryrun default nope|` +
		`acl dryrun default sentinel masters|acl dryrun default`,
	`client|client nope|client id x|client getname|client getname x|client setname|client setname a|` +
		`client setname "a b"|client getname|client setname ""|client getname`,
	`client kill|client kill x|client kill id|client kill id x|client kill id 0|client kill id 99999|` +
		`client kill id 99999 id 99998|client kill type x|client kill type pubsub`,
	`client kill type master|client kill type replica|client kill type slave|client kill user bob|` +
		`client kill user default skipme x|client kill addr 1.2.3.4:5|client kill laddr 1.2.3.4:5`,
	`client kill skipme no id 999999|client kill skipme x|client kill nope x|client kill 1.2.3.4:5|client kill id 3 x`,
	`client list type nope|client list type pubsub|client list type master|client list type replica|` +
		`client list type|client list id x|client list id 99999|client list id|client list nope`,
	`client no-evict|client no-evict on|client no-evict off|client no-evict x|client no-touch on|client unblock|` +
		`client unblock x|client unblock 99999|client unblock 1 x|client unblock 1 error|client unblock 1 error x`,
	`client pause|client pause x|client pause -1|client pause 1|client pause 1 x|client pause 1 write|` +
		`client pause 1 all|client pause 1 all x|client pause 9223372036854775807|client unpause|client unpause x`,
	`client reply|client reply x|client reply on|client reply skip|ping one|ping two|client reply off|ping three|` +
		`nope|client reply on|ping four`,
	`client tracking|client tracking x|client tracking off|client tracking on|client trackinginfo|client getredir|` +
		`client tracking on optin|client trackinginfo|client caching x|client caching yes|client trackinginfo|ping|` +
		`client trackinginfo`,
	`client caching|client caching yes|client getredir|client getredir x|client trackinginfo x|` +
		`client tracking on optin optout|client tracking on bcast optin|client tracking on prefix a|` +
		`client tracking on bcast prefix ab prefix a`,
	`client tracking on bcast prefix x prefix y|client trackinginfo|client tracking on bcast prefix xy|` +
		`client tracking on|client tracking on redirect 99999|client tracking on redirect x|` +
		`client tracking on redirect|client tracking on nope|client tracking off|client trackinginfo`,
	`client tracking on optout|client caching yes|client caching no|client tracking on optin|client trackinginfo|` +
		`client tracking off|client getredir`,
	`command count x|command nope|command getkeys get a|command getkeys ping|command info nope|command info ping|` +
		`command info get|command list filterby aclcat read|command list filterby module x|command list x|` +
		`command docs nope`,
	`command info shutdown|command info hello|command info auth|command info info|command info role|` +
		`command info publish|command info subscribe`,
	`ping|ping x|ping x y|echo a|get a|set a b|select 0|auth|auth x|auth default x|auth nobody x|auth a b c|multi|` +
		`exec|watch a|config get *|debug sleep 0|monitor|spublish a b|pubsub channels`,
	`hello a|hello 1|hello 4|hello 2 x|hello 3 setname|hello 2 auth a|hello 2 auth nobody x|hello 3 setname "a b"|` +
		`hello 2 setname ok|client getname|hello 3|client getname|client trackinginfo`,
	`info nope|info x y|info memory|role|role x|shutdown foo bar|shutdown foo|shutdown save nosave|shutdown abort|` +
		`shutdown abort now|shutdown nosave save|publish a b|publish a|publish __sentinel__:hello x`,
	`subscribe|psubscribe|unsubscribe|punsubscribe|unsubscribe a b|subscribe a|publish __sentinel__:hello x|ping|` +
		`ping x|get a|client id|role|hello 3|auth x|acl whoami|unsubscribe|role`,
	`psubscribe +*|publish __sentinel__:hello x|shutdown foo|punsubscribe +*|role`,
	`sentinel|sentinel nope|sentinel myid x|sentinel get-master-addr-by-name|sentinel get-master-addr-by-name nope|` +
		`sentinel get-master-addr-by-name a b|sentinel master|sentinel master nope|sentinel masters x`,
	`sentinel replicas|sentinel replicas nope|sentinel slaves nope|sentinel sentinels|sentinel sentinels nope|` +
		`sentinel ckquorum|sentinel ckquorum nope|sentinel failover|sentinel failover nope`,
	`sentinel is-master-down-by-addr|sentinel is-master-down-by-addr a b c d|` +
		`sentinel is-master-down-by-addr 127.0.0.1 1 x *|sentinel is-master-down-by-addr 127.0.0.1 1 0 *`,
	`sentinel monitor|sentinel monitor q 127.0.0.1 x 1|sentinel monitor q 127.0.0.1 99999 1|` +
		`sentinel monitor q 127.0.0.1 1 0|sentinel monitor q 127.0.0.1 1 x|sentinel remove|sentinel remove nope`,
	`sentinel set|sentinel set mymaster|sentinel set mymaster x|sentinel set mymaster x y|` +
		`sentinel set nope quorum 1|sentinel set mymaster quorum 0|sentinel set mymaster quorum x|` +
		`sentinel set mymaster down-after-milliseconds 0|sentinel set mymaster down-after-milliseconds x`,
	`sentinel set mymaster failover-timeout 0|sentinel set mymaster parallel-syncs x|` +
		`sentinel set mymaster auth-pass x|sentinel set mymaster auth-pass|` +
		`sentinel set mymaster notification-script /nope|sentinel set mymaster rename-command a b|` +
		`sentinel set mymaster rename-command a|sentinel set mymaster client-reconfig-script /nope|` +
		`sentinel set mymaster quorum 1 parallel-syncs`,
	`sentinel reset|sentinel reset nope|sentinel reset a b|sentinel flushconfig|sentinel flushconfig x|` +
		`sentinel config|sentinel config get|sentinel config get nope|sentinel config get RESOLVE-hostnames|` +
		`sentinel config nope x|sentinel config set|sentinel config set x|sentinel config set x y|` +
		`sentinel config get a b`,
	`sentinel info-cache|sentinel info-cache nope|sentinel pending-scripts|sentinel pending-scripts x|` +
		`sentinel debug x|sentinel debug nope 1|sentinel simulate-failure|sentinel simulate-failure nope|` +
		`sentinel simulate-failure help`,
}

// sentinelPair is a sentinel of Redis and one of Holdfast, each with a master.
func sentinelPair(t *testing.T) (addrs [2]string) {
	t.Helper()
	master := servers.Redis(t, "")
	dir := t.TempDir()
	file := filepath.Join(dir, "sentinel.conf")
	text := fmt.Sprintf("sentinel monitor mymaster 127.0.0.1 %s 1\nsentinel down-after-milliseconds mymaster 1000\n",
		master.Port)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	addrs[0] = servers.Start(t, servers.Tool(t, "redis-sentinel"), dir, file, "--bind", "127.0.0.1").Addr
	raft, gossip := port(t), port(t)
	addrs[1] = servers.Start(t, servers.Binary(t), "", "sentinel", "--bind", "127.0.0.1", "--raft-port", raft,
		"--gossip-port", gossip,
		"--bootstrap-expect", "1", "--quorum", "1").Addr
	servers.Holdfast(t, "", "--group", "mymaster", "--join", "127.0.0.1:"+gossip, "--gossip-port", port(t))
	for _, addr := range addrs {
		for deadline := time.Now().Add(replyTimeout); ; {
			c, err := dial(addr)
			if err != nil {
				t.Fatal(err)
			}
			r, err := c.do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster")
			c.close()
			if err == nil && len(r.elems) == 2 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("the sentinel at %s knows no master: %v, %v", addr, r, err)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return addrs
}

// port is one that nobody listens on now.
func port(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, p, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// connectionID is what differs in the replies to HELLO.
var connectionID = regexp.MustCompile(`(?s)(\$2\r\nid\r\n:)\d+`)

// TestSentinelAnswers compares every reply, in RESP2 and RESP3.
func TestSentinelAnswers(t *testing.T) {
	addrs := sentinelPair(t)
	for _, proto := range []string{"2", "3"} {
		for _, line := range sentinelDialogues {
			var heard [2][]byte
			for i, addr := range addrs {
				heard[i] = hear(t, addr, proto, line)
			}
			if !bytes.Equal(heard[0], heard[1]) {
				t.Errorf("RESP%s %s\n  redis    %q\n  holdfast %q", proto, line, heard[0], heard[1])
			}
		}
	}
}

// hear sends commands one by one, each with a PING or, to who is subscribed, an UNSUBSCRIBE behind it, whose answer
// tells where a reply ends.
func hear(t *testing.T, addr, proto, line string) []byte {
	t.Helper()
	c, err := dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if _, err := c.do("HELLO", proto); err != nil {
		t.Fatal(err)
	}
	var all []byte
	for command := range strings.SplitSeq(line, "|") {
		if err := c.send(words(command)); err != nil {
			t.Fatal(err)
		}
		end := "end of " + command
		if err := c.send([]string{"PUNSUBSCRIBE", end}); err != nil {
			t.Fatal(err)
		}
		for {
			r, err := c.receive()
			if err != nil {
				t.Fatalf("%s: %s: after %q: %v", addr, command, all, err)
			}
			if len(r.elems) == 3 && r.elems[1].text == end {
				break
			}
			if command == "client id" {
				continue
			}
			all = append(all, connectionID.ReplaceAll(r.raw, []byte("$1"))...)
		}
	}
	return all
}

// words splits a command, in which "" and "a b" are one word each.
func words(command string) (list []string) {
	for i, part := range strings.Split(command, `"`) {
		if i%2 == 1 {
			list = append(list, part)
		} else {
			list = append(list, strings.Fields(part)...)
		}
	}
	return list
}

// TestSentinelInfo: what readers of INFO find on a sentinel of Redis, in the same sections, they find here.
func TestSentinelInfo(t *testing.T) {
	addrs := sentinelPair(t)
	for _, section := range [][]string{nil, {"all"}, {"server"}, {"CLIENTS", "cpu"}, {"stats"}, {"sentinel"},
		{"replication"}} {
		var fields [2][]string
		for i, addr := range addrs {
			c, err := dial(addr)
			if err != nil {
				t.Fatal(err)
			}
			r, err := c.do(append([]string{"INFO"}, section...)...)
			c.close()
			if err != nil {
				t.Fatal(err)
			}
			for l := range strings.Lines(r.text) {
				name, _, _ := strings.Cut(strings.TrimSpace(l), ":")
				if name != "" && name != "go_version" {
					fields[i] = append(fields[i], name)
				}
			}
		}
		if !slices.Equal(fields[0], fields[1]) {
			t.Errorf("INFO %v\n  redis    %q\n  holdfast %q", section, fields[0], fields[1])
		}
	}
}

// newerFields are those of CLIENT LIST that Redis 7.0 doesn't have: of Redis 7.2 and 7.4, and Valkey 8.0 and 8.1.
var newerFields = []string{"capa", "watch", "lib-name", "lib-ver", "tot-net-in", "tot-net-out", "tot-cmds"}

// TestSentinelClientList: the fields of CLIENT LIST are Redis's, in their order.
func TestSentinelClientList(t *testing.T) {
	addrs := sentinelPair(t)
	var fields [2][]string
	for i, addr := range addrs {
		c, err := dial(addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.close()
		r, err := c.do("CLIENT", "INFO")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range strings.Fields(r.text) {
			name, _, _ := strings.Cut(f, "=")
			if !slices.Contains(newerFields, name) {
				fields[i] = append(fields[i], name)
			}
		}
	}
	if !slices.Equal(fields[0], fields[1]) {
		t.Errorf("CLIENT INFO\n  redis    %q\n  holdfast %q", fields[0], fields[1])
	}
}
