package command

import (
	"math"
	"strings"

	"holdfast/node/store"
	"holdfast/resp"
)

// expireRows are the commands on expiry times.
var expireRows = []Command{
	expireRow("expire", "1.0.0", "seconds", "Gives a key a time to live in seconds.", expire),
	expireRow("pexpire", "2.6.0", "milliseconds", "Gives a key a time to live in milliseconds.", pexpire),
	expireRow("expireat", "1.2.0", "unix-time-seconds", "Has a key expire at a unix time.", expireAt),
	expireRow("pexpireat", "2.6.0", "unix-time-milliseconds", "Has a key expire at a unix time in milliseconds.",
		pexpireAt),
	ttlRow("ttl", "1.0.0", "Answers how many seconds a key has left.", ttl, "nondeterministic_output"),
	ttlRow("pttl", "2.6.0", "Answers how many milliseconds a key has left.", pttl, "nondeterministic_output"),
	ttlRow("expiretime", "7.0.0", "Answers the unix time at which a key expires.", expireTimeOf),
	ttlRow("pexpiretime", "7.0.0", "Answers the unix time in milliseconds at which a key expires.", pexpireTimeOf),
	{
		Name: "persist", Arity: 2, Flags: resp.Write | resp.Fast, Categories: resp.CatKeyspace,
		Keys: oneKey(resp.RW | resp.Update), Group: "generic", Since: "2.2.0", Complexity: "O(1)",
		Summary: "Takes a key's expiry away.", Syntax: "key", Run: persistKey,
	},
}

func expireRow(name, since, unit, summary string, run func(*Context, [][]byte, *resp.Writer) error) Command {
	return Command{
		Name: name, Arity: -3, Flags: resp.Write | resp.Fast, Categories: resp.CatKeyspace,
		Keys: oneKey(resp.RW | resp.Update), Group: "generic", Since: since, Complexity: "O(1)", Summary: summary,
		Syntax:  "key " + unit + " condition=[NX|XX|GT|LT]@7.0.0",
		History: [][2]string{{"7.0.0", "`NX`, `XX`, `GT` and `LT`."}},
		Run:     run,
	}
}

func ttlRow(name, since, summary string, run func(*Context, [][]byte, *resp.Writer) error, tips ...string) Command {
	row := Command{
		Name: name, Arity: 2, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatKeyspace,
		Keys: oneKey(resp.RO | resp.Access), Group: "generic", Since: since, Complexity: "O(1)", Summary: summary,
		Syntax: "key", Tips: tips, Run: run,
	}
	if since < "7" {
		row.History = [][2]string{{"2.8.0", "-2 for a key that is not there."}}
	}
	return row
}

// alreadyExpired reports whether a time that was just asked for has passed, so that the key is to be deleted at once.
// Only a master concludes that: others keep the key, hidden, until the deletion arrives.
func (c *Context) alreadyExpired(at int64) bool {
	return at <= c.Now && !c.asItStands() && c.Engine.Master()
}

// deleteExpired deletes a key because its new expiry has passed already.
func (c *Context) deleteExpired(key []byte) {
	c.DB.Delete(key)
	c.Dirty++
	c.Replicate(deleteWord(c.Config.Bool("lazyfree-lazy-expire")), key)
	c.Notify(NotifyGeneric, "del", key)
}

// setExpire sets the expiry of a key that is there. Times before 1970 can't be stored and don't differ from 1970.
func (c *Context) setExpire(key []byte, at int64) {
	c.DB.SetExpire(key, max(at, 0))
	c.Dirty++
}

// expireConditions are EXPIRE's options.
type expireConditions struct{ nx, xx, gt, lt bool }

func (o *expireConditions) parse(args [][]byte) error {
	for _, a := range args {
		switch {
		case isWord(a, "nx"):
			o.nx = true
		case isWord(a, "xx"):
			o.xx = true
		case isWord(a, "gt"):
			o.gt = true
		case isWord(a, "lt"):
			o.lt = true
		default:
			return resp.Error("ERR Unsupported option " + strings.TrimRight(cText(a), "\r\n"))
		}
	}
	if o.nx && (o.xx || o.gt || o.lt) {
		return resp.Error("ERR NX and XX, GT or LT options at the same time are not compatible")
	}
	if o.gt && o.lt {
		return resp.Error("ERR GT and LT options at the same time are not compatible")
	}
	return nil
}

