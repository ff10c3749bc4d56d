package resp

import (
	"fmt"
	"strings"
	"testing"
)

// testTable has a row for each way keys and arguments can be described; the expected replies are Redis 7.0.15's.
func testTable() *Table[*int] {
	var table *Table[*int]
	run := func(calls *int, args [][]byte, w *Writer) error {
		*calls++
		w.OK()
		return nil
	}
	one := KeySpec{First: 1, Last: 1, Flags: RO | Access}
	table = NewTable(
		[]Command[*int]{
			{Name: "get", Arity: 2, Flags: ReadOnly | Fast, Keys: []KeySpec{one}, Group: "string", Since: "1.0.0",
				Summary: "Gets.", Complexity: "O(1)", Syntax: "key", Run: run},
			{Name: "set", Arity: -3, Flags: Write | DenyOOM, Group: "string", Run: run,
				Syntax: "key value condition=[NX|XX]@2.6.12 [GET@6.2.0] expiration=[EX seconds@2.6.12|KEEPTTL]",
				Keys: []KeySpec{{First: 1, Last: 1, Flags: RW | Access | Update | VariableFlags, Notes: "GET reads",
					FlagsOf: func(args [][]byte) KeyFlag {
						if len(args) > 3 {
							return RW | Access | Update
						}
						return OW | Update
					}}}},
			{Name: "mset", Arity: -3, Flags: Write, Group: "string",
				Keys:   []KeySpec{{First: 1, Last: -1, Step: 2, Flags: OW}},
				Syntax: "(key value)...", Run: run},
			{Name: "eval", Arity: -3, Flags: NoMandatoryKeys, Group: "scripting", Run: run,
				Keys: []KeySpec{{First: 2, KeyNum: &KeyNum{0, 1, 1}, Flags: RW | Access}}},
			{Name: "xread", Arity: -4, Flags: ReadOnly | Blocking, Group: "stream", Run: run,
				Keys: []KeySpec{{First: 1, Keyword: "STREAMS", Last: -1, Limit: 2, Flags: RO | Access}}},
			{Name: "rename", Arity: 3, Flags: Write, Group: "generic", Run: run,
				Keys: []KeySpec{{First: 1, Last: 1, Flags: RW}, {First: 2, Last: 2, Flags: OW}}},
			{Name: "sort", Arity: -2, Flags: Write, Group: "generic", Categories: CatSet | CatList, Run: run,
				Keys: []KeySpec{one, {Notes: "unknowable", Flags: RO}, {Flags: OW | Update,
					Find: func(args [][]byte) ([]int, error) {
						for i := 2; i+1 < len(args); i++ {
							if string(args[i]) == "STORE" {
								return []int{i + 1}, nil
							}
						}
						return nil, nil
					}}}},
		},
		[]Command[*int]{
			{Name: "config", Arity: -2, Group: "server", Sub: []Command[*int]{
				{Name: "get", Arity: -3, Flags: Admin | NoScript | Loading | Stale, Run: run},
				{Name: "config|help", Arity: 2, Flags: Loading | Stale, Run: run},
			}},
			CommandRow(func(*int) *Table[*int] { return table }),
		})
	return table
}

func argv(line string) [][]byte {
	args, _ := splitInline(nil, []byte(line))
	return args
}

