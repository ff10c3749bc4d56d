package command

import (
	"fmt"
	"math"

	"holdfast/node/store"
	"holdfast/resp"
)

// timeUnit says how an expiry was given.
type timeUnit uint8

const (
	unitNone timeUnit = iota
	unitEX            // seconds from now
	unitPX            // milliseconds from now
	unitEXAT          // unix time in seconds
	unitPXAT          // unix time in milliseconds
)

func (u timeUnit) seconds() bool  { return u == unitEX || u == unitEXAT }
func (u timeUnit) relative() bool { return u == unitEX || u == unitPX }

// setOptions are what SET takes after the value, and GETEX after the key.
type setOptions struct {
	nx, xx, get, keepTTL, persist bool
	unit                          timeUnit
	time                          []byte
}

// parse reads the options of SET, or of GETEX. Options that exclude each other are a syntax error; repeating one is
// fine.
func (o *setOptions) parse(args [][]byte, getex bool) error {
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case !getex && isWord(a, "nx") && !o.xx:
			o.nx = true
		case !getex && isWord(a, "xx") && !o.nx:
			o.xx = true
		case !getex && isWord(a, "get"):
			o.get = true
		case !getex && isWord(a, "keepttl") && o.unit == unitNone:
			o.keepTTL = true
		case getex && isWord(a, "persist") && o.unit == unitNone:
			o.persist = true
		default:
			unit := timeUnitOf(a)
			if unit == unitNone || o.unit != unitNone && o.unit != unit || o.keepTTL || o.persist || i+1 == len(args) {
				return ErrSyntax
			}
			i++
			o.unit, o.time = unit, args[i]
		}
	}
	return nil
}

func timeUnitOf(a []byte) timeUnit {
	switch {
	case isWord(a, "ex"):
		return unitEX
	case isWord(a, "px"):
		return unitPX
	case isWord(a, "exat"):
		return unitEXAT
	case isWord(a, "pxat"):
		return unitPXAT
	}
	return unitNone
}

// expireTime turns the time given with SET and its like into unix milliseconds. It must lie after 1970, not in the
// future.
func (c *Context) expireTime(arg []byte, unit timeUnit) (int64, error) {
	t, ok := resp.ParseInt(arg)
	if !ok {
		return 0, ErrNotInteger
	}
	if t <= 0 || unit.seconds() && t > math.MaxInt64/1000 {
		return 0, c.invalidExpire()
	}
	if unit.seconds() {
		t *= 1000
	}
	if unit.relative() {
		if t > math.MaxInt64-c.Now {
			return 0, c.invalidExpire()
		}
		t += c.Now
	}
	return t, nil
}

func (c *Context) invalidExpire() error {
	return resp.Error(fmt.Sprintf(ErrInvalidExpire, c.Cmd.FullName()))
}

func set(c *Context, args [][]byte, w *resp.Writer) error {
	var o setOptions
	if len(args) > 3 {
		if err := o.parse(args[3:], false); err != nil {
			return err
		}
	}
	key, val := args[1], args[2]
	at := store.NoExpiry
	if o.keepTTL {
		at = store.KeepTTL
	}
	if o.unit != unitNone {
		var err error
		if at, err = c.expireTime(o.time, o.unit); err != nil {
			return err
		}
	}
	if o.get {
		if err := get(c, args, w); err != nil {
			return err
		}
	}
	_, found := c.Find(key)
	if o.nx && found || o.xx && !found {
		if !o.get {
			w.Null()
		}
		return nil
	}
	c.setString(key, val, at, found)
	if o.unit == unitNone && o.get {
		c.Replicate(withoutGet(args)...)
	}
	if !o.get {
		w.OK()
	}
	return nil
}

// setString is what all commands that set one string do; one with an expiry travels with the absolute time.
func (c *Context) setString(key, val []byte, at int64, found bool) {
	c.put(key, val, store.TryEncode(val), at, found)
	c.Notify(NotifyString, "set", key)
	if at >= 0 {
		c.Replicate(wordSet, key, val, wordPXAT, decimal(at))
		c.Notify(NotifyGeneric, "expire", key)
	}
}

func setNX(c *Context, args [][]byte, w *resp.Writer) error {
	if _, found := c.Find(args[1]); found {
		w.Int(0)
		return nil
	}
	c.setString(args[1], args[2], store.NoExpiry, false)
	w.Int(1)
	return nil
}

func setEx(c *Context, args [][]byte, w *resp.Writer) error {
	return setWithExpiry(c, args, unitEX, w)
}

func psetEx(c *Context, args [][]byte, w *resp.Writer) error {
	return setWithExpiry(c, args, unitPX, w)
}

func setWithExpiry(c *Context, args [][]byte, unit timeUnit, w *resp.Writer) error {
	at, err := c.expireTime(args[2], unit)
	if err != nil {
		return err
	}
	_, found := c.Find(args[1])
	c.setString(args[1], args[3], at, found)
	w.OK()
	return nil
}

func getSet(c *Context, args [][]byte, w *resp.Writer) error {
	if err := get(c, args, w); err != nil {
		return err
	}
	key, val := args[1], args[2]
	_, found := c.Find(key)
	c.setString(key, val, store.NoExpiry, found)
	c.Replicate(wordSet, key, val)
	return nil
}

func getEx(c *Context, args [][]byte, w *resp.Writer) error {
	var o setOptions
	if err := o.parse(args[2:], true); err != nil {
		return err
	}
	key := args[1]
	it, ok, err := c.StringForRead(key)
	if err != nil {
		return err
	}
	if !ok {
		w.Null()
		return nil
	}
	var at int64
	if o.unit != unitNone {
		if at, err = c.expireTime(o.time, o.unit); err != nil {
			return err
		}
	}
	w.Bulk(it.Bytes())
	switch {
	case o.unit != unitNone && !o.unit.relative() && c.alreadyExpired(at):
		c.deleteExpired(key)
	case o.unit != unitNone:
		c.setExpire(key, at)
		c.Replicate(wordPExpireAt, key, decimal(at))
		c.Notify(NotifyGeneric, "expire", key)
	case o.persist && it.ExpireAt() >= 0:
		c.DB.SetExpire(key, store.NoExpiry)
		c.Dirty++
		c.Replicate(wordPersist, key)
		c.Notify(NotifyGeneric, "persist", key)
	}
	return nil
}

func mset(c *Context, args [][]byte, w *resp.Writer) error {
	if len(args)%2 == 0 {
		return c.wrongArity()
	}
	setAll(c, args)
	w.OK()
	return nil
}

func msetNX(c *Context, args [][]byte, w *resp.Writer) error {
	if len(args)%2 == 0 {
		return c.wrongArity()
	}
	for i := 1; i < len(args); i += 2 {
		if i%(2*store.WarmKeys) == 1 {
			c.warm(args[i:], 2)
		}
		if _, found := c.Find(args[i]); found {
			w.Int(0)
			return nil
		}
	}
	setAll(c, args)
	w.Int(1)
	return nil
}

func setAll(c *Context, args [][]byte) {
	for i := 1; i < len(args); i += 2 {
		if i%(2*store.WarmKeys) == 1 {
			c.warm(args[i:], 2)
		}
		_, found := c.Find(args[i])
		c.setString(args[i], args[i+1], store.NoExpiry, found)
	}
}

// wrongArity is for commands whose number of arguments the table can't check alone.
func (c *Context) wrongArity() error {
	return resp.Error("ERR wrong number of arguments for '" + c.Cmd.FullName() + "' command")
}
