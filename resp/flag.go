package resp

// Flag is a property of a command that the server acts on.
type Flag uint64

// The flags of commands.
const (
	Write                Flag = 1 << iota // may change data
	ReadOnly                              // reads data and never changes it
	DenyOOM                               // refused while memory is over its limit
	Admin                                 // for operators
	PubSub                                // about channels
	NoScript                              // not from scripts
	Blocking                              // may wait
	Loading                               // also while the data set is loading
	Stale                                 // also on a replica that lost its master
	SkipMonitor                           // not shown by MONITOR
	SkipSlowlog                           // not in the slow log
	Asking                                // sets the asking state itself
	Fast                                  // constant or logarithmic time
	NoAuth                                // before authentication
	NoMandatoryKeys                       // has key arguments that may all be absent
	NoAsyncLoading                        // not while a replica loads asynchronously
	NoMulti                               // not in a transaction
	MovableKeys                           // keys not at the places first, last and step say; derived from the key specs
	AllowBusy                             // also while a script runs for too long
	MayReplicate                          // not a write, yet may have to reach replicas
	Sentinel                              // known to a sentinel too
	OnlySentinel                          // known to a sentinel only
	Protected                             // only where enable-debug-command and the like allow it
	TouchesArbitraryKeys                  // may reach any key
	NotQueued                             // runs at once inside MULTI
	EndsMulti                             // ends a transaction, with or without running it
	RunsQueued                            // runs what MULTI queued: it may what all of that may
	WhileSubscribed                       // also in RESP2 of a connection that is subscribed
	Probe                                 // asks whether the server is well, wherever it stands
	PassesPause                           // is not held back: to stop a server, and to copy from it
	PassesDrain                           // is not held back by a handover: members begin their links with it
	RunsScript                            // runs a script: what it may depends on that
)

// commandFlags are the names COMMAND INFO prints, in its order. Flags without a name are internal.
var commandFlags = []named[Flag]{
	{Write, "write"}, {ReadOnly, "readonly"}, {DenyOOM, "denyoom"}, {Admin, "admin"}, {PubSub, "pubsub"},
	{NoScript, "noscript"}, {Blocking, "blocking"}, {Loading, "loading"}, {Stale, "stale"},
	{SkipMonitor, "skip_monitor"}, {SkipSlowlog, "skip_slowlog"}, {Asking, "asking"}, {Fast, "fast"},
	{NoAuth, "no_auth"}, {NoMandatoryKeys, "no_mandatory_keys"}, {NoAsyncLoading, "no_async_loading"},
	{NoMulti, "no_multi"}, {MovableKeys, "movablekeys"}, {AllowBusy, "allow_busy"},
}

// KeyFlag says what a command does to a key.
type KeyFlag uint16

// The flags of keys. Exactly one of RO, RW, OW and RM says how the command treats the key as a whole; the next four
// what it does to the data in it.
const (
	RO            KeyFlag = 1 << iota // reads it
	RW                                // changes it depending on what it was
	OW                                // overwrites it
	RM                                // removes it
	Access                            // returns or uses the data
	Update                            // changes data
	Insert                            // adds data
	Delete                            // removes data
	NotKey                            // is no key, though it is routed like one
	Incomplete                        // the spec does not find all keys
	VariableFlags                     // the flags depend on the arguments
)

var keyFlags = []named[KeyFlag]{
	{RO, "RO"}, {RW, "RW"}, {OW, "OW"}, {RM, "RM"}, {Access, "access"}, {Update, "update"}, {Insert, "insert"},
	{Delete, "delete"}, {NotKey, "not_key"}, {Incomplete, "incomplete"}, {VariableFlags, "variable_flags"},
}

// Category is a set of ACL categories.
type Category uint32

// The ACL categories.
const (
	CatKeyspace Category = 1 << iota
	CatRead
	CatWrite
	CatSet
	CatSortedSet
	CatList
	CatHash
	CatString
	CatBitmap
	CatHyperLogLog
	CatGeo
	CatStream
	CatPubSub
	CatAdmin
	CatFast
	CatSlow
	CatBlocking
	CatDangerous
	CatConnection
	CatTransaction
	CatScripting
)

var categories = []named[Category]{
	{CatKeyspace, "keyspace"}, {CatRead, "read"}, {CatWrite, "write"}, {CatSet, "set"}, {CatSortedSet, "sortedset"},
	{CatList, "list"}, {CatHash, "hash"}, {CatString, "string"}, {CatBitmap, "bitmap"},
	{CatHyperLogLog, "hyperloglog"}, {CatGeo, "geo"}, {CatStream, "stream"}, {CatPubSub, "pubsub"},
	{CatAdmin, "admin"}, {CatFast, "fast"}, {CatSlow, "slow"}, {CatBlocking, "blocking"},
	{CatDangerous, "dangerous"}, {CatConnection, "connection"}, {CatTransaction, "transaction"},
	{CatScripting, "scripting"},
}

// Categories returns the names of all ACL categories in the order Redis lists them.
func Categories() []string {
	names := make([]string, len(categories))
	for i, c := range categories {
		names[i] = c.name
	}
	return names
}

// CategoryByName finds an ACL category, whatever the case of its letters; 0 if there is none of that name.
func CategoryByName(name string) Category {
	for _, c := range categories {
		if equalFold(name, c.name) {
			return c.bit
		}
	}
	return 0
}

// bits is what flags, key flags and categories have in common: sets of bits with names.
type bits interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64
}

type named[B bits] struct {
	bit  B
	name string
}

// writeNames writes the names of the bits in set as a set of statuses; prefix goes before each.
func writeNames[B bits](w *Writer, table []named[B], set B, prefix string) {
	n := 0
	for _, e := range table {
		if set&e.bit != 0 {
			n++
		}
	}
	w.Set(n)
	for _, e := range table {
		if set&e.bit != 0 {
			w.Simple(prefix + e.name)
		}
	}
}
