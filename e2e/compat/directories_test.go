package compat

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/internal/servers"
)

// directory is what lies in a server's directory when it is started. Names are those of tests of Redis.
type directory struct {
	name     string
	settings string            // after appendonly yes
	files    map[string]string // by path; one that ends with / is an empty directory
	refused  bool              // Redis does not start
}

// wire writes commands, one a line of words.
func wire(lines ...string) string {
	var b strings.Builder
	for _, l := range lines {
		words := strings.Fields(l)
		fmt.Fprintf(&b, "*%d\r\n", len(words))
		for _, w := range words {
			fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
		}
	}
	return b.String()
}

// short is a log without its last bytes.
func short(log string) string { return log[:len(log)-1] }

// dumpOf is a snapshot of one string, without a checksum.
func dumpOf(key, value string) string {
	return "REDIS0010\xfe\x00\x00" + string(rune(len(key))) + key + string(rune(len(value))) + value + "\xff" +
		string(make([]byte, 8))
}

// logDir is a log in the layout of Redis 7.
func logDir(manifest string, files ...string) map[string]string {
	all := map[string]string{"appendonlydir/appendonly.aof.manifest": manifest}
	for i := 0; i < len(files); i += 2 {
		all["appendonlydir/appendonly.aof."+files[i]] = files[i+1]
	}
	return all
}

const (
	base1 = "file appendonly.aof.1.base.aof seq 1 type b\n"
	incr1 = "file appendonly.aof.1.incr.aof seq 1 type i\n"
	incr2 = "file appendonly.aof.2.incr.aof seq 2 type i\n"
)

