package resp

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"
)

// cut feeds input to a parser in chunks of the sizes next gives and returns the commands as printable text.
func cut(t testing.TB, p *Parser, input []byte, next func() int) (commands []string, err error) {
	t.Helper()
	var raw int64
	for len(input) > 0 {
		space := p.Space(0)
		if len(space) < readSize && (p.bulk < keepSize || len(space) < p.pos+p.bulk+2-p.end) {
			t.Fatalf("Space of %d bytes", len(space))
		}
		n := copy(space[:min(len(space), max(next(), 1))], input)
		p.Fill(n)
		input = input[n:]
		var pending [][][]byte // a whole pipeline is parsed before any of it is looked at
		for {
			args, err := p.Next()
			if err != nil {
				return commands, err
			}
			if args == nil {
				break
			}
			again, err := new(Parser).whole(p.LastRaw())
			if err != nil || fmt.Sprintf("%q", again) != fmt.Sprintf("%q", args) {
				t.Fatalf("LastRaw %q is not %q", p.LastRaw(), args)
			}
			raw += int64(len(p.LastRaw()))
			pending = append(pending, args)
		}
		for _, args := range pending {
			commands = append(commands, fmt.Sprintf("%q", args))
		}
	}
	if raw != p.Consumed() {
		t.Fatalf("Consumed %d, handed out %d", p.Consumed(), raw)
	}
	return commands, nil
}

// whole parses one command.
func (p *Parser) whole(wire []byte) ([][]byte, error) {
	p.Fill(copy(p.Space(len(wire)), wire))
	return p.Next()
}

func TestParserCommands(t *testing.T) {
	for _, test := range []struct {
		name, input string
		limits      Limits
		want        []string
		err         string
	}{
		{"multibulk", "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", Limits{}, []string{`["GET" "k"]`}, ""},
		{"pipeline", "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nQUIT\r\n", Limits{}, []string{`["PING"]`, `["QUIT"]`}, ""},
		{"empty argument", "*2\r\n$0\r\n\r\n$2\r\n\r\n\r\n", Limits{}, []string{`["" "\r\n"]`}, ""},
		{"empty and negative commands are skipped", "*0\r\n*-1\r\n*-10\r\n*1\r\n$1\r\na\r\n", Limits{},
			[]string{`["a"]`}, ""},
		{"inline", "SET  k \"a b\"\r\nPING\n", Limits{}, []string{`["SET" "k" "a b"]`, `["PING"]`}, ""},
		{"blank lines", "\r\n\n   \r\nPING\r\n", Limits{}, []string{`["PING"]`}, ""},
		{"mixed", "PING\r\n*1\r\n$1\r\na\r\nECHO b\r\n", Limits{}, []string{`["PING"]`, `["a"]`, `["ECHO" "b"]`}, ""},
		{"count is no number", "*x\r\n", Limits{}, nil, "Protocol error: invalid multibulk length"},
		{"count too large", "*3000000000\r\n", Limits{}, nil, "Protocol error: invalid multibulk length"},
		{"count with leading zero", "*01\r\n", Limits{}, nil, "Protocol error: invalid multibulk length"},
		{"count empty", "*\r\n", Limits{}, nil, "Protocol error: invalid multibulk length"},
		{"length negative", "*1\r\n$-1\r\n", Limits{}, nil, "Protocol error: invalid bulk length"},
		{"length is no number", "*1\r\n$blabla\r\n", Limits{}, nil, "Protocol error: invalid bulk length"},
		{"length too large", "*1\r\n$536870913\r\n", Limits{}, nil, "Protocol error: invalid bulk length"},
		{"length overflows", "*1\r\n$99999999999999999999\r\n", Limits{}, nil, "Protocol error: invalid bulk length"},
		{"no dollar", "*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n", Limits{}, nil, "Protocol error: expected '$', got 'f'"},
		{"inline too big", strings.Repeat("a", 64<<10+1), Limits{}, nil, "Protocol error: too big inline request"},
		{"count too long", "*" + strings.Repeat("1", 64<<10), Limits{}, nil,
			"Protocol error: too big mbulk count string"},
		{"length too long", "*1\r\n$" + strings.Repeat("1", 64<<10), Limits{}, nil,
			"Protocol error: too big bulk count string"},
		{"quotes", "SET \"a\r\n", Limits{}, nil, "Protocol error: unbalanced quotes in request"},
		{"stranger's count", "*11\r\n", Limits{Unauthenticated: true}, nil,
			"Protocol error: unauthenticated multibulk length"},
		{"stranger's length", "*1\r\n$16385\r\n", Limits{Unauthenticated: true}, nil,
			"Protocol error: unauthenticated bulk length"},
		{"query limit", "*1\r\n$5000\r\n" + strings.Repeat("a", 4000), Limits{MaxQuery: 3000}, nil,
			ErrQueryLimit.Error()},
		{"after good ones", "PING\r\n*1\r\nx\r\n", Limits{}, []string{`["PING"]`},
			"Protocol error: expected '$', got 'x'"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, size := range []int{1, 2, 7, 1 << 20} {
				var p Parser
				p.SetLimits(test.limits)
				got, err := cut(t, &p, []byte(test.input), func() int { return size })
				text := ""
				if err != nil {
					text = err.Error()
					if _, again := p.Next(); again != err {
						t.Errorf("error is not final: %v", again)
					}
				}
				if size == 1<<20 && err != nil {
					got = test.want // cut drops the commands of a chunk that ends in an error
				}
				if text != test.err || strings.Join(got, ",") != strings.Join(test.want, ",") {
					t.Errorf("chunks of %d: %v, %q; want %v, %q", size, got, text, test.want, test.err)
				}
			}
		})
	}
}

