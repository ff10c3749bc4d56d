package rdb

import (
	"fmt"
	"iter"
)

// Version is what Writer makes, unless there are fields of hashes that expire: these need VersionFieldExpiry. Reader
// accepts any version from MinVersion on, and no type that it does not know: most of what later versions write is of
// types that have not changed.
const (
	Version            = 10
	VersionFieldExpiry = 12
	MinVersion         = 1
)

// valkeyVersion is that of the first snapshots that begin with valkeyMagic. Valkey's numbers of types are its own from
// there on.
const valkeyVersion = 80

const (
	magic         = "REDIS"  // four digits follow
	valkeyMagic   = "VALKEY" // three
	headerLen     = len(magic) + 4
	checksumSince = 5 // older versions end without a checksum
	checksumLen   = 8
)

// The types of values that callbacks get and that Writer takes. Reader turns the forms of older versions into these.
const (
	TypeString         = 0
	TypeSet            = 2  // members
	TypeHash           = 4  // fields and values
	TypeZSet           = 5  // members and scores
	TypeSetIntset      = 11 // one intset
	TypeHashListpack   = 16 // one listpack: field, value, ...
	TypeZSetListpack   = 17 // one listpack: member, score, ... in their order
	TypeStream1        = 15 // as TypeStream, without what was added to the stream and read by its groups
	TypeList           = 18 // nodes
	TypeStream         = 19 // blocks, then what else there is of a stream
	TypeSetListpack    = 20 // one listpack of members; since Redis 7.2, so Writer should not be given it
	TypeHashFieldsTime = 24 // fields, values and when they expire
)

// The types that are only read.
const (
	typeList1           = 1
	typeZSet1           = 3 // scores as text
	typeHashZipmap      = 9
	typeListZiplist     = 10
	typeZSetZiplist     = 12
	typeHashZiplist     = 13
	typeListZiplists    = 14
	typeStream3         = 21 // of Redis 7.2: with a second time of each consumer
	typeHashTime1       = 22 // of the release candidates of Redis 7.4: times are absolute
	typeHashListpackEx1 = 23
	typeHashListpackEx  = 25 // a time in front, then one listpack: field, value, time, ...

	// typeHashValkey is typeHashTime1's number in a snapshot of Valkey 9.0: fields, values and times. No byte says it.
	typeHashValkey = 0x100 | typeHashTime1
)

// later are types, and marks, of versions that Reader does not understand.
var later = map[byte]string{
	6: "a module's", 7: "a module's",
	26: "a stream of Redis 8.6", 27: "a stream of Redis 8.8", 28: "an array of Redis 8.8",
	29: "a hash of Redis 8.10 with a template", 30: "a hash of Redis 8.10 with a template",
	31: "a hash of Redis 8.10 with a template", 32: "a hash of Redis 8.10 with a template",
	34: "a set of Redis 8.12 whose members expire", 35: "a set of Redis 8.12 whose members expire",
	opNoEvict: "a key of Redis 8.12 that is never evicted", opTemplate: "a template of hashes of Redis 8.10",
	opKeyMeta: "metadata of a key of Redis 8.6, or a slot that Valkey 9.0 imports", opModuleAux: "a module's",
}

// What a node of a list is.
const (
	nodePlain  = 1
	nodePacked = 2
)

// maxFieldTime is the latest time at which a field of a hash may expire: 48 bits of milliseconds.
const maxFieldTime = 1<<48 - 1

// The marks that stand where an entry's type could.
const (
	opNoEvict    = 241
	opTemplate   = 242
	opKeyMeta    = 243
	opSlotInfo   = 244 // slot, keys, expires: a hint for Redis Cluster
	opFunction   = 245
	opModuleAux  = 247
	opIdle       = 248
	opFreq       = 249
	opAux        = 250
	opResize     = 251
	opExpireMs   = 252
	opExpireSecs = 253
	opSelectDB   = 254
	opEOF        = 255
)

// The first byte of a length: its upper two bits, or all of it.
const (
	len6      = 0 << 6
	len14     = 1 << 6
	lenWide   = 2 << 6 // whole byte: len32 or len64
	lenCoded  = 3 << 6 // lower bits: one of the codings of a string
	len32     = 0x80
	len64     = 0x81
	maxLen6   = 1<<6 - 1
	maxLen14  = 1<<14 - 1
	codeInt8  = 0
	codeInt16 = 1
	codeInt32 = 2
	codeLZF   = 3
)

// Entry is a key with its value and what the snapshot says of it. The slices
// that callbacks get are valid until they return.
type Entry struct {
	DB    int // set by Reader; Writer writes to the database selected
	Key   []byte
	Type  byte
	Value []byte // of a string, or of a type that is one listpack or intset

	// Elements are what the other types consist of, Len of them. Reader reads them while they are asked for, once, and
	// ends with an error where they can't be read on: then there are fewer than Len, and Read returns the error after
	// the callback.
	Len      int
	Elements iter.Seq[Element]

	ExpireAt int64 // unix milliseconds; -1 never
	Idle     int64 // seconds since the last access (LRU); -1 not stated
	Freq     int   // access counter (LFU), 0 to 255; -1 not stated
}

// Element is a part of a value. Reader uses its memory again for the next one.
type Element struct {
	Name     []byte  // member, or field
	Value    []byte  // of a field; or a node of a list
	Packed   bool    // the node is a listpack, not a single element; it may be empty
	Score    float64 // of a member of a sorted set
	ExpireAt int64   // unix milliseconds, of a field; 0 never

	Stream *StreamPart // of a stream, if it is no block, which has an id for name and a listpack for value
}

// NewEntry returns a string entry without expiry and access data.
func NewEntry(key, value []byte) Entry {
	return Entry{Key: key, Type: TypeString, Value: value, ExpireAt: -1, Idle: -1, Freq: -1}
}

// DamageError says at which byte a snapshot can't be right, and why. A
// snapshot that ends too early has io.ErrUnexpectedEOF as reason.
type DamageError struct {
	Offset int64
	Reason error
}

// Error returns offset and reason.
func (e *DamageError) Error() string {
	return fmt.Sprintf("rdb: damaged at byte %d: %v", e.Offset, e.Reason)
}

// Unwrap returns the reason.
func (e *DamageError) Unwrap() error { return e.Reason }

// UnknownTypeError is returned for a value of a type that can't be read.
type UnknownTypeError struct {
	Type   byte
	Offset int64  // of the type byte
	Key    string // whose value it is, where it could be read
}

// Error returns key, type and offset.
func (e *UnknownTypeError) Error() string {
	kind := ""
	if what := later[e.Type]; what != "" {
		kind = " (" + what + ")"
	}
	text := fmt.Sprintf("rdb: value of unsupported type %d%s at byte %d", e.Type, kind, e.Offset)
	if e.Key != "" {
		text += fmt.Sprintf(", of the key %.200q", e.Key)
	}
	return text
}