// directories are the cases of integration/aof, aof-multi-part and rdb that are about what lies on disk.
func directories() []directory {
	k1, k2, k3 := wire("set k1 v1"), wire("set k2 v2"), wire("set k3 v3")
	oldLog := wire("set k1 v1", "set k2 v2", "set k3 v3")
	three := []string{"1.base.aof", k1, "1.incr.aof", k2, "2.incr.aof", k3}
	unfinished := logDir(incr1, "1.incr.aof", wire("set foo hello", "multi", "set bar world"))
	torn := logDir(incr1, "1.incr.aof",
		short(wire("incr foo", "incr foo", "incr foo", "incr foo", "incr foo", "incr foo")))
	damaged := []byte(dumpOf("k", "v"))
	binary.LittleEndian.PutUint64(damaged[len(damaged)-8:], 0x30307261626f6f66)
	return []directory{
		{name: "Unfinished MULTI: Server should start if load-truncated is yes", settings: "aof-load-truncated yes",
			files: unfinished},
		{name: "Short read: Server should start if load-truncated is yes", settings: "aof-load-truncated yes",
			files: torn},
		{name: "Bad format: Server should have logged an error",
			files: logDir(incr1, "1.incr.aof", wire("set foo hello")+"!!!"+wire("set foo hello")), refused: true},
		{name: "Unfinished MULTI: Server should have logged an error", settings: "aof-load-truncated no",
			files: unfinished, refused: true},
		{name: "Short read: Server should have logged an error", settings: "aof-load-truncated no", files: torn,
			refused: true},
		{name: "AOF+EXPIRE: Server should have been started",
			files: logDir(incr1, "1.incr.aof", wire("rpush list foo", "pexpireat list 1000", "rpush list bar"))},
		{name: "EVAL timeout with slow verbatim Lua script from AOF", settings: "lua-time-limit 1",
			files: logDir(incr1, "1.incr.aof", wire("eval redis.call('set',KEYS[1],'y')"+
				"for--[[]]i=1,300000--[[]]do--[[]]redis.call('ping')end 1 x"))},
		{name: "Unknown command: Server should have logged an error",
			files: logDir(incr1, "1.incr.aof", wire("set foo hello", "bla foo hello", "set foo hello")), refused: true},
		{name: "Successfully load AOF which has timestamp annotations inside", files: logDir(incr1, "1.incr.aof",
			"#TS:1628217470\r\n"+wire("set foo1 bar1")+"#TS:1628217471\r\n"+wire("set foo2 bar2")+
				"#TS:1628217472\r\n#TS:1628217473\r\n"+wire("set foo3 bar3")+"#TS:1628217474\r\n")},

		{name: "Multi Part AOF can't load data when some file missing",
			files: logDir(base1+incr1+incr2, "1.base.aof", k1, "2.incr.aof", k2), refused: true},
		{name: "Multi Part AOF can't load data when the sequence not increase monotonically",
			files: logDir(incr2+incr1, three[2:]...), refused: true},
		{name: "Multi Part AOF can't load data when there are blank lines in the manifest file",
			files: logDir(base1+"\n"+incr1, three...), refused: true},
		{name: "Multi Part AOF can't load data when there is a duplicate base file",
			files:   logDir(base1+strings.ReplaceAll(base1, "1", "2")+incr1, append(three, "2.base.aof", k1)...),
			refused: true},
		{name: "Multi Part AOF can't load data when the manifest format is wrong (type unknown)",
			files: logDir(base1+"file appendonly.aof.1.incr.aof seq 1 type x\n", three...), refused: true},
		{name: "Multi Part AOF can't load data when the manifest format is wrong (missing key)",
			files: logDir(base1+"filx appendonly.aof.1.incr.aof seq 1 type i\n", three...), refused: true},
		{name: "Multi Part AOF can't load data when the manifest format is wrong (line too short)",
			files: logDir(base1+"file appendonly.aof.1.incr.aof type i\n", three...), refused: true},
		{name: "Multi Part AOF can't load data when the manifest format is wrong (line too long)",
			files: logDir(base1+"file "+strings.Repeat("x", 1100)+" seq 1 type i\n", three...), refused: true},
		{name: "Multi Part AOF can't load data when the manifest format is wrong (odd parameter)",
			files: logDir(base1+"file appendonly.aof.1.incr.aof seq 1 type i newkey\n", three...), refused: true},
		{name: "Multi Part AOF can't load data when the manifest file is empty", files: logDir("", three...),
			refused: true},
		{name: "Multi Part AOF can start when no aof and no manifest", files: map[string]string{}},
		{name: "Multi Part AOF can start when we have en empty AOF dir",
			files: map[string]string{"appendonlydir/": ""}},
		{name: "Multi Part AOF can load data discontinuously increasing sequence",
			files: logDir(base1+incr1+"file appendonly.aof.33.incr.aof seq 33 type i\n", "1.base.aof", k1, "1.incr.aof",
				k2, "33.incr.aof", k3)},
		{name: "Multi Part AOF can load data when manifest add new k-v",
			files: logDir(base1+"file appendonly.aof.1.incr.aof seq 1 type i newkey newvalue\n"+incr2, three...)},
		{name: "Multi Part AOF can load data when some AOFs are empty",
			files: logDir(base1+incr1+incr2, "1.base.aof", "", "1.incr.aof", "", "2.incr.aof", k3)},
		{name: "Multi Part AOF can load data from old version redis (rdb preamble no)",
			files: map[string]string{"appendonly.aof": oldLog}},
		{name: "Multi Part AOF can load data from old version redis (rdb preamble yes)",
			files: map[string]string{"appendonly.aof": dumpOf("k1", "v1") + k2 + k3}},
		{name: "Multi Part AOF can continue the upgrade from the interrupted upgrade state",
			files: map[string]string{"appendonly.aof": oldLog,
				"appendonlydir/appendonly.aof.manifest": "file appendonly.aof seq 1 type b\n"}},
		{name: "Multi Part AOF can be loaded correctly when both server dir and aof dir contain old AOF",
			files: map[string]string{"appendonly.aof": oldLog,
				"appendonlydir/appendonly.aof.manifest": "file appendonly.aof seq 1 type b\n",
				"appendonlydir/appendonly.aof":          wire("set k4 v4")}},
		{name: "Multi Part AOF can't load data when the manifest contains the old AOF file name but the file does " +
			"not exist in server dir and aof dir",
			files:   map[string]string{"appendonlydir/appendonly.aof.manifest": "file appendonly.aof seq 1 type b\n"},
			refused: true},
		{name: "Multi Part AOF can upgrade when when two redis share the same server dir (redis2)",
			settings: "appendfilename appendonly.aof2",
			files:    map[string]string{"appendonly.aof": oldLog, "appendonly.aof2": wire("set k4 v4")}},
		{name: "Multi Part AOF can handle appendfilename contains whitespaces",
			settings: `appendfilename " file seq \n\n.aof "`, files: map[string]string{}},

		{name: "Server started empty with non-existing RDB file", settings: "appendonly no",
			files: map[string]string{}},
		{name: "Server started empty with empty RDB file", settings: "appendonly no",
			files: map[string]string{"dump.rdb": "REDIS0010\xff\x00\x00\x00\x00\x00\x00\x00\x00"}},
		{name: "Server should not start if RDB file can't be open", settings: "appendonly no",
			files: map[string]string{"dump.rdb/": ""}, refused: true},
		{name: "Server should not start if RDB is corrupted", settings: "appendonly no",
			files: map[string]string{"dump.rdb": string(damaged)}, refused: true},
		{name: "torn log of Redis 6", files: map[string]string{"appendonly.aof": short(oldLog)}},
	}
}

