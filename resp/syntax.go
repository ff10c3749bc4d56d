package resp

import (
	"fmt"
	"slices"
	"strings"
)

// argument is one node of the tree COMMAND DOCS prints for a command's arguments.
type argument struct {
	name  string
	kind  string // string integer double key pattern unix-time pure-token oneof block
	spec  int    // which KeySpec it belongs to, -1 for none
	token string
	since string

	optional      bool
	multiple      bool
	multipleToken bool // repeating it repeats the token

	sub []argument
}

// parseSyntax reads Command.Syntax, which looks like the usage line of a manual:
//
//	key value condition=[NX|XX] [GET@6.2.0] expiration=[EX seconds|PX milliseconds|KEEPTTL]
//
// Elements, separated by blanks:
//
//	name        a value; its type follows from its name (see defaultTypes), else it is a string
//	name:type   a value of that type: key string integer double pattern unix-time; also if it begins with a capital
//	name:key#1  a value that belongs to the key spec with this index; keys count up from 0 by themselves
//	WORD        a token, recognised by not starting with a lower case letter; its name is the word in lower case
//	name=WORD   a token with another name
//	WORD value  a value, or a group, announced by a token
//	( )         a block of several elements, or one of several separated by |; one element needs no block
//	[ ]         the same, optional
//	name=( ) name=[ ]  a group with a name; without one the names of its parts joined by _ are its name
//	@7.0.0      after any of these: since which version
//	...         after any of these: it may be repeated. After the brackets around a token with its value
//	            ([GET pattern]...) the token is repeated too, after the value ([ID id...]) it is not
//
// A | binds weakest and may only stand inside a group.
func parseSyntax(text string) ([]argument, error) {
	p := syntaxParser{rest: text}
	args, err := p.sequence()
	if err == nil && p.rest != "" {
		err = fmt.Errorf("unexpected %q", p.rest)
	}
	return args, err
}

// defaultTypes are the types of values whose names leave no doubt.
var defaultTypes = map[string]string{
	"key": "key", "newkey": "key", "destination": "key", "source": "key", "destkey": "key",
	"pattern": "pattern", "double": "double",
	"integer": "integer", "seconds": "integer", "milliseconds": "integer", "count": "integer", "offset": "integer",
	"cursor": "integer", "numkeys": "integer", "port": "integer", "increment": "integer", "decrement": "integer",
	"unix-time-seconds": "unix-time", "unix-time-milliseconds": "unix-time",
}

var valueTypes = []string{"key", "string", "integer", "double", "pattern", "unix-time"}

// maxSyntaxDepth bounds the nesting of groups.
const maxSyntaxDepth = 16

type syntaxParser struct {
	rest  string
	keys  int
	depth int
}

// sequence reads elements up to the end of the group or of the alternative.
func (p *syntaxParser) sequence() ([]argument, error) {
	var args []argument
	for {
		p.rest = strings.TrimLeft(p.rest, " ")
		if p.rest == "" || strings.IndexByte("|])", p.rest[0]) >= 0 {
			return args, nil
		}
		a, err := p.element()
		if err != nil {
			return nil, err
		}
		args = append(args, a)
	}
}

// element reads a value, a token, a token with what it announces, or a group.
func (p *syntaxParser) element() (argument, error) {
	word := p.word()
	name, open := strings.CutSuffix(word, "=")
	switch {
	case word == "" || open && name != "" && p.at("[("):
		return p.group(name)
	case isName(word):
		return p.value(word)
	}
	a, err := p.token(word)
	if err != nil || a.multiple || a.since != "" || !p.announces() {
		return a, err
	}
	p.rest = p.rest[1:]
	b, err := p.element()
	if err != nil {
		return b, err
	}
	if b.token != "" || b.kind == "pure-token" || a.name != strings.ToLower(a.token) {
		return b, fmt.Errorf("token %s announces no value", word)
	}
	b.token = a.token
	return b, nil
}

// announces says whether what follows a token is a value or a group and so belongs to it. An optional group does not:
// it stands for itself.
func (p *syntaxParser) announces() bool {
	next, ok := strings.CutPrefix(p.rest, " ")
	if !ok || next == "" {
		return false
	}
	q := syntaxParser{rest: next}
	word := q.word()
	if name, open := strings.CutSuffix(word, "="); word == "" || open && name != "" {
		return q.at("(")
	}
	return isName(word)
}

// word takes everything up to the next blank, bracket or |.
func (p *syntaxParser) word() string {
	n := strings.IndexAny(p.rest, " []()|")
	if n < 0 {
		n = len(p.rest)
	}
	word := p.rest[:n]
	p.rest = p.rest[n:]
	return word
}

