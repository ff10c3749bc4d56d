package resp

import (
	"strconv"
	"strings"
)

// Kind is the first byte of a value on the wire.
type Kind byte

// The kinds of values.
const (
	KindSimple    Kind = '+'
	KindError     Kind = '-'
	KindInt       Kind = ':'
	KindBulk      Kind = '$'
	KindArray     Kind = '*'
	KindNull      Kind = '_'
	KindDouble    Kind = ','
	KindBool      Kind = '#'
	KindBigNumber Kind = '('
	KindVerbatim  Kind = '='
	KindSet       Kind = '~'
	KindMap       Kind = '%'
	KindPush      Kind = '>'
	KindAttribute Kind = '|'
)

// Value is one reply. Which fields are set follows from Kind.
type Value struct {
	Kind  Kind
	Null  bool    // RESP3's null, and RESP2's $-1 and *-1
	Bool  bool    // #
	Int   int64   // :
	Float float64 // ,
	Str   []byte  // + - $ ( and = (without its format)
	Elems []Value // * ~ > and %, which has keys and values in turn
}

// String returns the value's text: of scalars what they carry, of aggregates their elements in brackets.
func (v Value) String() string {
	switch {
	case v.Null:
		return ""
	case v.Kind == KindInt:
		return strconv.FormatInt(v.Int, 10)
	case v.Kind == KindDouble:
		return string(AppendDouble(nil, v.Float))
	case v.Kind == KindBool:
		return strconv.FormatBool(v.Bool)
	case v.aggregate():
		texts := make([]string, len(v.Elems))
		for i, e := range v.Elems {
			texts[i] = e.String()
		}
		return "[" + strings.Join(texts, " ") + "]"
	}
	return string(v.Str)
}

// Err returns the value as an error if it is one.
func (v Value) Err() error {
	if v.Kind == KindError {
		return Error(v.Str)
	}
	return nil
}

func (v Value) aggregate() bool {
	switch v.Kind {
	case KindArray, KindSet, KindMap, KindPush, KindAttribute:
		return true
	}
	return false
}
