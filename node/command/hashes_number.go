package command

import (
	"math"
	"strconv"

	"holdfast/node/store"
	"holdfast/resp"
)

func hIncrBy(c *Context, args [][]byte, w *resp.Writer) error {
	by, ok := resp.ParseInt(args[3])
	if !ok {
		return ErrNotInteger
	}
	key, field := args[1], args[2]
	hash, found, err := c.hashForWrite(key)
	if err != nil {
		return err
	}
	look := c.fieldsOf(key, hash)
	var n int64
	if value, _, has := look.get(field); has {
		if n, ok = resp.ParseInt(value); !ok {
			return resp.Error("ERR hash value is not an integer")
		}
	}
	if look.done() {
		found = false
	}
	if by < 0 && n < math.MinInt64-by || by > 0 && n > math.MaxInt64-by {
		return resp.Error("ERR increment or decrement would overflow")
	}
	n += by
	var text [20]byte
	c.DB.HashSet(key, store.KeepTTL, field, strconv.AppendInt(text[:0], n, 10))
	c.Dirty++
	c.created(key, found)
	c.Notify(NotifyHash, "hincrby", key)
	w.Int(n)
	return nil
}

var (
	wordHSet, wordHSetEx = []byte("HSET"), []byte("HSETEX")
	wordFields, wordOne  = []byte("FIELDS"), []byte("1")
)

// hIncrByFloat travels as the setting of its result, so that no replica has to calculate the same digits.
func hIncrByFloat(c *Context, args [][]byte, w *resp.Writer) error {
	by, ok := parseLongDouble(args[3])
	if !ok {
		return ErrNotFloat
	}
	if by.f.IsInf() {
		return resp.Error("ERR value is NaN or Infinity")
	}
	key, field := args[1], args[2]
	hash, found, err := c.hashForWrite(key)
	if err != nil {
		return err
	}
	look := c.fieldsOf(key, hash)
	var n longDouble
	value, at, has := look.get(field)
	if has {
		if n, ok = parseLongDouble(value); !ok {
			return resp.Error("ERR hash value is not a float")
		}
	}
	if look.done() {
		found = false
	}
	sum, ok := n.add(by)
	if !ok {
		return resp.Error("ERR increment would produce NaN or Infinity")
	}
	text := sum.appendText(nil)
	c.DB.HashSet(key, store.KeepTTL, field, text)
	c.Dirty++
	if has && at >= 0 {
		c.Replicate(wordHSetEx, key, wordKeepTTL, wordFields, wordOne, field, text)
	} else {
		c.Replicate(wordHSet, key, field, text)
	}
	c.created(key, found)
	c.Notify(NotifyHash, "hincrbyfloat", key)
	w.Bulk(text)
	return nil
}