func TestLookup(t *testing.T) {
	table := testTable()
	for line, want := range map[string]string{
		"get k":              "get",
		"GeT k":              "get",
		"CONFIG GET x":       "config|get",
		"config help":        "config|help",
		"get":                "ERR wrong number of arguments for 'get' command",
		"set k":              "ERR wrong number of arguments for 'set' command",
		"config":             "ERR wrong number of arguments for 'config' command",
		"config get":         "ERR wrong number of arguments for 'config|get' command",
		"config nope":        "ERR unknown subcommand 'nope'. Try CONFIG HELP.",
		"config|get x":       "ERR unknown command 'config|get', with args beginning with: 'x' ",
		"nope":               "ERR unknown command 'nope', with args beginning with: ",
		`nope "a\r\nb" c`:    "ERR unknown command 'nope', with args beginning with: 'a  b' 'c' ",
		`"" a`:               "ERR unknown command '', with args beginning with: 'a' ",
		"x " + longWord(200): "ERR unknown command 'x', with args beginning with: '" + longWord(128) + "' ",
		longWord(200):        "ERR unknown command '" + longWord(128) + "', with args beginning with: ",
		"x " + longWord(100) + " " + longWord(99) + " d": "ERR unknown command 'x', with args beginning with: '" +
			longWord(100) + "' '" + longWord(25) + "' ",
	} {
		c, err := table.Lookup(argv(line))
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = c.FullName()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	args := argv("GET k")
	if n := testing.AllocsPerRun(100, func() { _, _ = table.Lookup(args) }); n != 0 {
		t.Errorf("Lookup allocates %v times", n)
	}
}

func longWord(n int) string { return strings.Repeat("z", n) }

// ask runs a command on the table and returns the reply, with line ends as blanks.
func ask(t *testing.T, proto int, line string) string {
	t.Helper()
	table := testTable()
	w := Writer{Proto: proto}
	c, err := table.Lookup(argv(line))
	if err == nil {
		err = c.Run(new(int), argv(line), &w)
	}
	if err != nil {
		w.Buf = nil
		w.Error(err)
	}
	r := NewReader(strings.NewReader(string(w.Buf)))
	if _, err := r.ReadValue(); err != nil || r.Buffered() > 0 {
		t.Fatalf("%s: reply %q is malformed: %v", line, w.Buf, err)
	}
	return strings.TrimSuffix(strings.ReplaceAll(string(w.Buf), "\r\n", " "), " ")
}

func TestIntrospect(t *testing.T) {
	const index = "$12 begin_search %2 $4 type $5 index $4 spec %1 $5 index :1 "
	const ranged = "$9 find_keys %2 $4 type $5 range $4 spec %3 $7 lastkey :0 $7 keystep :1 $5 limit :0"
	for line, want := range map[string]string{
		"command count": ":9",
		"command info get": "*1 *10 $3 get :2 ~2 +readonly +fast :1 :1 :1 ~3 +@read +@string +@fast ~0 " +
			"~1 %3 $5 flags ~2 +RO +access " + index + ranged + " ~0",
		"command info set nope": "*2 *10 $3 set :-3 ~2 +write +denyoom :1 :1 :1 ~3 +@write +@string +@slow ~0 " +
			"~1 %4 $5 notes $9 GET reads $5 flags ~4 +RW +access +update +variable_flags " + index + ranged + " ~0 _",
		"command info config": "*1 *10 $6 config :-2 ~0 :0 :0 :0 ~1 +@slow ~0 ~0 *2 " +
			"*10 $10 config|get :-3 ~4 +admin +noscript +loading +stale :0 :0 :0 ~3 +@admin +@slow +@dangerous ~0 ~0 " +
			"~0 " +
			"*10 $11 config|help :2 ~2 +loading +stale :0 :0 :0 ~1 +@slow ~0 ~0 ~0",
		"command info CONFIG|nope": "*1 _",
		"command info a|b|c":       "*1 _",
		"command docs get nope": "%1 $3 get %5 $7 summary $5 Gets. $5 since $5 1.0.0 $5 group $6 string $10 " +
			"complexity $4 O(1) " +
			"$9 arguments *1 %3 $4 name $3 key $4 type $3 key $14 key_spec_index :0",
		"command list": "*18 $3 get $3 set $4 mset $4 eval $5 xread $6 rename $4 " +
			"sort $6 config $10 config|get $11 config|help $7 command $13 command|count $12 command|docs $15 " +
			"command|getkeys $23 command|getkeysandflags $12 command|help $12 command|info $12 command|list",
		"command list filterby pattern xr*":             "*1 $5 xread",
		"command list filterby aclcat BLOCKING":         "*1 $5 xread",
		"command list filterby aclcat nope":             "*0",
		"command list filterby module m":                "*0",
		"command list filterby nope m":                  "-ERR syntax error",
		"command list nope":                             "-ERR syntax error",
		"command nope":                                  "-ERR unknown subcommand 'nope'. Try COMMAND HELP.",
		"command getkeys get":                           "-ERR wrong number of arguments for 'command|getkeys' command",
		"command getkeys nope x":                        "-ERR Invalid command specified",
		"command getkeys config nope":                   "-ERR Invalid command specified",
		"command getkeys config get x":                  "-ERR The command has no key arguments",
		"command getkeys get a b":                       "-ERR Invalid number of arguments specified for command",
		"command getkeys mset a 1 b 2":                  "*2 $1 a $1 b",
		"command getkeys eval s 2 a b c":                "*2 $1 a $1 b",
		"command getkeys eval s 0":                      "*0",
		"command getkeys eval s 9 a":                    "*0",
		"command getkeys xread count 1 streams a b 0 0": "*2 $1 a $1 b",
		"command getkeys xread a b c":                   "-ERR Invalid arguments specified for command",
		"command getkeysandflags sort a STORE b":        "*2 *2 $1 a ~2 +RO +access *2 $1 b ~2 +OW +update",
		"command getkeysandflags set a b":               "*1 *2 $1 a ~2 +OW +update",
		"command getkeysandflags set a b GET":           "*1 *2 $1 a ~3 +RW +access +update",
	} {
		if got := ask(t, 3, line); got != want {
			t.Errorf("%s:\n got %s\nwant %s", line, got, want)
		}
	}
	for _, line := range []string{"command", "command info", "command docs", "command help"} {
		for _, proto := range []int{2, 3} {
			if got := ask(t, proto, line); got[0] == '-' {
				t.Errorf("%s in RESP%d: %s", line, proto, got)
			}
		}
	}
}

func TestLegacyKeys(t *testing.T) {
	table := testTable()
	for name, want := range map[string]string{
		"get": "1 1 1 false", "mset": "1 -1 2 false", "eval": "0 0 0 true", "xread": "0 0 0 true",
		"rename": "1 2 1 false",
		"sort":   "1 1 1 true", "config": "0 0 0 false",
	} {
		c := table.ByName([]byte(name))
		l := c.legacy
		if got := fmt.Sprint(l.first, l.last, l.step, c.Flags&MovableKeys != 0); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestNewTablePanics(t *testing.T) {
	run := func(struct{}, [][]byte, *Writer) error { return nil }
	good := Command[struct{}]{Name: "a", Arity: 1, Group: "generic", Run: run}
	for name, spoil := range map[string]func(c *Command[struct{}]){
		"upper case": func(c *Command[struct{}]) { c.Name = "A" },
		"no arity":   func(c *Command[struct{}]) { c.Arity = 0 },
		"no handler": func(c *Command[struct{}]) { c.Run = nil },
		"group":      func(c *Command[struct{}]) { c.Group = "nope" },
		"syntax":     func(c *Command[struct{}]) { c.Syntax = "[a" },
		"key spec":   func(c *Command[struct{}]) { c.Keys = []KeySpec{{First: 2, Last: 1}} },
		"twice":      func(c *Command[struct{}]) { c.Sub = []Command[struct{}]{good, good} },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			c := good
			spoil(&c)
			NewTable([]Command[struct{}]{c})
		}()
	}
}

// show prints an argument tree in one line.
func show(args []argument) string {
	var parts []string
	for _, a := range args {
		s := a.name + ":" + a.kind
		if a.spec >= 0 {
			s += fmt.Sprint("#", a.spec)
		}
		if a.token != "" {
			s += "=" + a.token
		}
		if a.since != "" {
			s += "@" + a.since
		}
		s += []string{"", "?"}[btoi(a.optional)] + []string{"", "*"}[btoi(a.multiple)] +
			[]string{"", "+"}[btoi(a.multipleToken)]
		if len(a.sub) > 0 {
			s += "{" + show(a.sub) + "}"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " ")
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestSyntax(t *testing.T) {
	for text, want := range map[string]string{
		"":               "",
		"key value":      "key:key#0 value:string",
		"key newkey:key": "key:key#0 newkey:key#1",
		"key condition=[NX|XX]@2.6.12": "key:key#0 condition:oneof@2.6.12?{nx:pure-token=NX " +
			"xx:pure-token=XX}",
		"[GET@6.2.0]": "get:pure-token=GET@6.2.0?",
		"[EX seconds@2.6.12|KEEPTTL]": "seconds_keepttl:oneof?{seconds:integer=EX@2.6.12 " +
			"keepttl:pure-token=KEEPTTL}",
		"(key value)...":                  "key_value:block*{key:key#0 value:string}",
		"key...":                          "key:key#0*",
		"[LIMIT (offset count)]":          "offset_count:block=LIMIT?{offset:integer count:integer}",
		"[GET pattern:pattern#1]...":      "pattern:pattern#1=GET?*+",
		"[ID id=(client-id:integer...)]":  "id:block=ID?{client-id:integer*}",
		"equal=[equal==|approximately=~]": "equal:oneof?{equal:pure-token== approximately:pure-token=~}",
		"source destination (LEFT|RIGHT)": "source:key#0 destination:key#1 " +
			"left_right:oneof{left:pure-token=LEFT right:pure-token=RIGHT}",
		"timeout:double [COUNT count] [MIN]":      "timeout:double count:integer=COUNT? min:pure-token=MIN?",
		"[FILTERBY f=(MODULE a|PATTERN pattern)]": "f:oneof=FILTERBY?{a:string=MODULE pattern:pattern=PATTERN}",
	} {
		args, err := parseSyntax(text)
		if err != nil || show(args) != want {
			t.Errorf("%s: %s, %v; want %s", text, show(args), err, want)
		}
	}
	for _, text := range []string{"[", "]", "a|b", "(a", "()", "[a)", "a:b", "key#x", "a#", "name=", "[a]x", "=",
		strings.Repeat("(", 50)} {
		if args, err := parseSyntax(text); err == nil && text != "=" {
			t.Errorf("%q is %s", text, show(args))
		}
	}
}

func FuzzSyntax(f *testing.F) {
	f.Add("key value condition=[NX|XX]@2.6.12 [GET@6.2.0] expiration=[EX seconds|KEEPTTL]... (a b)")
	f.Fuzz(func(t *testing.T, text string) {
		args, err := parseSyntax(text)
		if err == nil {
			writeArguments(&Writer{}, args)
		}
	})
}
