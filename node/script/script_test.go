package script

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"holdfast/lua"
	"holdfast/node/programs"
	"holdfast/resp"
)

// echo is a host that answers what it is asked to.
type echo struct {
	left  int // hooks until it ends the script
	limit int64
	said  [][]string
}

var errEnded = errors.New("ended")

func (h *echo) Call(args [][]byte, proto int, check bool) ([]byte, error) {
	var words []string
	for _, a := range args {
		words = append(words, string(a))
	}
	h.said = append(h.said, words)
	switch {
	case string(args[0]) == "refuse":
		return nil, resp.Error("NO way")
	case len(args) > 1 && string(args[0]) == "reply":
		return args[1], nil
	}
	w := resp.Writer{Proto: proto}
	w.Array(len(args))
	for _, a := range args {
		w.Bulk(a)
	}
	return w.Buf, nil
}

func newTestRunner(h *echo) *Runner {
	r := NewRunner(Config{Host: h, Logger: slog.New(slog.DiscardHandler), Limit: func() int64 { return h.limit }})
	r.Hook = func(l *lua.State) error {
		if h.left--; h.left < 0 {
			r.NotePlace(l)
			return errEnded
		}
		return nil
	}
	return r
}

func mustParse(t testing.TB, source string) *Script {
	t.Helper()
	s, err := Parse([]byte(source))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run runs a script, and answers its reply as it goes over the wire.
func run(t testing.TB, r *Runner, source string, proto int) string {
	t.Helper()
	w := resp.Writer{Proto: proto}
	r.Eval(mustParse(t, source), nil, nil, &w)
	return string(w.Buf)
}

// TestReplies: what a command answers comes back as the same reply, where a script has a value for it.
func TestReplies(t *testing.T) {
	r := newTestRunner(&echo{left: 1 << 30, limit: 16 << 20})
	for _, reply := range []string{
		":-5\r\n", "$5\r\nhello\r\n", "$0\r\n\r\n", "+OK\r\n", "-ERR x y\r\n", "*0\r\n",
		"*2\r\n:1\r\n*1\r\n$1\r\na\r\n",
		"_\r\n", "#t\r\n", "#f\r\n", ",1.5\r\n", "(12345678901234567890\r\n", "=9\r\ntxt:hello\r\n",
		"%1\r\n$1\r\na\r\n:1\r\n", "~1\r\n$1\r\na\r\n", "+FINE\r\n",
	} {
		source := "redis.setresp(3) return redis.pcall('reply', " + quote(reply) + ")"
		if got := run(t, r, source, 3); got != reply {
			t.Errorf("%q came back as %q", reply, got)
		}
	}
	attribute := "redis.setresp(3) return redis.call('reply', " + quote("|1\r\n+a\r\n:1\r\n:7\r\n") + ")"
	if got := run(t, r, attribute, 3); got != ":7\r\n" {
		t.Errorf("with an attribute: %q", got)
	}
}

func quote(s string) string {
	return "'" + strings.NewReplacer("\r", `\r`, "\n", `\n`).Replace(s) + "'"
}

// TestNothingIsLeft: tables and strings are used again, and no script sees what another had in them.
func TestNothingIsLeft(t *testing.T) {
	r := newTestRunner(&echo{left: 1 << 30, limit: 16 << 20})
	for _, c := range [][2]string{
		{"local t = redis.call('reply', '+OK\\r\\n') t.b = 1 t[1] = 2 setmetatable(t, {__index = {a = 1}}) return t",
			"+OK\r\n"},
		{"local t = redis.call('reply', '+OK\\r\\n') return {t.b or 0, t[1] or 0, t.a or 0, t.ok}",
			"*4\r\n:0\r\n:0\r\n:0\r\n$2\r\nOK\r\n"},
		{"KEYS[1] = 'mine' KEYS.x = 1 return 1", ":1\r\n"},
		{"return {#KEYS, KEYS.x or 0, KEYS[1] or 0}", "*3\r\n:0\r\n:0\r\n:0\r\n"},
		{"coroutine.wrap(function() coroutine.yield() end)() return redis.call('reply', '$3\\r\\nabc\\r\\n')",
			"$3\r\nabc\r\n"},
		{"return redis.call('reply', '$3\\r\\nxyz\\r\\n')", "$3\r\nxyz\r\n"},
	} {
		if got := run(t, r, c[0], 2); got != c[1] {
			t.Errorf("%s: %q, want %q", c[0], got, c[1])
		}
	}
}

// TestErrorsWithoutText end a script, and nothing else: Redis 7.0.15 dies of them.
func TestErrorsWithoutText(t *testing.T) {
	r := newTestRunner(&echo{left: 1 << 30, limit: 16 << 20})
	if got := run(t, r, "error({})", 2); !strings.HasPrefix(got, "-ERR unknown error script: ") {
		t.Errorf("%q", got)
	}
	if got := run(t, r, "return 1", 2); got != ":1\r\n" {
		t.Errorf("the next one: %q", got)
	}
}

// TestEnded: the host ends a script wherever it is, and no pcall keeps it alive.
func TestEnded(t *testing.T) {
	for _, source := range []string{
		"while true do end", "while true do pcall(function() while true do end end) end",
		"coroutine.wrap(function() while true do end end)()", "string.rep('x', 1e6):find(('.-'):rep(50) .. 'y')",
	} {
		r := newTestRunner(&echo{left: 3, limit: 16 << 20})
		s := mustParse(t, source)
		var w resp.Writer
		r.Eval(s, nil, nil, &w)
		if got := string(w.Buf); got != "-ended script: "+s.SHA+", on @user_script:1.\r\n" {
			t.Errorf("%s: %q", source, got)
		}
	}
}

// TestMemoryIsLimited: too much is an error of the script.
func TestMemoryIsLimited(t *testing.T) {
	r := newTestRunner(&echo{left: 1 << 30, limit: 16 << 20})
	for _, source := range []string{
		"local t = {} while true do t[#t+1] = ('x'):rep(1000) .. #t end", "return ('x'):rep(1e9)",
		"local t = {} while true do t[#t+1] = redis.call('reply', '+OK\\r\\n') end",
	} {
		got := run(t, r, source, 2)
		if !strings.Contains(got, "not enough memory") {
			t.Errorf("%s: %q", source, got)
		}
		if got := run(t, r, "return 1", 2); got != ":1\r\n" {
			t.Errorf("the next one: %q", got)
		}
	}
}

// TestCache: what is kept goes with the data, of what is not what was used least lately is forgotten first.
func TestCache(t *testing.T) {
	var set programs.Set
	c := NewCache(&set)
	const limit = 3 * (programs.Overhead + 8)
	add := func(n string) *Script { return c.Add(mustParse(t, "return "+n), limit) }
	one, two, three := add("1"), add("2"), add("3")
	if !c.Use(one, limit) {
		t.Error("what was only run here should be kept")
	}
	add("4")
	if c.FindBody([]byte("return 2")) != nil || c.FindBody([]byte("return 1")) != one {
		t.Error("the second was used least lately")
	}
	for _, s := range []*Script{one, three} {
		c.Keep([]byte(s.Body), limit)
	}
	if c.Use(one, limit) {
		t.Error("it was kept just now")
	}
	c.Keep([]byte("return 2"), limit)
	if !c.Use(one, limit) || c.Use(three, limit) {
		t.Error("the first of three is in the older half")
	}
	c.Keep([]byte("return 1"), limit)
	c.Keep([]byte("return 5"), limit)
	if got := strings.Join(set.Scripts(), ", "); got != "return 2, return 1, return 5" {
		t.Error(got)
	}
	if c.Find([]byte(two.SHA)) == nil || c.Find([]byte(three.SHA)) != nil || c.Find([]byte("x")) != nil {
		t.Error("what is known by SHA1 is another")
	}
	if c.Len() != 4 || c.Memory() != 4*(programs.Overhead+8) {
		t.Errorf("%d scripts take %d", c.Len(), c.Memory())
	}
	var other programs.Set
	other.Keep("return 7", limit)
	c.Adopt(&other)
	if c.Find([]byte(one.SHA)) != nil || c.FindBody([]byte("return 7")) == nil ||
		c.FindBody([]byte("return 4")) == nil {
		t.Error("what goes with other data is another, what was only run here is not")
	}
	c.Flush()
	if c.Len() != 0 || c.Memory() != 0 || len(other.Scripts()) != 0 {
		t.Error("something is left")
	}
}

// FuzzScript: whatever a script is, it ends in a reply, in the memory that it may have, and the next one runs.
func FuzzScript(f *testing.F) {
	for _, source := range []string{
		"return {1, 'a', {ok='x'}, {err='y'}, {double=1.5}, {map={a=1}}, {set={a=true}}}",
		"return redis.call('reply', '*1\\r\\n:1\\r\\n')", "redis.setresp(3) return redis.pcall('refuse', 1, 2.5)",
		"#!lua flags=no-writes\nreturn cjson.encode(KEYS)", "while true do end", "error({err='x'})",
		"return coroutine.wrap(function() return pcall(error, {}) end)()",
	} {
		f.Add(source)
	}
	h := &echo{limit: 4 << 20}
	r := newTestRunner(h)
	f.Fuzz(func(t *testing.T, source string) {
		if strings.Contains(source, "reply") && !strings.Contains(source, "reply', '*1\\r\\n:1\\r\\n'") {
			return // a host's replies are well formed
		}
		s, err := Parse([]byte(source))
		if err != nil {
			return
		}
		for proto := 2; proto <= 3; proto++ {
			h.left, h.said = 20, nil
			w := resp.Writer{Proto: proto}
			r.Eval(s, [][]byte{[]byte("key")}, [][]byte{[]byte("arg")}, &w)
			if r.Memory() > 4<<20 {
				t.Fatalf("it has %d bytes", r.Memory())
			}
			v, err := resp.NewReader(strings.NewReader(string(w.Buf))).ReadValue()
			if err != nil {
				t.Fatalf("reply %q: %v (%v)", w.Buf, err, v)
			}
		}
	})
}

// TestLongReplies: a table that stands in many places makes no reply that is longer than all of a script's values.
func TestLongReplies(t *testing.T) {
	r := newTestRunner(&echo{left: 1 << 30, limit: 16 << 20})
	const want = "-" + errLongReply + "\r\n"
	for _, source := range []string{
		"local t = {1} for i = 1, 24 do t = {t, t} end return t",
		"local t = {} t[1], t[2] = t, t return t",
		"local s, t = string.rep('x', 1e6), {} for i = 1, 20 do t[i] = s end return t",
		"local t = {1} for i = 1, 24 do t = {map = {a = t, b = t}} end return t",
	} {
		if got := run(t, r, source, 2); got != want {
			t.Errorf("%s: %d bytes, %.80q", source, len(got), got)
		}
	}
	if got := run(t, r, "local t = {1} for i = 1, 12 do t = {t, t} end return t", 2); got[0] != '*' {
		t.Errorf("a reply that is not too long: %.80q", got)
	}
}

// TestLongLines: what a script has logged is bounded by what it may take, however often one string is in it.
func TestLongLines(t *testing.T) {
	var lines bytes.Buffer
	r := newTestRunner(&echo{left: 1 << 30, limit: 8 << 20})
	r.Logger = slog.New(slog.NewTextHandler(&lines, nil))
	eval := func(source string) string {
		w := resp.Writer{Proto: 2}
		r.Eval(mustParse(t, source), nil, nil, &w)
		return string(w.Buf)
	}
	got := eval("local t, s = {}, ('x'):rep(1e6) for i = 1, 100 do t[i] = s end " +
		"redis.log(redis.LOG_WARNING, unpack(t))")
	if !strings.Contains(got, "not enough memory") || lines.Len() > 0 {
		t.Errorf("%.100q, %d bytes logged", got, lines.Len())
	}
	got = eval("return redis.log(redis.LOG_WARNING, 'a', 1, {}, 'b')")
	if got != "$-1\r\n" || !strings.Contains(lines.String(), `text="a 1 b"`) {
		t.Errorf("%q, %s", got, lines.String())
	}
}

// TestNoRoomToBegin: where there is no memory for what a script or a function is given, that is its reply.
func TestNoRoomToBegin(t *testing.T) {
	r := newTestRunner(&echo{left: 1 << 30, limit: 1 << 20})
	many := make([][]byte, 100_000)
	for i := range many {
		many[i] = []byte("an argument")
	}
	for _, keys := range [][][]byte{nil, many} {
		w := resp.Writer{Proto: 2}
		r.Eval(mustParse(t, "return #ARGV"), keys, many, &w)
		if got := string(w.Buf); !strings.HasSuffix(got, "not enough memory\r\n") {
			t.Errorf("a script: %.80q", got)
		}
	}
	if got := run(t, r, "return #ARGV", 2); got != ":0\r\n" {
		t.Errorf("the next one: %.80q", got)
	}
	libraries := r.NewLibraries(&programs.Set{})
	const code = "#!lua name=l\nlocal kept\nredis.register_function('keep', function()\n" +
		"while true do kept = {kept} end\nend)"
	if _, err := libraries.Load([]byte(code), false); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		w := resp.Writer{Proto: 2}
		libraries.Call(libraries.Find([]byte("keep")), nil, many[:10], &w)
		if got := string(w.Buf); !strings.HasSuffix(got, "not enough memory\r\n") {
			t.Errorf("a function: %.80q", got)
		}
	}
	other := strings.NewReplacer("name=l", "name=m", "'keep'", "'other'").Replace(code)
	if _, err := libraries.Load([]byte(other), false); err == nil || !strings.Contains(err.Error(), "memory") {
		t.Errorf("a library beside it: %v", err)
	}
}

// TestLibrariesOfOthers: a library that came with the data, and takes more than it may here, is left out as soon as
// somebody asks for it, and not loaded without a limit.
func TestLibrariesOfOthers(t *testing.T) {
	set := &programs.Set{}
	set.SetLibrary("big", "#!lua name=big\nlocal kept = {}\nfor i = 1, 1e6 do kept[i] = {} end\n"+
		"redis.register_function('big', function() return #kept end)")
	set.SetLibrary("small", "#!lua name=small\nredis.register_function('small', function() return 1 end)")
	r := newTestRunner(&echo{left: 1 << 30, limit: 1 << 20})
	libraries := r.NewLibraries(set)
	if libraries.Find([]byte("big")) != nil || libraries.Find([]byte("small")) == nil {
		t.Errorf("there are %v", libraries.All())
	}
	if used := libraries.Memory(); used > 1<<20 {
		t.Errorf("they take %d bytes", used)
	}
}
