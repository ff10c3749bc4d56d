package command

import (
	"math"

	"holdfast/node/store"
	"holdfast/resp"
)

// hGetDel travels as HDEL of the fields that were there.
func hGetDel(c *Context, args [][]byte, w *resp.Writer) error {
	key := args[1]
	_, found, err := c.hashForWrite(key)
	if err != nil {
		return err
	}
	fields, err := parseFields(args[2:], errFieldCount)
	if err != nil {
		return err
	}
	if !found {
		return writeNulls(w, len(fields))
	}
	removed := [][]byte{wordHDel, key}
	w.Array(len(fields))
	c.changeFields(key, fields, func(h *store.HashBuilder, field, value []byte, _ int64, ok bool) bool {
		if !ok {
			w.Null()
			return false
		}
		w.Bulk(value)
		h.Remove(field)
		removed = append(removed, field)
		return true
	})
	if n := len(removed) - 2; n > 0 {
		c.Dirty += n
		c.Replicate(removed...)
		c.Notify(NotifyHash, "hdel", key)
	}
	if _, ok := c.DB.Get(key); !ok {
		c.Notify(NotifyGeneric, "del", key)
	}
	return nil
}

func writeNulls(w *resp.Writer, n int) error {
	w.Array(n)
	for range n {
		w.Null()
	}
	return nil
}

func hGetEx(c *Context, args [][]byte, w *resp.Writer) error {
	key, rest := args[1], args[2:]
	_, found, err := c.hashForWrite(key)
	if err != nil {
		return err
	}
	unit, persist, at := timeUnitOf(rest[0]), isWord(rest[0], "persist"), store.NoExpiry
	switch {
	case unit != unitNone:
		if at, err = c.fieldTime(rest[1], unit); err != nil {
			return err
		}
		rest = rest[2:]
	case persist:
		rest = rest[1:]
	}
	fields, err := parseFields(rest, errFieldCount)
	if err != nil {
		return err
	}
	if !found {
		return writeNulls(w, len(fields))
	}
	var changed [][]byte
	deleted := 0
	w.Array(len(fields))
	c.changeFields(key, fields, func(h *store.HashBuilder, field, value []byte, old int64, ok bool) bool {
		if !ok {
			w.Null()
			return false
		}
		w.Bulk(value)
		switch {
		case unit != unitNone && c.expireField(h, key, field, at):
			deleted++
		case unit != unitNone, persist && old >= 0:
			h.SetExpiry(field, at)
			changed = append(changed, field)
		default:
			return false
		}
		return true
	})
	c.fieldsChanged(key, at, changed, deleted)
	return nil
}

// hSetExOptions are what HSETEX takes after the key.
type hSetExOptions struct {
	fnx, fxx, keepTTL bool
	unit              timeUnit
	timeAt            int   // where in the arguments the time is
	at                int64 // the time
	pairs             [][]byte
}

func (o *hSetExOptions) parse(c *Context, args [][]byte) error {
	for i := 2; i < len(args); i++ {
		switch a := args[i]; {
		case isWord(a, "fields"):
			return o.parsePairs(c, args[i+1:])
		case isWord(a, "fnx") || isWord(a, "fxx"):
			if o.fnx || o.fxx {
				return resp.Error("ERR Only one of FXX or FNX arguments can be specified")
			}
			o.fnx, o.fxx = isWord(a, "fnx"), isWord(a, "fxx")
		case isWord(a, "keepttl") || timeUnitOf(a) != unitNone:
			if o.keepTTL || o.unit != unitNone {
				return resp.Error("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified")
			}
			if o.unit = timeUnitOf(a); o.unit == unitNone {
				o.keepTTL = true
				continue
			}
			if i++; i == len(args) {
				return resp.Error("ERR missing expire time")
			}
			var err error
			if o.at, err = c.fieldTime(args[i], o.unit); err != nil {
				return err
			}
			o.timeAt = i
		default:
			return resp.Error("ERR unknown argument: " + cText(a))
		}
	}
	return errNoFields
}

// parsePairs reads a number, and as many fields with their values.
func (o *hSetExOptions) parsePairs(c *Context, args [][]byte) error {
	if len(args) < 3 {
		return c.wrongArity()
	}
	n, ok := resp.ParseInt(args[0])
	if !ok || n < 1 || n > math.MaxInt32 {
		return resp.Error("ERR invalid number of fields")
	}
	if int64(len(args)-1) != 2*n {
		return c.wrongArity()
	}
	o.pairs = args[1:]
	return nil
}

// holds judges the condition: all fields there, or none of them.
func (o *hSetExOptions) holds(look *fieldLookup) bool {
	if !o.fnx && !o.fxx {
		return true
	}
	for i := 0; i < len(o.pairs); i += 2 {
		if _, _, ok := look.get(o.pairs[i]); ok != o.fxx {
			return false
		}
	}
	return true
}

// hSetEx travels with its time as a unix time in milliseconds, or as HDEL when that has passed already.
func hSetEx(c *Context, args [][]byte, w *resp.Writer) error {
	var o hSetExOptions
	if err := o.parse(c, args); err != nil {
		return err
	}
	key := args[1]
	hash, found, err := c.hashForWrite(key)
	if err != nil {
		return err
	}
	look := c.fieldsOf(key, hash)
	holds := o.holds(&look)
	if look.done() {
		found = false
	}
	if !holds {
		w.Int(0)
		return nil
	}
	c.Dirty += len(o.pairs) / 2
	if o.unit != unitNone && c.alreadyExpired(o.at) {
		setExpiredFields(c, key, o.pairs)
	} else {
		c.setFields(key, found, &o)
		if o.unit != unitNone && o.unit != unitPXAT {
			words := append([][]byte(nil), args...)
			words[o.timeAt-1], words[o.timeAt] = wordPXAT, decimal(o.at)
			c.Replicate(words...)
		}
	}
	w.Int(1)
	return nil
}

func (c *Context) setFields(key []byte, found bool, o *hSetExOptions) {
	at := store.NoExpiry
	switch {
	case o.unit != unitNone:
		at = o.at
	case o.keepTTL:
		at = store.KeepTTL
	}
	c.DB.HashSet(key, at, o.pairs...)
	c.created(key, found)
	c.Notify(NotifyHash, "hset", key)
	if o.unit != unitNone {
		c.Notify(NotifyHash, "hexpire", key)
	}
}

// setExpiredFields does what setting fields comes to that expire at once: they are gone.
func setExpiredFields(c *Context, key []byte, pairs [][]byte) {
	c.NoReplicate()
	c.Notify(NotifyHash, "hset", key)
	for i := 0; i < len(pairs); i += 2 {
		if c.DB.HashRemove(key, pairs[i]) == 1 {
			c.Replicate(wordHDel, key, pairs[i])
		}
	}
	_, ok := c.DB.Get(key)
	c.tookFields("hdel", key, !ok)
}
