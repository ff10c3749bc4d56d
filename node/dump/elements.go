package dump

import (
	"io"

	"holdfast/node/rdb"
	"holdfast/node/store"
)

// whole tells whether all elements of an entry have come. If not, the Reader knows the reason and answers it instead.
func whole(e rdb.Entry, came int) error {
	if came < e.Len {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// batchFrom is how many elements a collection has in which they are looked up in batches.
const batchFrom = 4096

// inBatches calls add with the elements of an entry until it returns false. Of a large one it holds some back, so that
// what they are looked up in can be fetched for all of them side by side.
func inBatches(e rdb.Entry, warm func(names [][]byte), add func(el rdb.Element) bool) {
	if e.Len < batchFrom {
		for el := range e.Elements {
			if !add(el) {
				return
			}
		}
		return
	}
	var held [store.WarmKeys]rdb.Element
	var names [store.WarmKeys][]byte
	var text [2][store.WarmKeys][]byte // the memory of what is held
	n := 0
	release := func() bool {
		warm(names[:n])
		for i := range n {
			if !add(held[i]) {
				return false
			}
		}
		n = 0
		return true
	}
	for el := range e.Elements {
		text[0][n], text[1][n] = append(text[0][n][:0], el.Name...), append(text[1][n][:0], el.Value...)
		el.Name, el.Value = text[0][n], text[1][n]
		held[n], names[n] = el, el.Name
		if n++; n == len(held) && !release() {
			return
		}
	}
	release()
}
