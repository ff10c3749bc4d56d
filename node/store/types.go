package store

import "strconv"

// Type is the kind of value a key holds.
type Type uint8

// The types of values. What the store knows of each stands in kinds.
const (
	TypeString Type = 0
	TypeList   Type = 1
	TypeSet    Type = 2
	TypeZSet   Type = 3
	TypeHash   Type = 4
	TypeStream Type = 5
)

// inDigest is the number that Redis mixes into DEBUG DIGEST for a type. Its 5 is a module's.
func (t Type) inDigest() uint32 {
	if t == TypeStream {
		return 6
	}
	return uint32(t)
}

// kind is what the store asks of every type of value; how a large value is kept, copied and frozen is its object's.
// A type fills all of it, in the file that it begins with.
type kind struct {
	name   string                   // what TYPE answers
	len    func(it Item) int        // elements; 0 for what has none
	digest func(it Item, d *digest) // mixes in the value, as Redis's DEBUG DIGEST does
	check  func(it Item) error      // verifies a packed value, and the encoding of any
}

// kinds are the types of values, by number.
var kinds = [...]kind{
	TypeString: stringKind,
	TypeList:   listKind,
	TypeSet:    setKind,
	TypeZSet:   zsetKind,
	TypeHash:   hashKind,
	TypeStream: streamKind,
}

// Types are all types of values.
func Types() (all []Type) {
	for t := range kinds {
		all = append(all, Type(t))
	}
	return all
}

// String returns the name that the TYPE command answers.
func (t Type) String() string {
	if int(t) < len(kinds) {
		return kinds[t].name
	}
	return "type-" + strconv.Itoa(int(t))
}

// Encoding is the representation that OBJECT ENCODING names.
type Encoding uint8

// The encodings. Those of strings are labels only: all three keep the same bytes.
const (
	EncInt    Encoding = iota // a canonical 64-bit integer
	EncEmbstr                 // at most 44 bytes
	EncRaw                    // anything else, and whatever was written in place
	EncListpack
	EncIntset
	EncHashtable
	EncQuicklist
	EncSkiplist
	EncListpackEx // a listpack of fields that expire
	EncStream
)

var encodingNames = [...]string{"int", "embstr", "raw", "listpack", "intset", "hashtable", "quicklist", "skiplist",
	"listpackex", "stream"}

// String returns the name that OBJECT ENCODING answers.
func (e Encoding) String() string {
	if int(e) < len(encodingNames) {
		return encodingNames[e]
	}
	return "encoding-" + strconv.Itoa(int(e))
}
