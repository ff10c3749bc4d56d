package command

import (
	"encoding/binary"
	"strconv"
	"strings"
	"testing"

	"holdfast/node/rdb"
)

// payload is what DUMP answers for a key.
func payload(t *testing.T, e *testEnv, key string) string {
	t.Helper()
	p, err := strconv.Unquote(e.do("DUMP", key))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDump(t *testing.T) {
	e := newTestEnv(t)
	e.run([]step{{"DUMP k", "nil"}, {"SET k 10", "+OK"}})
	if got := payload(t, e, "k"); got != "\x00\xc0\x0a\x0a\x00\x6e\x9f\x57\x45\x0e\xae\x63\xbb" {
		t.Errorf("%q", got)
	}
}

func TestRestore(t *testing.T) {
	e := newTestEnv(t)
	e.do("SET", "k", "value")
	e.do("SADD", "s", "a", "b", "c")
	k, s := strconv.Quote(payload(t, e, "k")), strconv.Quote(payload(t, e, "s"))
	bad := strconv.Quote(strings.Replace(payload(t, e, "k"), "v", "V", 1))
	e.effects()
	e.run([]step{
		{"RESTORE k 0 " + s, "-BUSYKEY Target key name already exists."},
		{"RESTORE k 0 " + s + " x", "-ERR syntax error"},
		{"RESTORE k 0 " + s + " IDLETIME", "-ERR syntax error"},
		{"RESTORE k 0 " + s + " IDLETIME 1 FREQ 1", "-ERR syntax error"},
		{"RESTORE k 0 " + s + " IDLETIME -1", "-ERR Invalid IDLETIME value, must be >= 0"},
		{"RESTORE k 0 " + s + " FREQ 256", "-ERR Invalid FREQ value, must be >= 0 and <= 255"},
		{"RESTORE k x " + s + " REPLACE", "-ERR value is not an integer or out of range"},
		{"RESTORE k -1 " + s + " REPLACE", "-ERR Invalid TTL value, must be >= 0"},
		{"RESTORE k 0 " + bad + " REPLACE", "-ERR DUMP payload version or checksum are wrong"},
		{"RESTORE k 0 x REPLACE", "-ERR DUMP payload version or checksum are wrong"},
		// A set of one member that is there twice, with a checksum that is right.
		{"RESTORE k 0 " + withFooter("\x02\x02\x01a\x01a") + " REPLACE", "-ERR Bad data format"},
		{"RESTORE k 0 " + withFooter("\x02\x00") + " REPLACE", "-ERR Bad data format"},
		{"RESTORE k 0 " + withFooter("\x07\x00") + " REPLACE", "-ERR Bad data format"},
		{"GET k", `"value"`},
	})
	if got := e.effects(); got != "" {
		t.Errorf("effects of what was refused: %q", got)
	}
	e.run([]step{
		{"RESTORE copy 0 " + k, "+OK"}, {"GET copy", `"value"`}, {"TTL copy", ":-1"},
		{"EXPIRE k 100", ":1"}, {"RESTORE k 0 " + s + " replace IDLETIME 77", "+OK"},
		{"OBJECT IDLETIME k", ":77"}, {"SCARD k", ":3"}, {"TTL k", ":-1"},
	})
	e.effects()
	e.run([]step{{"RESTORE k 5000 " + k + " REPLACE", "+OK"}, {"PTTL k", ":5000"}})
	if want, got := "RESTORE k 1700000005000 "+payload(t, e, "k")+" REPLACE ABSTTL", e.effects(); got != want {
		t.Errorf("effects %q, want %q", got, want)
	}
	e.run([]step{{"RESTORE k 1700000005000 " + s + " REPLACE ABSTTL", "+OK"}, {"PTTL k", ":5000"}})
	e.effects()
	e.run([]step{{"RESTORE k 5 " + s + " REPLACE ABSTTL", "+OK"}, {"EXISTS k", ":0"},
		{"RESTORE k 5 " + s + " ABSTTL", "+OK"}, {"EXISTS k", ":0"}})
	if got := e.effects(); got != "DEL k" {
		t.Errorf("effects %q", got)
	}
}

// withFooter is a payload of the bytes of a value, as a word of a step.
func withFooter(value string) string {
	return strconv.Quote(string(appendFooter([]byte(value))))
}

func appendFooter(p []byte) []byte {
	p = append(p, rdb.Version, 0)
	return binary.LittleEndian.AppendUint64(p, rdb.CRC64(0, p))
}

func TestDebugOnValues(t *testing.T) {
	e := newTestEnv(t)
	if err := e.Config.Set("enable-debug-command", []string{"yes"}); err != nil {
		t.Fatal(err)
	}
	e.run([]step{
		{"RPUSH l a b c", ":3"}, {"HSET h f v", ":1"}, {"SET s text", "+OK"},
		{"DEBUG OBJECT l",
			"+Value at:0x0 refcount:1 encoding:quicklist serializedlength:19 lru:5501184 lru_seconds_idle:0" +
				" ql_nodes:1 ql_avg_node:3.00 ql_listpack_max:-2 ql_compressed:0 ql_uncompressed_size:16"},
		{"DEBUG OBJECT s",
			"+Value at:0x0 refcount:1 encoding:embstr serializedlength:5 lru:5501184 lru_seconds_idle:0"},
		{"DEBUG OBJECT nokey", "-ERR no such key"},
		{"DEBUG LISTPACK h", "+Listpack structure written to the log"},
		{"DEBUG LISTPACK l", "-ERR Not a listpack encoded object."},
		{"DEBUG LISTPACK nokey", "-ERR no such key"},
		{"DEBUG QUICKLIST l", "+Quicklist structure written to the log"},
		{"DEBUG QUICKLIST h", "-ERR Not a quicklist encoded object."},
		{"DEBUG HTSTATS-KEY h", "-ERR The value stored at the specified key is not represented using an hash table"},
		{"DEBUG STRINGMATCH-TEST", "+Apparently Redis did not crash: test passed"},
		{"DEBUG HTSTATS 16", "-ERR Out of range database"},
		{"DEBUG QUICKLIST-PACKED-THRESHOLD x",
			"-ERR argument must be a memory value bigger than 1 and smaller than 4gb"},
		{"DEBUG QUICKLIST-PACKED-THRESHOLD 4gb",
			"-ERR argument must be a memory value bigger than 1 and smaller than 4gb"},
		{"DEBUG QUICKLIST-PACKED-THRESHOLD 2b", "+OK"}, {"CONFIG SET maxmemory 0", "+OK"}, {"RPUSH plain abc x", ":2"},
	})
	if got := e.do("DEBUG", "OBJECT", "plain"); !strings.Contains(got, " ql_nodes:2 ") {
		t.Error(got)
	}
	if got := e.do("DEBUG", "HTSTATS", "0"); !strings.Contains(got, " number of elements: 4\\n") {
		t.Error(got)
	}
	for i := range 600 {
		e.do("HSET", "h", strconv.Itoa(i), "v")
	}
	if got := e.do("DEBUG", "HTSTATS-KEY", "h"); !strings.Contains(got, " number of elements: 601\\n") {
		t.Error(got)
	}
}
