package command

import (
	"math"

	"holdfast/node/store"
)

// A field of a hash whose time has passed is never seen. A master deletes it, when it comes upon it or by its sweep,
// and says HDEL in its log; a replica hides it until that arrives.

// fieldExpired reports whether the time of a field has passed for this command, as Expired does for keys.
func (c *Context) fieldExpired(at int64) bool { return c.passed(at) }

// liveFields counts the fields of a hash that have not expired.
func (c *Context) liveFields(hash store.Hash) int {
	n := hash.Len()
	if c.fieldExpired(hash.NextExpiry()) {
		hash.Each(func(_, _ []byte, at int64) bool {
			if c.fieldExpired(at) {
				n--
			}
			return true
		})
	}
	return n
}

// fieldLookup looks up fields of one hash.
type fieldLookup struct {
	c       *Context
	key     []byte
	hash    store.Hash
	expired []expiredField // of those that were asked for
	scratch [20]byte
}

// expiredField is a field whose time has passed.
type expiredField struct {
	name []byte
	at   int64
}

func (c *Context) fieldsOf(key []byte, hash store.Hash) fieldLookup {
	return fieldLookup{c: c, key: key, hash: hash}
}

// get returns the value of a field, valid until the next call, and its time of expiry.
func (l *fieldLookup) get(field []byte) (value []byte, at int64, ok bool) {
	value, at, ok = l.hash.Get(field, l.scratch[:])
	if ok && l.c.fieldExpired(at) {
		l.expired = append(l.expired, expiredField{field, at})
		return nil, store.NoExpiry, false
	}
	return value, at, ok
}

// done ends the lookups: a master deletes the expired fields. It reports whether the hash went with the last of them.
func (l *fieldLookup) done() (gone bool) {
	if len(l.expired) == 0 || !l.c.deletesExpired() {
		return false
	}
	for _, f := range l.expired {
		l.c.aside(func() {
			l.c.fieldsGone = f.at
			if l.c.DB.HashRemove(l.key, f.name) == 1 {
				l.c.noteExpiredField(l.key, f.name)
			}
		})
	}
	l.c.fieldsGone = 0
	return l.c.fieldsExpired(l.key)
}

var wordHDel = []byte("HDEL")

// noteExpiredField says in the log that a field was deleted.
func (c *Context) noteExpiredField(key, field []byte) {
	c.Effects.Add(c.DB.Index(), wordHDel, key, field)
	c.Stats.ExpiredSubkeys++
}

// fieldsExpired tells of fields of a hash that were deleted because of their time, and reports whether the hash went
// with them.
func (c *Context) fieldsExpired(key []byte) (gone bool) {
	_, ok := c.DB.Get(key)
	c.tookFields("hexpired", key, !ok)
	return !ok
}

// purgeFields deletes up to limit fields of a hash whose time has passed, and returns how many.
func (c *Context) purgeFields(key []byte, limit int) (n int) {
	c.aside(func() {
		n = c.DB.HashPurge(key, c.Now, limit, func(field []byte, at int64) {
			c.fieldsGone = at // they come by their time
			c.noteExpiredField(key, field)
		})
	})
	c.fieldsGone = 0
	if n > 0 {
		c.fieldsExpired(key)
	}
	return n
}

// liveHash is the hash at key with nothing in it that has expired: a master deletes that first, a replica makes a copy.
func (c *Context) liveHash(key []byte) (hash store.Hash, found bool, err error) {
	hash, found, err = c.hashForRead(key)
	if err != nil || !c.fieldExpired(hash.NextExpiry()) {
		return hash, found, err
	}
	if c.deletesExpired() {
		c.purgeFields(key, math.MaxInt)
		it, found := c.DB.Get(key)
		return it.Hash(), found, nil
	}
	live := c.Store.NewHash()
	hash.Each(func(field, value []byte, at int64) bool {
		if !c.fieldExpired(at) {
			live.Set(field, value, at)
		}
		return true
	})
	return live.Hash, live.Len() > 0, nil
}

// sweepFields deletes fields whose time has passed, up to budget of them, those that expired first before all others.
func (c *Context) sweepFields(budget int) (expired int) {
	var key []byte
	for expired < budget {
		var at int64
		if key, at = c.DB.NextFieldExpiry(key[:0]); !c.fieldExpired(at) {
			break
		}
		expired += c.purgeFields(key, budget-expired)
	}
	return expired
}