// randomCommands builds a stream of commands of every size, and what they should be cut into.
func randomCommands(r *rand.Rand, n int) (wire []byte, want []string) {
	for range n {
		args := make([][]byte, 1+r.IntN(6))
		if r.IntN(100) == 0 {
			args = make([][]byte, 300)
		}
		for i := range args {
			size := r.IntN(20)
			if r.IntN(200) == 0 {
				size = r.IntN(100_000)
			}
			args[i] = make([]byte, size)
			for j := range args[i] {
				args[i][j] = "ab\r\n$*\x00\xff"[r.IntN(8)]
			}
		}
		switch r.IntN(8) {
		case 0:
			wire = append(wire, "ping 'a b' \"\\x00\" c\r\n"...)
			want = append(want, fmt.Sprintf("%q", [][]byte{[]byte("ping"), []byte("a b"), {0}, []byte("c")}))
		case 1:
			wire = append(wire, "\r\n*0\r\n"...)
		default:
			wire = AppendCommand(wire, args...)
			want = append(want, fmt.Sprintf("%q", args))
		}
	}
	return wire, want
}

func TestParserChunksDoNotMatter(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 1))
		wire, want := randomCommands(r, 100)
		largest := 1 << r.IntN(18)
		var p Parser
		got, err := cut(t, &p, wire, func() int { return r.IntN(largest) })
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if len(got) != len(want) {
			t.Fatalf("seed %d: %d commands, want %d", seed, len(got), len(want))
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("seed %d: command %d differs: %.100s, want %.100s", seed, i, got[i], want[i])
			}
		}
		if p.Buffered() != 0 {
			t.Errorf("seed %d: %d bytes left", seed, p.Buffered())
		}
	}
}

// TestParserLargeCommands receives what would take for ever if parsing or copying were quadratic.
func TestParserLargeCommands(t *testing.T) {
	many := make([][]byte, 300_000)
	for i := range many {
		many[i] = []byte("abcdefgh")
	}
	for name, args := range map[string][][]byte{
		"one argument":     {[]byte("SET"), bytes.Repeat([]byte("x"), 64<<20)},
		"many arguments":   many,
		"large and larger": {make([]byte, 1<<20), make([]byte, 2<<20), make([]byte, 3<<20), make([]byte, 4<<20)},
	} {
		wire := AppendCommand(nil, args...)
		var p Parser
		var got [][]byte
		for rest := wire; len(rest) > 0; {
			space := p.Space(0)
			n := copy(space[:min(len(space), 4096)], rest)
			p.Fill(n)
			rest = rest[n:]
			var err error
			if got, err = p.Next(); err != nil {
				t.Fatal(err)
			}
		}
		if len(got) != len(args) || !bytes.Equal(p.LastRaw(), wire) {
			t.Errorf("%s: %d arguments", name, len(got))
		}
		if p.Space(0); len(p.buf) > burstSize || cap(p.args) > keepArgs {
			t.Errorf("%s: kept a buffer of %d bytes and %d arguments", name, len(p.buf), cap(p.args))
		}
	}
}

