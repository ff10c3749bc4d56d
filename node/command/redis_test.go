package command

import (
	"bytes"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"holdfast/internal/servers"
	"holdfast/resp"
	"holdfast/server"
)

// startRedis runs a real redis-server, with which answers are compared, and connects to it.
func startRedis(t *testing.T) (dial func() net.Conn) {
	t.Helper()
	server := servers.Redis(t, "", "--unixsocket", "socket") // which stays where it is when CONFIG SET changes the port
	return func() net.Conn {
		conn, err := net.Dial("unix", filepath.Join(server.Dir, "socket"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
}

// ask sends commands on a new connection and takes the bytes of all replies up to QUIT's.
func ask(t *testing.T, conn net.Conn, commands ...[]string) string {
	t.Helper()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var wire []byte
	for _, c := range append(commands, []string{"quit"}) {
		wire = resp.AppendCommandStrings(wire, c...)
	}
	if _, err := conn.Write(wire); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("%q: %v after %q", commands, err, got)
	}
	return strings.TrimSuffix(string(got), "+OK\r\n")
}

// dialogues are run on both sides, each on a connection of its own, in RESP2 and RESP3; every byte must agree.
var dialogues = []string{
	`ping|ping x|ping x y|echo|echo a|time x`,
	`subscribe a b a|psubscribe x* y*|ssubscribe s|ping|ping z|unsubscribe q|unsubscribe b|unsubscribe|unsubscribe|` +
		`punsubscribe y*|punsubscribe|punsubscribe|sunsubscribe|sunsubscribe`,
	`subscribe a|unsubscribe a|get k|reset`,
	`subscribe a|publish a x|spublish a x|pubsub channels|pubsub nope|get k|multi|reset`,
	`psubscribe a*|publish a x|unsubscribe|publish a x|pubsub numpat|punsubscribe|publish a x`,
	`ssubscribe s|spublish s x|publish a x|pubsub shardchannels|sunsubscribe|spublish s x|pubsub shardchannels`,
	`pubsub|pubsub nope|pubsub channels a b|pubsub numpat x|pubsub numpat|pubsub numsub|pubsub numsub a b|` +
		`pubsub channels|pubsub shardchannels|pubsub shardnumsub x|publish a b|spublish a b|publish a`,
	`multi|subscribe a|publish a hi|unsubscribe a|exec`,
	`multi|ping|client id x|exec`,
	`auth x|auth default x|auth nobody x|auth a b c|hello a|hello 1|hello 4|hello 2 x|hello 3 setname|` +
		`hello 2 auth a|hello 2 auth nobody x|hello 3 setname "a b"`,
	`client getname|client setname x|client getname|client setname "a b"|client setname ""|client getname|` +
		`client setname`,
	`client nope|client|client kill|client kill x|client kill id|client kill id x y z|client kill id 0|` +
		`client kill id 99999|client kill type x y|client kill type nope|client kill user bob|` +
		`client kill addr 1.2.3.4:5|client kill skipme no id 999999|client kill skipme x`,
	`client list type nope|client list id x|client list id 99999|client list nope|client list type pubsub|` +
		`client list type master|client list type`,
	`client no-evict on|client no-evict off|client no-evict x|client no-evict`,
	`client reply x|client reply off|ping|client reply on|client reply skip|ping|ping`,
	`client unblock x|client unblock 99999|client unblock 1 x|client unblock 1 error x`,
	`client pause x|client pause -1|client pause 1 x|client pause 0|client pause 9223372036854775807|` +
		`client pause 1 all x|client unpause|client unpause x`,
	`client tracking off|client tracking x|client tracking off bcast optin|client tracking off redirect x|` +
		`client tracking off redirect 99999|client tracking off nope|client caching yes|client caching x|` +
		`client getredir|client trackinginfo`,
	`client tracking on prefix a|client tracking on bcast optin|client tracking on optin optout|` +
		`client tracking on redirect 0 redirect 1|client tracking on redirect|client tracking on prefix|` +
		`client tracking on bcast prefix ab prefix a|client trackinginfo`,
	`client tracking on optin|client caching x|client caching no|client caching yes|client trackinginfo|` +
		`client caching yes|ping|client trackinginfo|client tracking on optout|client tracking on bcast|` +
		`client getredir|client tracking off|client trackinginfo`,
	`client tracking on optout noloop|client caching yes|client caching no|client trackinginfo|get a|` +
		`client trackinginfo|multi|client caching no|get a|exec|client trackinginfo|client tracking on|` +
		`client trackinginfo`,
	`client tracking on bcast prefix foo prefix bar|client tracking on bcast prefix fo|` +
		`client tracking on bcast prefix foobar|client tracking on bcast prefix x|client trackinginfo|` +
		`client tracking on bcast|client trackinginfo|client tracking on|client tracking off|client trackinginfo`,
	`client tracking on|get a|set a 1|set a 2|get a|multi|set a 3|get a|set a 4|exec|get a|flushall|mget x y|` +
		`mset x 1 y 2|client tracking on noloop|get x|set x 1|reset|set x 2|flushdb`,
	`client tracking on bcast|set a 1|client reply off|set a 2|client reply on|client reply skip|set a 3|ping|` +
		`client tracking off|set a 4|flushall`,
	`config get nope|config get|config get maxclients|config get MAXCLIENTS|config set maxmemory|config set nope 1|` +
		`config set hz x|config set hz 10 nope 1|config set port 1|config nope|config rewrite|config resetstat x|` +
		`config set maxmemory 1mb maxmemory 2mb|config set a b c`,
	`role|wait 0 0|wait a 0|wait 0 a|wait 0 -1|wait 0 9223372036854775807|multi|wait 3 0|exec|replicaof a b|` +
		`replicaof a 99999|replicaof no one|replicaof a`,
	`replconf|replconf a|replconf a b|replconf listening-port x|replconf listening-port 1 capa eof capa psync2 capa ` +
		`nope|replconf rdb-only 2|replconf rdb-only x|replconf rdb-filter-only ""|` +
		`replconf rdb-filter-only functions|replconf rdb-filter-only x|replconf ip-address 10.0.0.1|replconf ack 1|` +
		`replconf getack *`,
	`failover abort|shutdown a b|shutdown save nosave|shutdown abort now|shutdown abort|bgsave x|save x|lastsave x|` +
		`multi|save|exec`,
	`readonly|readwrite|asking|cluster info|cluster nope|cluster|cluster help|cluster keyslot a|cluster keyslot|` +
		`cluster reset hard|sentinel masters|sentinel`,
	`acl getuser default|acl getuser nobody|acl getuser|acl genpass x|acl genpass 0|acl genpass 5000|` +
		`acl genpass 1 2|acl deluser default|acl deluser nobody x|acl load|acl save x`,
	`acl dryrun default ping|acl dryrun default get|acl dryrun default get a|acl dryrun nobody get x|` +
		`acl dryrun default nope|acl dryrun default client id|acl dryrun default`,
	`acl whoami|acl users|acl list|acl cat|acl cat nope|acl cat a b|acl nope|acl|module list|module nope|module list x`,
	`debug|debug nope|debug sleep|debug sleep 0|debug set-active-expire 1|debug error "ERR foo"|debug object nope|` +
		`debug digest-value a b|debug digest`,
	`debug protocol string|debug protocol integer|debug protocol double|debug protocol bignum|debug protocol null|` +
		`debug protocol array|debug protocol set|debug protocol map|debug protocol attrib|debug protocol push|` +
		`debug protocol verbatim|debug protocol true|debug protocol false|debug protocol nope`,
	`flushall|set a 1|set b foo ex 100|debug digest|debug digest-value a b c|memory usage nope|` +
		`memory usage a samples|memory usage a samples x|memory usage a samples -1|memory usage a nope|memory nope|` +
		`memory purge x|flushall`,
	`lolwut|lolwut version|lolwut version 7|lolwut version x|lolwut foo|info nope|info cluster|info keyspace|` +
		`info errorstatsx modules`,
	`command count x|command nope|command getkeys get|command getkeys|command info nope|command list filterby aclcat`,
	`migrate h 1 k 0|migrate h 1 k 0 1 copy|migrate h 1 k x 1|migrate h 1 k 0 x|migrate h 1 k x x copy replace|` +
		`migrate h 1 k 0 1 auth|migrate h 1 k 0 1 auth2 a|migrate h 1 k 0 1 keys a|migrate h 1 "" 0 1 keys|` +
		`migrate h 1 "" 0 1 copy keys a b|migrate h 1 k 0 1 nope|migrate h 1 k 0 1 auth a auth2 b c nope`,
	`command getkeys migrate h 1 k 0 1|command getkeys migrate h 1 k 0 1 copy keys a|` +
		`command getkeys migrate h 1 "" 0 1 copy keys a b|command getkeys migrate h 1 "" 0 1 auth keys keys a|` +
		`command getkeys migrate h 1 "" 0 1 auth2 a keys keys a|command getkeysandflags migrate h 1 "" 0 1 keys a b|` +
		`command getkeys migrate h 1 "" 0 1 keys`,
	`set k 1|multi|migrate h 1 k x 1|migrate h 1 k 0 1 nope|exec|debug sleep 0|flushall`,
	`slowlog|slowlog nope|slowlog get x|slowlog get -2|slowlog get 1 2|slowlog len x|slowlog reset|slowlog len|` +
		`slowlog get|slowlog get 0`,
	`latency|latency nope|latency history|latency history x|latency graph x|latency graph|latency latest|` +
		`latency latest x|latency reset|latency reset x y|latency help x|latency histogram nope|latency doctor x`,
	`monitor x|multi|monitor|exec|monitor|monitor|get a|set a b|reset`,
	`multi|multi|hello 3 nope|client nope|exec`,
	`multi|select 1|reset|get a`,
	`sadd s 1 2|mset w1 0x1p-1030 w2 1|sort s by w*|set w1 " 1"|sort s by w*|set w1 1e-310|sort s by w*|flushall`,
	`sadd s 1|spop s 9223372036854775807|spop s 1 1|spop s x|srandmember s x|srandmember s -9223372036854775808|` +
		`sintercard 1 s limit x|sintercard x s|sintercard 9223372036854775807 s|sscan s x|sscan s 0 count 0|` +
		`sadd s 1|sscan s 0 count 0|sscan s 0 count x y|sscan s 0 type x|smove s|flushall`,
	`setbit b 1 1|bitfield b set u64 0 1|bitfield b set i65 0 1|bitfield b overflow x|bitfield b get|` +
		`bitfield b get u8 #x|bitfield_ro b set u8 0 1|bitop not d a b|bitop x d a|bitpos b 2|bitpos b x|` +
		`bitpos b 1 0 1 x|bitpos b 1 0 1 bit x|bitcount b 0|bitcount b 0 1 x|flushall`,
}

func TestAnswersAsRedisDoes(t *testing.T) { compareDialogues(t, dialogues) }

func compareDialogues(t *testing.T, dialogues []string) {
	t.Helper()
	dial := startRedis(t)
	for _, proto := range []string{"2", "3"} {
		for _, dialogue := range dialogues {
			e, _ := newPlacedEnv(t)
			if err := e.Config.Set("enable-debug-command", []string{"yes"}); err != nil {
				t.Fatal(err)
			}
			commands := [][]string{{"hello", proto}}
			for command := range strings.SplitSeq(dialogue, "|") {
				commands = append(commands, words(t, command))
			}
			ours := ""
			for _, args := range commands {
				ours += e.wire(args...)
			}
			want, got := splitReplies(t, ask(t, dial(), commands...)), splitReplies(t, ours)
			for i := 1; i < max(len(want), len(got)); i++ { // the first is HELLO's
				if i >= len(want) || i >= len(got) || want[i] != got[i] {
					t.Errorf("RESP%s %s\nfrom reply %d on\n    ours %q\n redis's %q", proto, dialogue, i,
						got[min(i, len(got)):], want[min(i, len(want)):])
					break
				}
			}
		}
	}
}

// splitReplies cuts bytes into replies.
func splitReplies(t *testing.T, wire string) []string {
	t.Helper()
	var list []string
	source := strings.NewReader(wire)
	r := resp.NewReader(iotest.OneByteReader(source))
	for start := 0; start < len(wire); {
		if _, err := r.ReadValue(); err != nil {
			t.Fatalf("%q: %v", wire, err)
		}
		end := len(wire) - source.Len()
		list = append(list, wire[start:end])
		start = end
	}
	return list
}

// own are commands and subcommands that Redis 7.0 doesn't have.
var ownCommands = []string{"client|setinfo", "client|no-touch", "client|import-source", "client|capa"}

func TestCommandInfoAsRedis(t *testing.T) {
	dial := startRedis(t)
	e, _ := newPlacedEnv(t)
	families := slices.Concat(publishRows, server.Rows(asCall), introspectionRows, configRows, infoRows,
		serverRows, replicationRows, debugRows,
		slowlogRows, latencyRows, monitorRows)
	for i := range families {
		names := []string{families[i].Name}
		for _, s := range families[i].Sub {
			if full := families[i].Name + "|" + s.Name; !slices.Contains(ownCommands, full) {
				names = append(names, full)
			}
		}
		for _, name := range names {
			want := withoutSubcommands(t, ask(t, dial(), []string{"command", "info", name}))
			got := withoutSubcommands(t, e.wire("command", "info", name))
			if got != want {
				t.Errorf("COMMAND INFO %s\n    ours %s\n redis's %s", name, got, want)
			}
		}
	}
}

// wire is do without rendering.
func (e *testEnv) wire(args ...string) string {
	e.t.Helper()
	e.c.Now = e.now
	e.Admit(e.c)
	e.Execute(e.c, byteArgs(args))
	out := string(e.c.S.W.Buf)
	e.c.S.W.Buf = e.c.S.W.Buf[:0]
	return out
}

// withoutSubcommands renders a reply of COMMAND INFO up to the subcommands, sets of flags and tips in alphabetical
// order.
func withoutSubcommands(t *testing.T, wire string) string {
	t.Helper()
	v, err := resp.NewReader(strings.NewReader(wire)).ReadValue()
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Elems) != 1 || len(v.Elems[0].Elems) < 10 {
		return render(v)
	}
	fields := v.Elems[0].Elems[:9]
	texts := make([]string, len(fields))
	for i, f := range fields {
		if i == 2 || i == 6 || i == 7 {
			slices.SortFunc(f.Elems, func(a, b resp.Value) int { return bytes.Compare(a.Str, b.Str) })
		}
		texts[i] = render(f)
	}
	return strings.Join(texts, " ")
}

var infoField = regexp.MustCompile(`(?m)^([a-z_A-Z0-9]+):|^# (\w+)`)

func infoFields(text string) []string {
	var names []string
	for _, m := range infoField.FindAllStringSubmatch(text, -1) {
		name := m[1] + m[2]
		if !strings.HasPrefix(name, "cmdstat_") && !strings.HasPrefix(name, "latency_percentiles") &&
			!strings.HasPrefix(name, "errorstat_") {
			names = append(names, name)
		}
	}
	return names
}

func TestInfoFieldsAsRedis(t *testing.T) {
	dial := startRedis(t)
	e, _ := newPlacedEnv(t)
	for _, section := range []string{"default", "everything", "all"} {
		want := infoFields(ask(t, dial(), []string{"info", section}))
		got := slices.DeleteFunc(infoFields(e.wire("info", section)), func(name string) bool {
			return strings.HasPrefix(name, "holdfast_") || name == "go_version" || name == "expired_subkeys"
		})
		if !slices.Equal(got, want) {
			t.Errorf("INFO %s\n    ours %s\n redis's %s", section, got, want)
		}
	}
}

func TestConfigNamesAsRedis(t *testing.T) {
	dial := startRedis(t)
	e, _ := newPlacedEnv(t)
	names := func(wire string) map[string]bool {
		v, err := resp.NewReader(strings.NewReader(wire)).ReadValue()
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for i := 0; i < len(v.Elems); i += 2 {
			found[string(v.Elems[i].Str)] = true
		}
		return found
	}
	ours := names(e.wire("config", "get", "*"))
	for name := range names(ask(t, dial(), []string{"config", "get", "*"})) {
		if !ours[name] {
			t.Errorf("CONFIG GET lacks %s", name)
		}
	}
}

// ownArguments are commands whose arguments aren't described as Redis 7.0 does: they take those of later versions too,
// or (CLIENT KILL) have names that the syntax of rows can't spell; CLUSTER's are refused whatever they are.
var ownArguments = []string{"client|kill", "hscan", "zrank", "zrevrank"}

// TestCommandDocsAsRedis compares what COMMAND DOCS says of versions, groups and arguments.
func TestCommandDocsAsRedis(t *testing.T) {
	dial := startRedis(t)
	e, _ := newPlacedEnv(t)
	docs := func(wire string) map[string]string {
		v, err := resp.NewReader(strings.NewReader(wire)).ReadValue()
		if err != nil {
			t.Fatal(err)
		}
		flat := map[string]string{}
		flattenDocs(v, flat)
		return flat
	}
	e.wire("hello", "3")
	replies := splitReplies(t, ask(t, dial(), []string{"hello", "3"}, []string{"command", "docs"}))
	theirs, ours := docs(replies[1]), docs(e.wire("command", "docs"))
	if len(theirs) < 300 || theirs["get"] == "" {
		t.Fatalf("%d commands", len(theirs))
	}
	for name, got := range ours {
		want, known := theirs[name]
		if known && got != want && !slices.Contains(ownArguments, name) && !strings.HasPrefix(name, "cluster|") {
			t.Errorf("COMMAND DOCS %s\n    ours %s\n redis's %s", name, got, want)
		}
	}
}

// flattenDocs collects, by command, what two servers must say alike.
func flattenDocs(v resp.Value, into map[string]string) {
	for i := 0; i+1 < len(v.Elems); i += 2 {
		name, text := string(v.Elems[i].Str), ""
		for fields := v.Elems[i+1].Elems; len(fields) > 1; fields = fields[2:] {
			switch key := string(fields[0].Str); key {
			case "subcommands":
				flattenDocs(fields[1], into)
			case "since", "group", "doc_flags", "deprecated_since", "replaced_by", "arguments":
				text += key + " " + renderDoc(fields[1]) + "; "
			}
		}
		into[name] = text
	}
}

// renderDoc is render with sets in alphabetical order.
func renderDoc(v resp.Value) string {
	if len(v.Elems) == 0 {
		return render(v)
	}
	texts := make([]string, len(v.Elems))
	for i, e := range v.Elems {
		texts[i] = renderDoc(e)
	}
	if v.Kind == resp.KindSet {
		slices.Sort(texts)
	}
	return "[" + strings.Join(texts, " ") + "]"
}
