package command

import (
	"fmt"
	"math"

	"holdfast/node/store"
	"holdfast/resp"
)

func hRandField(c *Context, args [][]byte, w *resp.Writer) error {
	if len(args) > 2 {
		return hRandFieldCount(c, args, w)
	}
	hash, found, err := c.liveHash(args[1])
	switch {
	case err != nil:
		return err
	case found:
		field, _, _ := hash.Random(c.Rand, nil)
		w.Bulk(field)
	default:
		w.Null()
	}
	return nil
}

func hRandFieldCount(c *Context, args [][]byte, w *resp.Writer) error {
	count, ok := resp.ParseInt(args[2])
	if !ok {
		return ErrNotInteger
	}
	if count == math.MinInt64 {
		return resp.Error(fmt.Sprintf("ERR value is out of range, value must between %d and %d", -math.MaxInt64,
			math.MaxInt64))
	}
	values := len(args) > 3
	if len(args) > 4 || values && !isWord(args[3], "withvalues") {
		return ErrSyntax
	}
	if values && (count < -math.MaxInt64/2 || count > math.MaxInt64/2) {
		return resp.Error("ERR value is out of range")
	}
	hash, found, err := c.liveHash(args[1])
	if err != nil {
		return err
	}
	if !found {
		w.Array(0)
		return nil
	}
	if -count > maxRepeats {
		return resp.Error("ERR value is out of range")
	}
	writeRandomFields(c, hash, int(min(count, int64(hash.Len()))), values, w)
	return nil
}

// writeRandomFields answers count different fields, or, when count is negative, as many that may be the same.
func writeRandomFields(c *Context, hash store.Hash, count int, values bool, w *resp.Writer) {
	n := max(count, -count)
	if values && w.Proto != 3 {
		w.Array(2 * n)
	} else {
		w.Array(n)
	}
	write := func(field, value []byte, _ int64) {
		if values && w.Proto == 3 {
			w.Array(2)
		}
		w.Bulk(field)
		if values {
			w.Bulk(value)
		}
	}
	if count >= 0 {
		hash.Sample(c.Rand, count, write)
		return
	}
	scratch := make([]byte, 0, 40)
	for range n {
		write(hash.Random(c.Rand, scratch))
	}
}

func hScan(c *Context, args [][]byte, w *resp.Writer) error {
	var hash store.Hash
	p := scanPage{scanOptions: scanOptions{ofHash: true}}
	return scanElements(args, w, &p, func() (found bool, err error) {
		hash, found, err = c.hashForRead(args[1])
		return found, err
	}, func(cursor uint64) uint64 {
		return hash.Scan(cursor, p.visits, func(field, value []byte, at int64) {
			if c.fieldExpired(at) || !p.shows(field) {
				return
			}
			p.add(field)
			if !p.noValues {
				p.add(value)
			}
		})
	})
}