// TestParserMovesLongArgumentsLittle counts the bytes that are copied while a long argument comes, in parts as large as
// a socket's.
func TestParserMovesLongArgumentsLittle(t *testing.T) {
	long := make([]byte, 64<<20)
	for name, args := range map[string][][]byte{
		"last":   {[]byte("SET"), []byte("key"), long},
		"middle": {[]byte("SET"), []byte("key"), long, []byte("EX"), []byte("1000")},
	} {
		var p Parser
		moved, got := 0, [][]byte(nil)
		for rest := AppendCommand(nil, args...); len(rest) > 0; {
			held, before := p.end-p.start, unsafe.SliceData(p.buf)
			space := p.Space(0)
			if unsafe.SliceData(p.buf) != before {
				moved += held
			}
			n := copy(space[:min(len(space), 100_001)], rest)
			p.Fill(n)
			rest = rest[n:]
			var err error
			if got, err = p.Next(); err != nil {
				t.Fatal(err)
			}
		}
		if len(got) != len(args) || len(got[2]) != len(long) {
			t.Fatalf("%s: %d arguments", name, len(got))
		}
		if moved > len(long)/4 {
			t.Errorf("%s: %d bytes were copied for an argument of %d", name, moved, len(long))
		}
	}
}

// TestParserGivesLongArguments: who is given an argument has it for good, whatever comes next. A buffer that is used
// again, or for more than that, is not given.
func TestParserGivesLongArguments(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 1<<20)
	for _, c := range []struct {
		name  string
		args  [][]byte
		at    int    // which argument is asked for
		after string // what has come behind the command
		want  bool
	}{
		{"the last", [][]byte{[]byte("SET"), []byte("key"), long}, 2, "", true},
		{"in the middle", [][]byte{[]byte("SET"), []byte("key"), long, []byte("EX"), []byte("10")}, 2, "", true},
		{"a short one", [][]byte{[]byte("SET"), []byte("key"), long}, 1, "", false},
		{"one of several", [][]byte{[]byte("MSET"), []byte("a"), long, []byte("b"), long}, 2, "", false},
		{"not long enough", [][]byte{[]byte("SET"), []byte("key"), long[:50<<10]}, 2, "", false},
		{"with the next command behind it", [][]byte{[]byte("SET"), []byte("key"), long}, 2, "PI", false},
	} {
		var p Parser
		wire := append(AppendCommand(nil, c.args...), c.after...)
		var got [][]byte
		for got == nil {
			n := copy(p.Space(len(wire)), wire)
			p.Fill(n)
			wire = wire[n:]
			var err error
			if got, err = p.Next(); err != nil {
				t.Fatal(err)
			}
		}
		arg := got[c.at]
		if p.Give(bytes.Clone(arg)) {
			t.Errorf("%s: bytes that lie elsewhere were given", c.name)
		}
		held := p.Held()
		if given := p.Give(arg); given != c.want {
			t.Errorf("%s: given is %v", c.name, given)
		} else if given && (p.Held() > held-len(arg) || p.Free() != 0) {
			t.Errorf("%s: the parser holds %d bytes of %d, with %d free", c.name, p.Held(), held, p.Free())
		}
		want := bytes.Clone(arg)
		if c.want {
			copy(p.Space(len(long)), bytes.Repeat([]byte("y"), len(long)))
			if !bytes.Equal(arg, want) {
				t.Errorf("%s: it was written over", c.name)
			}
			if p.Give(arg) {
				t.Errorf("%s: it was given again when other commands are read", c.name)
			}
		}
	}
}

func TestParserTrustsNoLength(t *testing.T) {
	var p Parser
	p.Fill(copy(p.Space(0), "*2000000000\r\n$536870912\r\nabc"))
	if args, err := p.Next(); args != nil || err != nil {
		t.Fatal(args, err)
	}
	if p.Space(0); len(p.buf) > trustedGrowth*readSize {
		t.Errorf("allocated %d bytes for 30 received", len(p.buf))
	}
}

func TestParserGivesBackMiddlingBuffer(t *testing.T) {
	var p Parser
	feed := func(wire []byte) {
		p.Fill(copy(p.Space(len(wire)), wire))
		if args, err := p.Next(); args == nil || err != nil {
			t.Fatal(args, err)
		}
	}
	feed(AppendCommand(nil, make([]byte, 100<<10)))
	for range 3 * shrinkTurn {
		feed([]byte("PING\r\n"))
	}
	if len(p.buf) > keepSize {
		t.Errorf("still holds %d bytes", len(p.buf))
	}
}

