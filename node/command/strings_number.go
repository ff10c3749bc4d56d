package command

import (
	"math"
	"strconv"

	"holdfast/node/store"
	"holdfast/resp"
)

func incr(c *Context, args [][]byte, w *resp.Writer) error { return addInteger(c, args[1], 1, w) }

func decr(c *Context, args [][]byte, w *resp.Writer) error { return addInteger(c, args[1], -1, w) }

func incrBy(c *Context, args [][]byte, w *resp.Writer) error {
	by, ok := resp.ParseInt(args[2])
	if !ok {
		return ErrNotInteger
	}
	return addInteger(c, args[1], by, w)
}

func decrBy(c *Context, args [][]byte, w *resp.Writer) error {
	by, ok := resp.ParseInt(args[2])
	if !ok {
		return ErrNotInteger
	}
	if by == math.MinInt64 {
		return resp.Error("ERR decrement would overflow")
	}
	return addInteger(c, args[1], -by, w)
}

func addInteger(c *Context, key []byte, by int64, w *resp.Writer) error {
	it, found, err := c.StringForWrite(key)
	if err != nil {
		return err
	}
	var n int64
	if found {
		var ok bool
		if n, ok = resp.ParseInt(it.Bytes()); !ok {
			return ErrNotInteger
		}
	}
	if by < 0 && n < math.MinInt64-by || by > 0 && n > math.MaxInt64-by {
		return resp.Error("ERR increment or decrement would overflow")
	}
	n += by
	var text [20]byte
	c.putSmall(key, strconv.AppendInt(text[:0], n, 10), store.EncInt, store.KeepTTL, found)
	c.Notify(NotifyString, "incrby", key)
	w.Int(n)
	return nil
}

// incrByFloat travels as the SET of its result, so that no replica has to calculate the same digits.
func incrByFloat(c *Context, args [][]byte, w *resp.Writer) error {
	key := args[1]
	it, found, err := c.StringForWrite(key)
	if err != nil {
		return err
	}
	var value longDouble
	ok := true
	if found {
		value, ok = parseLongDouble(it.Bytes())
	}
	by, okBy := parseLongDouble(args[2])
	if !ok || !okBy {
		return ErrNotFloat
	}
	sum, ok := value.add(by)
	if !ok {
		return resp.Error("ERR increment would produce NaN or Infinity")
	}
	text := sum.appendText(nil)
	enc := store.TryEncode(text)
	if enc == store.EncInt {
		enc = store.EncEmbstr // a result is text, even when it looks like an integer
	}
	c.putSmall(key, text, enc, store.KeepTTL, found)
	c.Replicate(wordSet, key, text, wordKeepTTL)
	c.Notify(NotifyString, "incrbyfloat", key)
	w.Bulk(text)
	return nil
}