// TestDirectories starts either server in the same directory: they refuse the same ones, and have the same data, also
// after a rewrite, DEBUG LOADAOF, and another start.
func TestDirectories(t *testing.T) {
	for _, d := range directories() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			conf := filepath.Join(t.TempDir(), "server.conf")
			text := "bind 127.0.0.1\nsave \"\"\nenable-debug-command yes\nappendonly yes\n" + d.settings + "\n"
			if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			var digests [2][]string
			for i, command := range [][]string{{servers.Tool(t, "redis-server"), conf},
				{servers.Binary(t), "node", conf}} {
				dir := t.TempDir()
				put(t, dir, d.files)
				for range 2 {
					server := servers.Try(t, command[0], dir, command[1:]...)
					if refused := server == nil; refused != d.refused {
						t.Fatalf("%s: refused is %v, want %v", command[0], refused, d.refused)
					}
					if server == nil {
						digests[i] = append(digests[i], "refused")
						continue
					}
					c, err := dial(server.Addr)
					if err != nil {
						t.Fatal(err)
					}
					for _, words := range []string{"SCAN 0", "SET another key", "DEBUG LOADAOF", "BGREWRITEAOF",
						"SET one more", "DEBUG LOADAOF"} {
						if strings.Contains(d.settings, "appendonly no") && strings.Contains(words, "AOF") {
							continue
						}
						if r, err := c.do(strings.Fields(words)...); err != nil || r.kind == '-' {
							t.Fatalf("%s: %s: %s %v", command[0], words, r.raw, err)
						}
						rewritten(t, c)
						digests[i] = append(digests[i], digestOf(t, c))
					}
					c.close()
					server.Kill()
				}
			}
			if a, b := fmt.Sprint(digests[0]), fmt.Sprint(digests[1]); a != b {
				t.Errorf("the digests are\n%s on redis,\n%s on holdfast", a, b)
			}
		})
	}
}

// put makes the files of a directory.
func put(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil && strings.HasSuffix(name, "/") {
			err = os.MkdirAll(path, 0o755)
		} else if err == nil {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// rewritten waits until no rewrite runs.
func rewritten(t *testing.T, c *conn) {
	t.Helper()
	for end := time.Now().Add(replyTimeout); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		r, err := c.do("INFO", "persistence")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(r.text, "aof_rewrite_in_progress:0") &&
			strings.Contains(r.text, "aof_rewrite_scheduled:0") {
			return
		}
	}
	t.Fatal("the rewrite does not end")
}
