package compat

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/internal/servers"
)

// frontCases are what every server answers in the same way, a node as well as a sentinel: commands of one connection,
// and what CLIENT LIST then says of it. Which is in it is checked with the originals.
var frontCases = []struct{ commands, described string }{
	{"ping", "name= flags=N sub=0 psub=0 multi=-1 cmd=ping user=default redir=-1 resp=2"},
	{"client setname me|client getname",
		"name=me flags=N sub=0 psub=0 multi=-1 cmd=client|getname user=default redir=-1 resp=2"},
	{"subscribe a b", "name= flags=P sub=2 psub=0 multi=-1 cmd=subscribe user=default redir=-1 resp=2"},
	{"psubscribe a* b*", "name= flags=P sub=0 psub=2 multi=-1 cmd=psubscribe user=default redir=-1 resp=2"},
	{"psubscribe a*|subscribe x y|unsubscribe x|get k|ping",
		"name= flags=P sub=1 psub=1 multi=-1 cmd=ping user=default redir=-1 resp=2"},
	{"subscribe a|psubscribe b|reset|ping",
		"name= flags=N sub=0 psub=0 multi=-1 cmd=ping user=default redir=-1 resp=2"},
	{"subscribe a|unsubscribe|psubscribe b|punsubscribe|unsubscribe|punsubscribe x",
		"name= flags=N sub=0 psub=0 multi=-1 cmd=punsubscribe user=default redir=-1 resp=2"},
	{"hello 3 setname you|psubscribe *|ping",
		"name=you flags=P sub=0 psub=1 multi=-1 cmd=ping user=default redir=-1 resp=3"},
	{"hello 3 setname you|reset", "name= flags=N sub=0 psub=0 multi=-1 cmd=reset user=default redir=-1 resp=2"},
	{"hello 3 setname it auth default wrong x|client getname",
		"name=it flags=N sub=0 psub=0 multi=-1 cmd=client|getname user=default redir=-1 resp=2"},
	{"hello 5|hello x|hello 2 auth nobody x|hello 3 nope|hello 2 setname|auth|auth x|auth default x|auth a b c",
		"name= flags=N sub=0 psub=0 multi=-1 cmd=auth user=default redir=-1 resp=2"},
	{"client tracking on optin|client caching yes|client trackinginfo|ping|client trackinginfo",
		"name= flags=t sub=0 psub=0 multi=-1 cmd=client|trackinginfo user=default redir=0 resp=2"},
	{"client tracking on bcast prefix a prefix b|client trackinginfo|client getredir",
		"name= flags=tB sub=0 psub=0 multi=-1 cmd=client|getredir user=default redir=0 resp=2"},
	{"client tracking on|client tracking off|client caching yes|client getredir",
		"name= flags=N sub=0 psub=0 multi=-1 cmd=client|getredir user=default redir=-1 resp=2"},
	{"client no-evict on|client no-evict x",
		"name= flags=e sub=0 psub=0 multi=-1 cmd=client|no-evict user=default redir=-1 resp=2"},
	{"client reply skip|ping a|ping b|client reply off|ping c|nope|client reply on|client reply x",
		"name= flags=N sub=0 psub=0 multi=-1 cmd=client|reply user=default redir=-1 resp=2"},
	{"client kill 1.2.3.4:5|client kill id 0|client kill id 99999 skipme no|client kill user bob|client kill type x",
		"name= flags=N sub=0 psub=0 multi=-1 cmd=client|kill user=default redir=-1 resp=2"},
	{"client list type nope|client list id x|client list x|client info x|client list type master",
		"name= flags=N sub=0 psub=0 multi=-1 cmd=client|list user=default redir=-1 resp=2"},
	{"client unblock 99999|client unblock x|client unblock 1 nope|client pause x|client pause -1|client unpause",
		"name= flags=N sub=0 psub=0 multi=-1 cmd=client|unpause user=default redir=-1 resp=2"},
	{"acl whoami|acl list|ping a b", ""},
}

// frontServer is a server of Redis and the one of Holdfast that answers as it does.
type frontServer struct {
	kind  string
	addrs [2]string
}