func TestParserDoesNotAllocate(t *testing.T) {
	var wire []byte
	for range 16 {
		wire = AppendCommandStrings(wire, "SET", "key:000000000001", "value")
	}
	var p Parser
	if n := testing.AllocsPerRun(100, func() { drain(t, &p, wire, 16) }); n != 0 {
		t.Errorf("%v allocations for 16 commands", n)
	}
}

func drain(t testing.TB, p *Parser, wire []byte, commands int) {
	p.Fill(copy(p.Space(len(wire)), wire))
	for range commands {
		if args, err := p.Next(); args == nil || err != nil {
			t.Fatal(args, err)
		}
	}
}

func BenchmarkParserSet16(b *testing.B) {
	var wire []byte
	for range 16 {
		wire = AppendCommandStrings(wire, "SET", "key:000000000001", "xxxxxxxxxxxxxxxx")
	}
	var p Parser
	b.SetBytes(int64(len(wire)))
	b.ReportAllocs()
	for b.Loop() {
		drain(b, &p, wire, 16)
	}
}

func TestSplitInline(t *testing.T) {
	for _, test := range []struct {
		line string
		want string // empty: unbalanced
	}{
		{``, `[]`},
		{`  a   b  `, `["a" "b"]`},
		{`"a b" 'c d'`, `["a b" "c d"]`},
		{`a"b c"`, `["ab c"]`},
		{`"\n\r\t\b\a\x41\q\""`, `["\n\r\t\b\aAq\""]`},
		{`"\x4"`, `["x4"]`},
		{`'\n\''`, `["\\n'"]`},
		{`""`, `[""]`},
		{`"a"b`, ``},
		{`'a'b`, ``},
		{`"a`, ``},
		{`'a`, ``},
		{`"a\`, ``},
		{"a\vb\f", `["a\vb\f"]`},
		{"a\x00b \x00", `["a\x00b" "\x00"]`},
	} {
		args, ok := splitInline(nil, []byte(test.line))
		got := ""
		if ok {
			got = fmt.Sprintf("%q", args)
		}
		if got != test.want {
			t.Errorf("%q: got %s, want %s", test.line, got, test.want)
		}
	}
}

func FuzzParser(f *testing.F) {
	f.Add([]byte("*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING \"a\"\r\n"), uint64(1))
	f.Add([]byte("*-1\r\n*1\r\n$-1\r\n"), uint64(2))
	f.Fuzz(func(t *testing.T, input []byte, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 0))
		var one, other Parser
		one.SetLimits(Limits{MaxBulk: 1 << 20})
		other.SetLimits(Limits{MaxBulk: 1 << 20})
		a, errA := cut(t, &one, input, func() int { return 1 })
		b, errB := cut(t, &other, input, func() int { return r.IntN(10) })
		if errA == nil && errB == nil && fmt.Sprint(a) != fmt.Sprint(b) || (errA == nil) != (errB == nil) {
			t.Fatalf("%q %v, %q %v", a, errA, b, errB)
		}
	})
}

func FuzzSplitInline(f *testing.F) {
	f.Add([]byte(`a "b\x00" 'c'`))
	f.Fuzz(func(t *testing.T, line []byte) {
		args, ok := splitInline(nil, line)
		if !ok {
			return
		}
		total := 0
		for _, a := range args {
			total += len(a)
		}
		if total > len(line) {
			t.Fatalf("%q grew into %q", line, args)
		}
	})
}

// TestReadingAheadIsCheap: who reads on without a look at what came, behind the beginning of a command of a known
// length, has the buffer moved as seldom as anybody.
func TestReadingAheadIsCheap(t *testing.T) {
	var p Parser
	begun := "*2\r\n$4\r\necho\r\n$5\r\nhe"
	p.Fill(copy(p.Space(0), begun))
	if args, err := p.Next(); args != nil || err != nil {
		t.Fatal(args, err)
	}
	const rest, more, ahead = "llo\r\n", "*1\r\n$4\r\nping\r\n", 8 << 20
	moves, free := 0, 0
	for text := rest; p.Buffered() < ahead; text = more {
		space := p.Space(0)
		if len(space) != free {
			moves++
		}
		n := copy(space, text)
		p.Fill(n)
		free = len(space) - n
	}
	if moves > 30 {
		t.Errorf("the buffer was moved %d times", moves)
	}
	if args, err := p.Next(); err != nil || string(args[1]) != "hello" {
		t.Errorf("%q, %v", args, err)
	}
}
