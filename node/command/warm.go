package command

import (
	"bytes"

	"holdfast/node/store"
)

// minWarm is how many commands must come together to make it worth while.
const minWarm = 4

// Warm has the store fetch what the next commands are about to look up: their keys, which nearly all of them have in
// the same place, and, where several work on the first one's key, what they want in a collection there. For the other
// commands it does no harm.
func (e *Env) Warm(in int, cmds [][][]byte) {
	if len(cmds) < minWarm || len(cmds[0]) < 2 {
		return
	}
	db := e.Store.DB(in)
	cmds = cmds[:min(len(cmds), store.WarmKeys)]
	var keys [store.WarmKeys][]byte // those that are not the first
	var same [store.WarmKeys]int    // commands on the first
	others, count, first := 0, 0, cmds[0][1]
	for i, args := range cmds {
		switch {
		case len(args) < 2:
		case sameBytes(args[1], first):
			same[count] = i
			count++
		default:
			keys[others] = args[1]
			others++
		}
	}
	if others > 0 {
		keys[others] = first
		db.Warm(keys[:others+1])
	}
	if count < minWarm {
		return
	}
	it, ok := db.Get(first)
	if !ok || it.Bytes() != nil {
		return
	}
	cmd, err := e.table.Lookup(cmds[0])
	if err != nil {
		return
	}
	at := ElementAt(cmd)
	if at == 0 {
		return
	}
	names := keys[:0]
	for _, i := range same[:count] {
		if args := cmds[i]; at < 0 {
			names = append(names, args[len(args)+at])
		} else if at < len(args) {
			names = append(names, args[at])
		}
	}
	it.Warm(names)
}

// sameBytes is bytes.Equal for what differs at its end, if at all.
func sameBytes(a, b []byte) bool {
	n := len(a)
	return n == len(b) && (n == 0 || a[n-1] == b[n-1] && bytes.Equal(a, b))
}
