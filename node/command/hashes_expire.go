package command

import (
	"holdfast/node/store"
	"holdfast/resp"
)

// What the commands on the expiry of fields answer for each field.
const (
	fieldMissing   = -2
	fieldNoTTL     = -1
	fieldUnchanged = 0 // the condition does not hold
	fieldChanged   = 1
	fieldDeleted   = 2 // the time has passed already
)

const (
	errNoFields       = resp.Error("ERR Mandatory argument FIELDS is missing or not at the right position")
	errFieldCount     = resp.Error("ERR Number of fields must be a positive integer")
	errFieldCountZero = resp.Error("ERR Parameter `numFields` should be greater than 0")
	errFieldNumber    = resp.Error("ERR The `numfields` parameter must match the number of arguments")
	errFieldTime      = resp.Error("ERR invalid expire time, must be >= 0")
)

// maxFieldTime is the latest time, in unix milliseconds, at which a field may expire.
const maxFieldTime = (1<<48 - 1) >> 2

var wordHPExpireAt, wordHPersist = []byte("HPEXPIREAT"), []byte("HPERSIST")

// parseFields reads FIELDS, a number, and as many fields.
func parseFields(args [][]byte, badCount resp.Error) ([][]byte, error) {
	if len(args) < 2 || !isWord(args[0], "fields") {
		return nil, errNoFields
	}
	n, ok := resp.ParseInt(args[1])
	if !ok || n < 1 {
		return nil, badCount
	}
	if n != int64(len(args)-2) {
		return nil, errFieldNumber
	}
	return args[2:], nil
}

// fieldTime turns a time given for a field into unix milliseconds.
func (c *Context) fieldTime(arg []byte, unit timeUnit) (int64, error) {
	at, ok := resp.ParseInt(arg)
	if !ok {
		return 0, ErrNotInteger
	}
	if at < 0 {
		return 0, errFieldTime
	}
	if unit.seconds() {
		if at > maxFieldTime/1000 {
			return 0, c.invalidExpire()
		}
		at *= 1000
	}
	base := int64(0)
	if unit.relative() {
		base = c.Now
	}
	if at > maxFieldTime-base {
		return 0, c.invalidExpire()
	}
	return base + at, nil
}

// changeFields calls fn for fields of the hash at key, one after the other, with what they are then; fn may change the
// hash, and reports whether it did. What has expired is deleted before, and fn is not shown it.
func (c *Context) changeFields(key []byte, fields [][]byte, fn func(h *store.HashBuilder, field, value []byte, at int64,
	ok bool) (changed bool)) {
	expired := 0
	var scratch [20]byte
	c.DB.HashUpdate(key, func(h *store.HashBuilder) (changed bool) {
		for _, field := range fields {
			value, at, ok := h.Get(field, scratch[:])
			if ok && c.fieldExpired(at) {
				h.Remove(field)
				c.noteExpiredField(key, field)
				expired++
				changed, value, at, ok = true, nil, store.NoExpiry, false
			}
			if fn(h, field, value, at, ok) {
				changed = true
			}
		}
		return changed
	})
	if expired > 0 {
		c.Notify(NotifyHash, "hexpired", key)
	}
}

// fieldsChanged tells, and says in the log, what became of fields: some got the expiry at (NoExpiry: lost theirs), some
// were deleted since that time has passed, which has been said in the log already.
func (c *Context) fieldsChanged(key []byte, at int64, changed [][]byte, deleted int, condition ...[]byte) {
	c.Dirty += len(changed) + deleted
	switch n := decimal(int64(len(changed))); {
	case len(changed) == 0:
	case at < 0:
		c.Replicate(append([][]byte{wordHPersist, key, wordFields, n}, changed...)...)
		c.Notify(NotifyHash, "hpersist", key)
	default:
		words := append([][]byte{wordHPExpireAt, key, decimal(at)}, condition...)
		c.Replicate(append(append(words, wordFields, n), changed...)...)
		c.Notify(NotifyHash, "hexpire", key)
	}
	if deleted > 0 {
		c.Notify(NotifyHash, "hdel", key)
	}
	if _, ok := c.DB.Get(key); !ok {
		c.Notify(NotifyGeneric, "del", key)
	}
}

