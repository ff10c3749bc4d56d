package script

import "holdfast/lua"

// heap holds what scripts are given of replies, until they end: then all of it is used for the next one.
type heap struct {
	bytes    []byte // of short strings
	statuses []*lua.Table
	used     int // of statuses
}

const (
	heapString = 512     // longer strings are the collector's
	heapChunk  = 8 << 10 // bytes of a chunk
	heapTables = 64
)

// text makes a string of a copy of b.
func (h *heap) text(l *lua.State, b []byte) lua.Value {
	l.Charge(16 + len(b))
	if len(b) > heapString {
		return lua.Bytes(append([]byte(nil), b...))
	}
	if cap(h.bytes)-len(h.bytes) < len(b) {
		h.bytes = make([]byte, 0, heapChunk) // who has strings in the old one keeps it
	}
	at := len(h.bytes)
	h.bytes = append(h.bytes, b...)
	return lua.Bytes(h.bytes[at:len(h.bytes):len(h.bytes)])
}

// status makes a table with one field.
func (h *heap) status(l *lua.State, name string, v lua.Value) lua.Value {
	var t *lua.Table
	switch {
	case h.used < len(h.statuses):
		l.Charge(statusSize)
		t = h.statuses[h.used]
		h.used++
	default:
		t = l.NewTable(0, 1)
		if h.used < heapTables {
			h.statuses = append(h.statuses, t)
			h.used++
		}
	}
	t.SetString(l, name, v)
	return lua.TableValue(t)
}

// statusSize is about what a table with one field takes.
const statusSize = 128

// reset has all be used again.
func (h *heap) reset() {
	h.bytes = h.bytes[:0]
	good := h.statuses[:0]
	for _, t := range h.statuses[:h.used] {
		if items, keys := t.Recycle(); items == 0 && keys == 1 {
			good = append(good, t)
		}
	}
	h.statuses = append(good, h.statuses[h.used:]...)
	h.used = 0
}
