package store

import "strconv"

// Type is the kind of value a key holds. The numbers are the ones Redis mixes into DEBUG DIGEST.
type Type uint8

// The types of values.
const (
	TypeString Type = 0
	TypeList   Type = 1
	TypeSet    Type = 2
	TypeZSet   Type = 3
	TypeHash   Type = 4
	TypeStream Type = 6
)

// String returns the name that the TYPE command answers.
func (t Type) String() string {
	switch t {
	case TypeString:
		return "string"
	case TypeList:
		return "list"
	case TypeSet:
		return "set"
	case TypeZSet:
		return "zset"
	case TypeHash:
		return "hash"
	case TypeStream:
		return "stream"
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

var encodingNames = [...]string{"int", "embstr", "raw", "listpack", "intset", "hashtable", "quicklist", "skiplist", "listpackex", "stream"}

// String returns the name that OBJECT ENCODING answers.
func (e Encoding) String() string {
	if int(e) < len(encodingNames) {
		return encodingNames[e]
	}
	return "encoding-" + strconv.Itoa(int(e))
}

// embstrLimit is the longest string Redis keeps in one allocation with its object header.
const embstrLimit = 44

// TryEncode returns the encoding that Redis gives to a freshly set string: int when the text is
// exactly how a signed 64-bit integer prints, embstr when it is short, raw otherwise.
func TryEncode(val []byte) Encoding {
	if isCanonicalInt(val) {
		return EncInt
	}
	if len(val) <= embstrLimit {
		return EncEmbstr
	}
	return EncRaw
}

// isCanonicalInt reports whether val is what strconv.FormatInt prints for some int64.
func isCanonicalInt(val []byte) bool {
	digits := val
	negative := len(val) > 0 && val[0] == '-'
	if negative {
		digits = val[1:]
	}
	if len(digits) == 0 || len(digits) > 19 {
		return false
	}
	if digits[0] == '0' {
		return len(val) == 1
	}
	var n uint64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false
		}
		n = n*10 + uint64(c-'0')
	}
	if negative {
		return n <= 1<<63
	}
	return n < 1<<63
}