// allow judges a new expiry against the present one. No expiry counts as one that never comes.
func (o *expireConditions) allow(now, at int64) bool {
	has := now >= 0
	switch {
	case o.nx && has, o.xx && !has:
		return false
	case o.gt && (!has || at <= now), o.lt && has && at >= now:
		return false
	}
	return true
}

// cText is what C's printf shows of an argument: nothing after a zero byte.
func cText(b []byte) string { return resp.Text(b) }

func expire(c *Context, args [][]byte, w *resp.Writer) error {
	return expireKey(c, args, unitEX, w)
}

func pexpire(c *Context, args [][]byte, w *resp.Writer) error {
	return expireKey(c, args, unitPX, w)
}

func expireAt(c *Context, args [][]byte, w *resp.Writer) error {
	return expireKey(c, args, unitEXAT, w)
}

func pexpireAt(c *Context, args [][]byte, w *resp.Writer) error {
	return expireKey(c, args, unitPXAT, w)
}

func expireKey(c *Context, args [][]byte, unit timeUnit, w *resp.Writer) error {
	var o expireConditions
	if err := o.parse(args[3:]); err != nil {
		return err
	}
	at, ok := resp.ParseInt(args[2])
	if !ok {
		return ErrNotInteger
	}
	if unit.seconds() {
		if at > math.MaxInt64/1000 || at < math.MinInt64/1000 {
			return c.invalidExpire()
		}
		at *= 1000
	}
	if unit.relative() {
		if at > math.MaxInt64-c.Now {
			return c.invalidExpire()
		}
		at += c.Now
	}
	key := args[1]
	it, found := c.Write(key)
	if !found || !o.allow(it.ExpireAt(), at) {
		w.Int(0)
		return nil
	}
	if c.alreadyExpired(at) {
		c.deleteExpired(key)
	} else {
		c.setExpire(key, at)
		if unit != unitPXAT {
			// The conditions stay: they hold on a replica as well, which has the same expiry before.
			if len(args) == 3 {
				c.Replicate(wordPExpireAt, key, decimal(at))
			} else {
				c.Replicate(append([][]byte{wordPExpireAt, key, decimal(at)}, args[3:]...)...)
			}
		}
		c.Notify(NotifyGeneric, "expire", key)
	}
	w.Int(1)
	return nil
}

func ttl(c *Context, args [][]byte, w *resp.Writer) error {
	return writeExpiry(c, args[1], true, false, w)
}

func pttl(c *Context, args [][]byte, w *resp.Writer) error {
	return writeExpiry(c, args[1], false, false, w)
}

func expireTimeOf(c *Context, args [][]byte, w *resp.Writer) error {
	return writeExpiry(c, args[1], true, true, w)
}

func pexpireTimeOf(c *Context, args [][]byte, w *resp.Writer) error {
	return writeExpiry(c, args[1], false, true, w)
}

func writeExpiry(c *Context, key []byte, seconds, absolute bool, w *resp.Writer) error {
	it, found := c.peek(key)
	if !found {
		w.Int(-2)
		return nil
	}
	at := it.ExpireAt()
	if at < 0 {
		w.Int(-1)
		return nil
	}
	if !absolute {
		at = max(at-c.Now, 0)
	}
	if seconds {
		at = int64((uint64(at) + 500) / 1000) // rounded, as Redis does, also at the end of time
	}
	w.Int(at)
	return nil
}

func persistKey(c *Context, args [][]byte, w *resp.Writer) error {
	key := args[1]
	it, found := c.Write(key)
	if !found || it.ExpireAt() < 0 {
		w.Int(0)
		return nil
	}
	c.DB.SetExpire(key, store.NoExpiry)
	c.Dirty++
	c.Notify(NotifyGeneric, "persist", key)
	w.Int(1)
	return nil
}

// peek is Read without touching the access time.
func (c *Context) peek(key []byte) (store.Item, bool) {
	it, ok := c.Find(key)
	if ok {
		c.Stats.KeyspaceHits++
	} else {
		c.Stats.KeyspaceMisses++
		c.Notify(NotifyMiss, "keymiss", key)
	}
	return it, ok
}
