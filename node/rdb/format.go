package rdb

import "fmt"

// Version is what Writer makes; Reader accepts MinVersion to MaxVersion.
const (
	Version    = 10
	MinVersion = 1
	MaxVersion = 12
)

const (
	magic         = "REDIS"
	headerLen     = len(magic) + 4
	checksumSince = 5 // older versions end without a checksum
	checksumLen   = 8
)

// TypeString is the type byte of string values, the only ones so far.
const TypeString = 0

// The marks that stand where an entry's type could.
const (
	opSlotInfo   = 244 // slot, keys, expires: a hint for Redis Cluster
	opFunction   = 245
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
	DB       int // set by Reader; Writer writes to the database selected
	Key      []byte
	Type     byte // TypeString
	Value    []byte
	ExpireAt int64 // unix milliseconds; -1 never
	Idle     int64 // seconds since the last access (LRU); -1 not stated
	Freq     int   // access counter (LFU), 0 to 255; -1 not stated
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
	Offset int64 // of the type byte
}

// Error returns type and offset.
func (e *UnknownTypeError) Error() string {
	return fmt.Sprintf("rdb: value of unsupported type %d at byte %d", e.Type, e.Offset)
}