// expireField gives a field that is there a time, or deletes it when that has passed.
func (c *Context) expireField(h *store.HashBuilder, key, field []byte, at int64) (deleted bool) {
	if c.alreadyExpired(at) {
		h.Remove(field)
		c.Replicate(wordHDel, key, field)
		c.Stats.ExpiredSubkeys++
		return true
	}
	h.SetExpiry(field, at)
	return false
}

func hExpire(c *Context, args [][]byte, w *resp.Writer) error {
	return expireFields(c, args, unitEX, w)
}

func hPExpire(c *Context, args [][]byte, w *resp.Writer) error {
	return expireFields(c, args, unitPX, w)
}

func hExpireAt(c *Context, args [][]byte, w *resp.Writer) error {
	return expireFields(c, args, unitEXAT, w)
}

func hPExpireAt(c *Context, args [][]byte, w *resp.Writer) error {
	return expireFields(c, args, unitPXAT, w)
}

func expireFields(c *Context, args [][]byte, unit timeUnit, w *resp.Writer) error {
	key := args[1]
	_, found, err := c.hashForWrite(key)
	if err != nil {
		return err
	}
	at, err := c.fieldTime(args[2], unit)
	if err != nil {
		return err
	}
	var o expireConditions
	rest := args[3:]
	if o.parse(rest[:1]) == nil {
		rest = rest[1:]
	}
	condition := args[3 : len(args)-len(rest)]
	fields, err := parseFields(rest, errFieldCountZero)
	if err != nil {
		return err
	}
	if !found {
		return writeSame(w, len(fields), fieldMissing)
	}
	var changed [][]byte
	deleted := 0
	w.Array(len(fields))
	c.changeFields(key, fields, func(h *store.HashBuilder, field, _ []byte, old int64, ok bool) bool {
		switch {
		case !ok:
			w.Int(fieldMissing)
		case !o.allow(old, at):
			w.Int(fieldUnchanged)
		case c.expireField(h, key, field, at):
			w.Int(fieldDeleted)
			deleted++
			return true
		default:
			w.Int(fieldChanged)
			changed = append(changed, field)
			return true
		}
		return false
	})
	c.fieldsChanged(key, at, changed, deleted, condition...)
	return nil
}

// writeSame answers the same for each of n fields.
func writeSame(w *resp.Writer, n int, answer int64) error {
	w.Array(n)
	for range n {
		w.Int(answer)
	}
	return nil
}

func hPersist(c *Context, args [][]byte, w *resp.Writer) error {
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
		return writeSame(w, len(fields), fieldMissing)
	}
	var changed [][]byte
	w.Array(len(fields))
	c.changeFields(key, fields, func(h *store.HashBuilder, field, _ []byte, old int64, ok bool) bool {
		switch {
		case !ok:
			w.Int(fieldMissing)
		case old < 0:
			w.Int(fieldNoTTL)
		default:
			w.Int(fieldChanged)
			h.SetExpiry(field, store.NoExpiry)
			changed = append(changed, field)
			return true
		}
		return false
	})
	c.fieldsChanged(key, store.NoExpiry, changed, 0)
	return nil
}

func hTTL(c *Context, args [][]byte, w *resp.Writer) error { return fieldTTLs(c, args, unitEX, w) }

func hPTTL(c *Context, args [][]byte, w *resp.Writer) error { return fieldTTLs(c, args, unitPX, w) }

func hExpireTime(c *Context, args [][]byte, w *resp.Writer) error {
	return fieldTTLs(c, args, unitEXAT, w)
}

func hPExpireTime(c *Context, args [][]byte, w *resp.Writer) error {
	return fieldTTLs(c, args, unitPXAT, w)
}

func fieldTTLs(c *Context, args [][]byte, unit timeUnit, w *resp.Writer) error {
	hash, _, err := c.hashForRead(args[1])
	if err != nil {
		return err
	}
	fields, err := parseFields(args[2:], errFieldCount)
	if err != nil {
		return err
	}
	var scratch [20]byte
	w.Array(len(fields))
	for _, field := range fields {
		_, at, ok := hash.Get(field, scratch[:])
		switch {
		case !ok || c.fieldExpired(at):
			w.Int(fieldMissing)
			continue
		case at < 0:
			w.Int(fieldNoTTL)
			continue
		}
		if unit.relative() {
			at = max(at-c.Now, 0)
		}
		if unit.seconds() {
			at = (at + 999) / 1000
		}
		w.Int(at)
	}
	return nil
}
