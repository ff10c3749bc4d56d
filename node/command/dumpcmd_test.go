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
	e.run([]step{{"RESTORE k 5 " + s + " REPLACE ABSTTL", "+OK"}, {"EXISTS k", ":0"}, {"RESTORE k 5 " + s + " ABSTTL", "+OK"}, {"EXISTS k", ":0"}})
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