func (p *syntaxParser) at(any string) bool {
	return p.rest != "" && strings.IndexByte(any, p.rest[0]) >= 0
}

// isName says whether a word is a value's rather than a token's.
func isName(word string) bool {
	return (word[0] >= 'a' && word[0] <= 'z' || strings.IndexByte(word, ':') > 0) && strings.IndexByte(word, '=') < 0
}

// suffixes takes "@since" and "..." off a word.
func (a *argument) suffixes(word string) string {
	word, a.multiple = strings.CutSuffix(word, "...")
	if i := strings.LastIndexByte(word, '@'); i > 0 {
		word, a.since = word[:i], word[i+1:]
	}
	return word
}

func (p *syntaxParser) value(word string) (argument, error) {
	a := argument{spec: -1}
	word = a.suffixes(word)
	word, spec, hasSpec := strings.Cut(word, "#")
	name, kind, typed := strings.Cut(word, ":")
	if !typed {
		if kind = defaultTypes[name]; kind == "" {
			kind = "string"
		}
	}
	if !slices.Contains(valueTypes, kind) {
		return a, fmt.Errorf("unknown type %q", kind)
	}
	a.name, a.kind = name, kind
	switch {
	case hasSpec:
		n, ok := ParseInt([]byte(spec))
		if !ok || n < 0 || n > 100 {
			return a, fmt.Errorf("bad key spec index %q", spec)
		}
		a.spec = int(n)
		p.keys = a.spec + 1
	case kind == "key":
		a.spec = p.keys
		p.keys++
	}
	return a, nil
}

func (p *syntaxParser) token(word string) (argument, error) {
	a := argument{kind: "pure-token", spec: -1}
	word = a.suffixes(word)
	name, token, renamed := strings.Cut(word, "=")
	if !renamed || name == "" {
		name, token = strings.ToLower(word), word
	}
	if token == "" {
		return a, fmt.Errorf("name %q without a token or a group", name)
	}
	a.name, a.token = name, token
	return a, nil
}

// group reads ( ) or [ ] and what is written behind it.
func (p *syntaxParser) group(name string) (argument, error) {
	if p.depth++; p.depth > maxSyntaxDepth {
		return argument{}, fmt.Errorf("groups nested too deeply")
	}
	defer func() { p.depth-- }()
	closing := byte(')')
	if p.rest[0] == '[' {
		closing = ']'
	} else if p.rest[0] != '(' {
		return argument{}, fmt.Errorf("unexpected %q", p.rest)
	}
	p.rest = p.rest[1:]
	var branches []argument
	for {
		seq, err := p.sequence()
		if err != nil {
			return argument{}, err
		}
		if len(seq) == 0 || p.rest == "" {
			return argument{}, fmt.Errorf("empty or open group before %q", p.rest)
		}
		end := p.rest[0]
		p.rest = p.rest[1:]
		single := end != '|' && len(branches) == 0
		branches = append(branches, block(seq, name, single))
		if end == '|' {
			continue
		}
		if end != closing {
			return argument{}, fmt.Errorf("group closed by %q", end)
		}
		break
	}
	a := branches[0]
	if len(branches) > 1 {
		a = argument{name: name, kind: "oneof", spec: -1, sub: branches}
		if name == "" {
			a.name = joinNames(branches)
		}
	}
	return a, p.finish(&a, closing == ']')
}

// block makes one argument of a sequence; single says that the sequence is all its group has, which then gives its
// name.
func block(seq []argument, name string, single bool) argument {
	if !single {
		name = ""
	}
	if len(seq) == 1 && name == "" {
		return seq[0]
	}
	if name == "" {
		name = joinNames(seq)
	}
	return argument{name: name, kind: "block", spec: -1, sub: seq}
}

func joinNames(args []argument) string {
	names := make([]string, len(args))
	for i, a := range args {
		names[i] = a.name
	}
	return strings.Join(names, "_")
}

// finish adds what is written behind a group.
func (p *syntaxParser) finish(a *argument, optional bool) error {
	a.optional = a.optional || optional
	var outer argument
	switch tail := p.word(); {
	case tail == "":
	case outer.suffixes("x"+tail) != "x":
		return fmt.Errorf("unexpected %q behind a group", tail)
	}
	if outer.since != "" {
		a.since = outer.since
	}
	if outer.multiple {
		a.multiple = true
		a.multipleToken = a.token != ""
	}
	return nil
}
