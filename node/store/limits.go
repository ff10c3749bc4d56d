package store

// Limits say up to what size a collection keeps its compact encoding, as Redis's directives of like names do.
type Limits struct {
	HashEntries, HashValue int // fields, and bytes of the longest field or value
	ListSize               int // entries of a list's node, or -1 to -5 for 4 to 64 KiB
	ListPlain              int // bytes from which on an element of a list is kept as it stands; 0: 1 GiB
	SetIntset              int // members
	ZSetEntries, ZSetValue int // members, and bytes of the longest

	StreamBytes, StreamEntries int // of a block of a stream; 0: any
}

// DefaultLimits are Redis 7.0's.
func DefaultLimits() *Limits {
	return &Limits{HashEntries: 512, HashValue: 64, ListSize: -2, SetIntset: 512, ZSetEntries: 128, ZSetValue: 64,
		StreamBytes: 4096, StreamEntries: 100}
}

// packedAlways is the size in bytes up to which a collection may stay packed although it is past its limits, and though
// OBJECT ENCODING names the larger encoding: to search so little costs no more than a table would.
const packedAlways = 512
