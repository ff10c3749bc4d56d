package config

import (
	"fmt"
	"math"
	"strings"
)

// Kind says what a directive's values look like.
type Kind uint8

// The kinds of directives.
const (
	Bool          Kind = iota // yes or no
	Int                       // a decimal integer
	Octal                     // an octal integer, as file modes
	Memory                    // a number of bytes with an optional unit
	MemoryPercent             // a number of bytes, or a share as "5%"
	Enum                      // one word, or with Multi several words, of Values
	String                    // any text
	List                      // words
	Special                   // has a grammar of its own
)

// String returns the kind's name, for help texts.
func (k Kind) String() string {
	return [...]string{"bool", "int", "octal", "memory", "memory or percent", "enum", "string", "list", "special"}[k]
}

// Flag is a property of a directive.
type Flag uint16

// The properties of directives. A directive without Mutable can only be set
// before the node runs.
const (
	Mutable     Flag = 1 << iota // CONFIG SET may change it
	Hidden                       // found by its exact name only, not by a pattern
	Protected                    // CONFIG SET needs enable-protected-configs
	Sensitive                    // its value must not be shown in logs
	Multi                        // takes several arguments
	DenyLoading                  // CONFIG SET is refused while data is being loaded
	Unsigned                     // its limits are compared and printed as unsigned numbers
	Volatile                     // hooks run also when it is set to the value that it has
	Own                          // Redis does not know it
	Unsupported                  // it protects, elsewhere: any but its default is refused, see Config.Unsupported
	Inert                        // kept and shown, and changes nothing here
)

// Directive is a row of the table: all that is declared about one setting.
type Directive struct {
	Name    string
	Aliases []string // other names of the same setting
	Kind    Kind
	Flags   Flag
	Default string
	Min     int64 // of numbers; of MemoryPercent: the negated greatest share
	Max     int64 // of numbers; compared as uint64 when Unsigned
	Values  []string
	Help    string

	check func(text string) error                       // refuses a text or canonical enum value
	apply func(old value, args []string) (value, error) // parses a List or Special
	lines func(v value) []string                        // arguments of the file's lines, for those with several
}

// Is reports whether the directive has all the given properties.
func (d *Directive) Is(f Flag) bool { return d.Flags&f == f }

func (d Directive) alias(names ...string) Directive {
	d.Aliases = append(d.Aliases, names...)
	return d
}

func yesno(name string, flags Flag, def, help string) Directive {
	return Directive{Name: name, Kind: Bool, Flags: flags, Default: def, Help: help}
}

func integer(name string, flags Flag, def string, lo, hi int64, help string) Directive {
	return Directive{Name: name, Kind: Int, Flags: flags, Default: def, Min: lo, Max: hi, Help: help}
}

func memory(name string, flags Flag, def string, lo, hi int64, help string) Directive {
	return Directive{Name: name, Kind: Memory, Flags: flags, Default: def, Min: lo, Max: hi, Help: help}
}

func text(name string, flags Flag, def, help string) Directive {
	return Directive{Name: name, Kind: String, Flags: flags, Default: def, Help: help}
}

func enum(name string, flags Flag, def, values, help string) Directive {
	return Directive{Name: name, Kind: Enum, Flags: flags, Default: def, Values: strings.Fields(values), Help: help}
}

func special(name string, flags Flag, def, help string, apply func(value, []string) (value, error)) Directive {
	return Directive{Name: name, Kind: Special, Flags: flags, Default: def, Help: help, apply: apply}
}

func (d Directive) checked(f func(string) error) Directive {
	d.check = f
	return d
}

func (d Directive) inLines(f func(value) []string) Directive {
	d.lines = f
	return d
}

const (
	maxInt  = math.MaxInt32
	maxUint = math.MaxUint32
	maxLong = math.MaxInt64
	maxAny  = -1 // the greatest uint64, for Unsigned rows
)

// table is every directive, in the order in which they are listed and written.
var table = buildTable(serverRows, storeRows, persistRows, replicationRows, encodingRows, clusterRows, tlsRows,
	processRows, ownRows)

// index finds a row of the table by name or alias, in lower case.
var index = buildIndex(table)

// spelled is every name that CONFIG GET can print, in table order.
var spelled = buildNames(table)

func buildTable(groups ...[]Directive) []Directive {
	var rows []Directive
	for _, g := range groups {
		rows = append(rows, g...)
	}
	return rows
}

func buildIndex(rows []Directive) map[string]int {
	m := make(map[string]int, len(rows)*5/4)
	add := func(name string, i int) {
		if _, taken := m[name]; taken {
			panic(fmt.Sprintf("config: %q is declared twice", name))
		}
		m[name] = i
	}
	for i := range rows {
		add(rows[i].Name, i)
		for _, a := range rows[i].Aliases {
			add(a, i)
		}
	}
	return m
}

// name is one spelling of a directive.
type name struct {
	text string
	row  int
}

func buildNames(rows []Directive) []name {
	var names []name
	for i := range rows {
		names = append(names, name{rows[i].Name, i})
		for _, a := range rows[i].Aliases {
			names = append(names, name{a, i})
		}
	}
	return names
}

// row is the place of a directive that the code itself names.
func row(name string) int {
	i, ok := index[name]
	if !ok {
		panic(fmt.Sprintf("config: no directive %q", name))
	}
	return i
}

// Lookup finds a directive by its name or an alias, in any case.
func Lookup(name string) (Directive, bool) {
	i, ok := index[strings.ToLower(name)]
	if !ok {
		return Directive{}, false
	}
	return table[i], true
}
