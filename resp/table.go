package resp

import (
	"fmt"
	"strings"
)

// Command is one row of a command table. Everything the server says about a command is derived from it; S is what its
// handlers are given.
type Command[S any] struct {
	Name       string    // lower case; a subcommand's is its own: "get" below "config"
	Arity      int       // number of arguments with the name (and the subcommand's); at least -Arity when negative
	Flags      Flag      //
	Keys       []KeySpec // where its keys are
	Categories Category  // ACL categories beyond those that follow from Flags and Group

	Group      string // "string", "generic", "connection", ...
	Since      string
	Summary    string
	Complexity string
	Syntax     string // the arguments after the name, see parseSyntax
	Tips       []string
	History    [][2]string // version and change
	SysCmd     bool        // internal, says COMMAND DOCS
	Deprecated string      // since which version, empty if it is not
	ReplacedBy string

	// Run executes the command; args[0] is its name. A returned error is the reply. A command that only contains
	// subcommands has none.
	Run func(s S, args [][]byte, w *Writer) error
	Sub []Command[S]

	// Level is the feature level that all members of a group must be of before it may run; 0: any.
	Level int

	full     string // "config|get"
	category Category
	legacy   legacyKeys
	args     []argument
	sub      map[string]*Command[S]
	place    int
	path     int // words of its name: 1, or 2 for a subcommand
}

// FullName returns the name with its container's: "get", "config|get".
func (c *Command[S]) FullName() string { return c.full }

// FullNameRef is where FullName stands.
func (c *Command[S]) FullNameRef() *string { return &c.full }

// Place returns the command's number in its table, subcommands included, from 0: whatever is kept per command can be an
// array.
func (c *Command[S]) Place() int { return c.place }

// ACLCategories returns all ACL categories the command is in.
func (c *Command[S]) ACLCategories() Category { return c.category }

// Words returns how many arguments name the command: 1, or 2 for a subcommand.
func (c *Command[S]) Words() int { return c.path }

// ArityOK says whether a command may have n arguments, its name included.
func (c *Command[S]) ArityOK(n int) bool {
	return c.Arity >= 0 && n == c.Arity || c.Arity < 0 && n >= -c.Arity
}

// Table is an immutable set of commands.
type Table[S any] struct {
	rows   []*Command[S] // in the order given
	byName map[string]*Command[S]
	short  shortNames[S]
	count  int // rows and their subcommands
}

// maxName is longer than any command's name, for folding case without allocation.
const maxName = 64

// NewTable builds a table from families of rows. It panics when a name appears twice or a row is malformed, as that can
// only be a mistake in the program's text.
func NewTable[S any](families ...[]Command[S]) *Table[S] {
	t := &Table[S]{byName: make(map[string]*Command[S])}
	for _, family := range families {
		for i := range family {
			c := family[i] // rows are shared by whoever declared them, so work on a copy
			c.complete(nil)
			if t.byName[c.Name] != nil {
				panic("resp: command " + c.Name + " declared twice")
			}
			t.byName[c.Name] = &c
			t.short.add(&c, len(t.rows))
			t.rows = append(t.rows, &c)
			t.number(&c)
		}
	}
	return t
}

// number gives a row, and the rows below it, their places.
func (t *Table[S]) number(c *Command[S]) {
	c.place = t.count
	t.count++
	for i := range c.Sub {
		t.number(&c.Sub[i])
	}
}

// complete derives the fields of a row that are not declared.
func (c *Command[S]) complete(parent *Command[S]) {
	c.full, c.path = c.Name, 1
	if parent != nil {
		c.Name = strings.TrimPrefix(c.Name, parent.Name+"|")
		c.full, c.path = parent.Name+"|"+c.Name, 2
		if c.Group == "" {
			c.Group = parent.Group
		}
	}
	c.check(parent)
	args, err := parseSyntax(c.Syntax)
	if err != nil {
		panic(fmt.Sprintf("resp: command %s: syntax: %v", c.full, err))
	}
	c.args = args
	c.legacy = c.legacyKeys()
	if c.legacy.movable {
		c.Flags |= MovableKeys
	}
	c.category = c.Categories
	if c.Run != nil {
		c.category |= groupCategory(c.Group, c.Categories)
	}
	c.category |= flagCategories(c.Flags, c.category)
	if len(c.Sub) > 0 {
		subs := make([]Command[S], len(c.Sub))
		copy(subs, c.Sub)
		c.Sub, c.sub = subs, make(map[string]*Command[S], len(subs))
		for i := range subs {
			s := &subs[i]
			s.complete(c)
			if c.sub[s.Name] != nil {
				panic("resp: command " + s.full + " declared twice")
			}
			c.sub[s.Name] = s
		}
	}
}

