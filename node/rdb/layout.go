package rdb

import "slices"

// layout is how values of one type stand in a snapshot. Each number that may stand there as a type has one, in the file
// of the values that it is about; those above 255 are types of Valkey whose numbers mean something else to Redis.
// Callbacks and Writer know fewer types: older forms are turned into these.
type layout struct {
	as      byte                                    // the type of the entry; of a type that Writer takes, itself
	read    func(r *Reader, e *Entry) error         // reads the value, or what stands before its elements
	element func(r *Reader) (el Element, err error) // reads one; nil: the value is one run of bytes
	write   func(w *Writer, e Entry)                // writes the value; nil: the type is only read
}

// layouts are those of all types that can be read. Modules' can't.
var layouts = func() (all [512]layout) {
	for _, values := range []map[int]layout{stringLayouts, listLayouts, setLayouts, zsetLayouts, hashLayouts,
		streamLayouts} {
		for typ, l := range values {
			all[typ] = l
		}
	}
	return all
}()

// Types are the types of the entries that callbacks get.
func Types() (all []byte) {
	for _, l := range layouts {
		if l.read != nil && !slices.Contains(all, l.as) {
			all = append(all, l.as)
		}
	}
	return all
}

// knows tells whether values of a type can be read.
func (r *Reader) knows(typ byte) bool {
	return layouts[typ].read != nil && !(r.valkey && typ > typeHashTime1) // Valkey's own begin there
}

var stringLayouts = map[int]layout{
	TypeString: {as: TypeString, read: (*Reader).run, write: (*Writer).run},
}
