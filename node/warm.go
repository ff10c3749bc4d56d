package node

import (
	"bytes"

	"holdfast/node/store"
)

// minWarm is how many commands must come together to make it worth while.
const minWarm = 4

// warm has the store fetch what the next commands are about to look up: their keys, which nearly all of them have in the same
// place, and what those on the first one's key want in a collection there. For the other commands it does no harm.
func warm(db *store.DB, cmds [][][]byte) {
	if len(cmds) < minWarm {
		return
	}
	var keys [store.WarmKeys][]byte
	count := 0
	for _, args := range cmds[:min(len(cmds), len(keys))] {
		if len(args) > 1 {
			keys[count] = args[1]
			count++
		}
	}
	db.Warm(keys[:count])
	if count == 0 {
		return
	}
	it, ok := db.Get(keys[0])
	if !ok || it.Bytes() != nil || it.Type() == store.TypeList {
		return
	}
	names, key := keys[:0], it.Key()
	for _, args := range cmds[:min(len(cmds), len(keys))] {
		if len(args) > 2 && bytes.Equal(args[1], key) {
			names = append(names, element(args, it.Type()))
		}
	}
	it.Warm(names)
}

// element is where commands have the element of a collection that they are about: behind the key, but members of sorted sets often
// stand behind a score.
func element(args [][]byte, typ store.Type) []byte {
	if typ == store.TypeZSet {
		return args[len(args)-1]
	}
	return args[2]
}