// TestFrontEnd runs one table on a node and on a sentinel: what is about connections and nothing else is the same code,
// so it is the same behaviour; and it is that of Redis's server, and of its sentinel.
func TestFrontEnd(t *testing.T) {
	pairs := []frontServer{
		{"node", [2]string{servers.Redis(t, "").Addr, servers.Holdfast(t, "").Addr}},
		{"sentinel", sentinelPair(t)},
	}
	for _, p := range pairs {
		for _, test := range frontCases {
			var heard [2][]byte
			// Redis's sentinel does not know RESET; Holdfast's does.
			alone := p.kind == "sentinel" && strings.Contains(test.commands, "reset")
			for i, addr := range p.addrs {
				if alone && i == 0 {
					continue
				}
				var described string
				heard[i], described = says(t, addr, test.commands, test.described)
				if described != test.described {
					t.Errorf("%s %d: after %s\n  CLIENT LIST has %q\n          not %q", p.kind, i, test.commands,
						described,
						test.described)
				}
			}
			if !alone && !bytes.Equal(heard[0], heard[1]) {
				t.Errorf("%s: %s\n  redis    %q\n  holdfast %q", p.kind, test.commands, heard[0], heard[1])
			}
		}
	}
}

// TestFrontEndPassword is the same for servers with a password.
func TestFrontEndPassword(t *testing.T) {
	pairs := []frontServer{{"node", [2]string{
		servers.Redis(t, "", "--requirepass", "secret").Addr, servers.Holdfast(t, "", "--requirepass", "secret").Addr,
	}}, {"sentinel", lockedSentinels(t)}}
	for _, p := range pairs {
		for _, commands := range []string{
			"ping|hello|hello 3|hello 3 setname me|hello 2 auth default wrong|auth wrong|auth default wrong|" +
				"auth bob x|acl whoami|auth secret",
			"auth secret|ping|client getname|acl list|auth default secret",
			"hello 3 auth default secret setname me|client getname|auth secret",
			"subscribe a|nope|auth secret",
		} {
			var heard [2][]byte
			for i, addr := range p.addrs {
				heard[i], _ = says(t, addr, commands, "cmd=auth")
			}
			if !bytes.Equal(heard[0], heard[1]) {
				t.Errorf("%s: %s\n  redis    %q\n  holdfast %q", p.kind, commands, heard[0], heard[1])
			}
		}
	}
}

// quiet is how long a connection says nothing that has nothing more to say.
const quiet = 50 * time.Millisecond

// says sends commands one behind the other, looks at the connection from another one as soon as it is described as
// wanted, if that is ever, and reads all that the server has said to it.
func says(t *testing.T, addr, commands, wanted string) (heard []byte, described string) {
	t.Helper()
	c, err := dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for command := range strings.SplitSeq(commands, "|") {
		if err := c.send(words(command)); err != nil {
			t.Fatal(err)
		}
	}
	described = describe(t, addr, c.LocalAddr().String(), wanted)
	for { // all that it had to say was said before it was described
		if err := c.SetReadDeadline(time.Now().Add(quiet)); err != nil {
			t.Fatal(err)
		}
		b, err := c.r.ReadByte()
		if err != nil {
			break
		}
		heard = append(heard, b)
	}
	return connectionID.ReplaceAll(heard, []byte("$1")), described
}

// describe is what CLIENT LIST says of a client, in the fields that are wanted.
func describe(t *testing.T, addr, client, wanted string) (described string) {
	t.Helper()
	c, err := dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for deadline := time.Now().Add(replyTimeout / 10); described != wanted && time.Now().Before(deadline); {
		if _, err := c.do("AUTH", "secret"); err != nil { // refused where there is no password
			t.Fatal(err)
		}
		r, err := c.do("CLIENT", "LIST")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(r.text) {
			if !strings.Contains(line, " addr="+client+" ") {
				continue
			}
			var fields []string
			for field := range strings.FieldsSeq(line) {
				name, _, _ := strings.Cut(field, "=")
				if strings.Contains(" "+wanted, " "+name+"=") {
					fields = append(fields, field)
				}
			}
			described = strings.Join(fields, " ")
		}
	}
	return described
}

// lockedSentinels are a sentinel of Redis and one of Holdfast that have a password, and no master.
func lockedSentinels(t *testing.T) (addrs [2]string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "sentinel.conf")
	if err := os.WriteFile(file, []byte("requirepass secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	addrs[0] = servers.Start(t, servers.Tool(t, "redis-sentinel"), dir, file, "--bind", "127.0.0.1").Addr
	addrs[1] = servers.Start(t, servers.Binary(t), "", "sentinel", "--bind", "127.0.0.1", "--raft-port", "0",
		"--gossip-port", "0", "--requirepass", "secret").Addr
	return addrs
}