// check panics on a malformed row.
func (c *Command[S]) check(parent *Command[S]) {
	var fault string
	switch {
	case c.Name == "" || len(c.Name) > maxName || c.Name != strings.ToLower(c.Name) ||
		strings.ContainsAny(c.Name, "| \r\n"):
		fault = "bad name"
	case c.Arity == 0:
		fault = "no arity"
	case c.Run == nil && len(c.Sub) == 0:
		fault = "neither Run nor Sub"
	case parent != nil && len(c.Sub) > 0:
		fault = "a subcommand has no subcommands"
	case !validGroup(c.Group):
		fault = "unknown group " + c.Group
	}
	if fault != "" {
		panic(fmt.Sprintf("resp: command %q: %s", c.full, fault))
	}
	for _, k := range c.Keys {
		k.check(c.full)
	}
}

// Len returns how many commands there are, subcommands included.
func (t *Table[S]) Len() int { return t.count }

// Commands returns the table's rows in the order they were given; subcommands are in their Sub.
func (t *Table[S]) Commands() []*Command[S] { return t.rows }

// Lookup finds the command that args ask for and checks their number. The error is the reply.
func (t *Table[S]) Lookup(args [][]byte) (*Command[S], error) {
	if c := t.short.find(args[0]); c != nil && c.sub == nil && c.ArityOK(len(args)) {
		return c, nil
	}
	c, err := t.find(args)
	if err != nil {
		return nil, err
	}
	if !c.ArityOK(len(args)) {
		return nil, wrongArity(c.full)
	}
	return c, nil
}

// find is Lookup without the arity check.
func (t *Table[S]) find(args [][]byte) (*Command[S], error) {
	var scratch [maxName]byte
	c := t.short.find(args[0])
	if c == nil {
		c = t.byName[string(fold(&scratch, args[0]))]
	}
	if c == nil {
		return nil, unknownCommand(args)
	}
	if c.sub == nil || len(args) == 1 {
		return c, nil
	}
	s := c.sub[string(fold(&scratch, args[1]))]
	if s == nil {
		return nil, unknownSubcommand(args)
	}
	return s, nil
}

// Find is the command that args ask for, whatever their number; nil if there is none.
func (t *Table[S]) Find(args [][]byte) *Command[S] {
	c, err := t.find(args)
	if err != nil {
		return nil
	}
	return c
}

// ByName finds a command by its full name, "get" or "config|get", whatever the case of its letters; nil if there is
// none.
func (t *Table[S]) ByName(full []byte) *Command[S] {
	var scratch [maxName]byte
	words := strings.SplitN(string(full), "|", 3)
	c := t.byName[string(fold(&scratch, []byte(words[0])))]
	switch {
	case c == nil || len(words) == 1:
		return c
	case len(words) == 2:
		return c.sub[string(fold(&scratch, []byte(words[1])))]
	}
	return nil
}

// fold returns name in lower case; a name too long to be known becomes empty, which no command's is.
func fold(scratch *[maxName]byte, name []byte) []byte {
	if len(name) > maxName {
		return nil
	}
	for i, c := range name {
		scratch[i] = lower(c)
	}
	return scratch[:len(name)]
}

func wrongArity(full string) error {
	return Error("ERR wrong number of arguments for '" + full + "' command")
}

// shown is how much of what a client sent an error quotes.
const shown = 128

func unknownCommand(args [][]byte) error {
	var rest []byte
	for _, arg := range args[1:] {
		if len(rest) >= shown {
			break
		}
		rest = append(rest, '\'')
		rest = append(rest, cString(arg, shown-(len(rest)-1))...)
		rest = append(rest, "' "...)
	}
	return Error(lineEnds.Replace("ERR unknown command '" + cString(args[0], shown) + "', with args beginning with: " +
		string(rest)))
}

func unknownSubcommand(args [][]byte) error {
	return Error(lineEnds.Replace("ERR unknown subcommand '" + cString(args[1], shown) + "'. Try " +
		strings.ToUpper(cString(args[0], shown)) + " HELP."))
}

// cString is what C's printf shows of b: up to n bytes, and nothing after a zero byte.
func cString(b []byte, n int) string {
	s := string(b[:min(n, len(b))])
	s, _, _ = strings.Cut(s, "\x00")
	return s
}

func equalFold(a, b string) bool { return len(a) == len(b) && strings.EqualFold(a, b) }
