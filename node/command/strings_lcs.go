package command

import (
	"math"

	"holdfast/internal/bulk"
	"holdfast/node/store"
	"holdfast/resp"
)

// lcsOptions are what LCS takes after its keys.
type lcsOptions struct {
	length, ranges, withLength bool
	minLength                  int64
}

func (o *lcsOptions) parse(args [][]byte) error {
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case isWord(a, "idx"):
			o.ranges = true
		case isWord(a, "len"):
			o.length = true
		case isWord(a, "withmatchlen"):
			o.withLength = true
		case isWord(a, "minmatchlen") && i+1 < len(args):
			i++
			n, ok := resp.ParseInt(args[i])
			if !ok {
				return ErrNotInteger
			}
			o.minLength = max(n, 0)
		default:
			return ErrSyntax
		}
	}
	if o.length && o.ranges {
		return resp.Error("ERR If you want both the length and indexes, please just use IDX.")
	}
	return nil
}

func lcs(c *Context, args [][]byte, w *resp.Writer) error {
	a, errA := lcsString(c, args[1])
	b, errB := lcsString(c, args[2])
	if errA != nil || errB != nil {
		return resp.Error("ERR The specified keys must contain string values")
	}
	var o lcsOptions
	if err := o.parse(args[3:]); err != nil {
		return err
	}
	if len(a) >= math.MaxUint32-1 || len(b) >= math.MaxUint32-1 {
		return resp.Error("ERR String too long for LCS")
	}
	if (int64(len(a))+1)*(int64(len(b))+1) > c.Config.ProtoMaxBulkLen()/4 {
		return resp.Error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
	}
	t := newLCSTable(a, b)
	switch {
	case o.ranges:
		t.writeRanges(w, o)
	case o.length:
		w.Int(int64(t.at(len(a), len(b))))
	default:
		w.Bulk(t.common())
	}
	return nil
}

// lcsString copies a string out of the store: looking up the other one may expire it, and so move this one.
func lcsString(c *Context, key []byte) ([]byte, error) {
	it, ok := c.Read(key)
	if !ok {
		return nil, nil
	}
	if it.Type() != store.TypeString {
		return nil, ErrWrongType
	}
	return bulk.Clone(it.Bytes()), nil
}

// lcsTable holds, for every pair of prefixes of a and b, how long their longest common subsequence is.
type lcsTable struct {
	a, b  []byte
	cells []uint32 // row by row, a row for each prefix of a
}

func newLCSTable(a, b []byte) *lcsTable {
	width := len(b) + 1
	t := &lcsTable{a, b, make([]uint32, (len(a)+1)*width)}
	for i, x := range a {
		above, row := t.cells[i*width:(i+1)*width], t.cells[(i+1)*width:(i+2)*width]
		for j, y := range b {
			if x == y {
				row[j+1] = above[j] + 1
			} else {
				row[j+1] = max(above[j+1], row[j])
			}
		}
	}
	return t
}

func (t *lcsTable) at(i, j int) uint32 { return t.cells[i*(len(t.b)+1)+j] }

// runs walks the table back from the end and calls emit for every run of equal bytes, a[i:i+n] == b[j:j+n], last one
// first. Where two ways are as good as each other, b is shortened.
func (t *lcsTable) runs(emit func(i, j, n int)) {
	i, j, n := len(t.a), len(t.b), 0
	for i > 0 && j > 0 {
		if t.a[i-1] == t.b[j-1] {
			i, j, n = i-1, j-1, n+1
			continue
		}
		if n > 0 {
			emit(i, j, n)
			n = 0
		}
		if t.at(i-1, j) > t.at(i, j-1) {
			i--
		} else {
			j--
		}
	}
	if n > 0 {
		emit(i, j, n)
	}
}

// common is the subsequence itself.
func (t *lcsTable) common() []byte {
	out := make([]byte, t.at(len(t.a), len(t.b)))
	end := len(out)
	t.runs(func(i, _, n int) {
		end -= n
		copy(out[end:], t.a[i:i+n])
	})
	return out
}

func (t *lcsTable) writeRanges(w *resp.Writer, o lcsOptions) {
	w.Map(2)
	w.BulkString("matches")
	list, count := w.ArrayLater(), 0
	t.runs(func(i, j, n int) {
		if int64(n) < o.minLength {
			return
		}
		count++
		if o.withLength {
			w.Array(3)
		} else {
			w.Array(2)
		}
		for _, start := range [2]int{i, j} {
			w.Array(2)
			w.Int(int64(start))
			w.Int(int64(start + n - 1))
		}
		if o.withLength {
			w.Int(int64(n))
		}
	})
	w.SetLen(list, count)
	w.BulkString("len")
	w.Int(int64(t.at(len(t.a), len(t.b))))
}
