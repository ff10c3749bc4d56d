package command

import (
	"holdfast/node/store"
	"holdfast/resp"
)

// hashForRead is the hash at key, the empty one when the key is absent.
func (c *Context) hashForRead(key []byte) (hash store.Hash, found bool, err error) {
	var it store.Item
	if found, err = c.readAs(store.TypeHash, key, &it); err != nil {
		return store.Hash{}, false, err
	}
	return it.Hash(), found, nil
}

// hashForWrite is hashForRead for a command that is about to change the hash.
func (c *Context) hashForWrite(key []byte) (hash store.Hash, found bool, err error) {
	var it store.Item
	if found, err = c.writeAs(store.TypeHash, key, &it); err != nil {
		return store.Hash{}, false, err
	}
	return it.Hash(), found, nil
}

// hSet is HSET, and HMSET, which differs in its reply.
func hSet(c *Context, args [][]byte, w *resp.Writer) error {
	if len(args)%2 == 1 {
		return c.wrongArity()
	}
	key, pairs := args[1], args[2:]
	var it store.Item
	found, err := c.writeAs(store.TypeHash, key, &it)
	if err != nil {
		return err
	}
	created := c.DB.HashSetTo(&it, key, store.NoExpiry, pairs...)
	c.Dirty += len(pairs) / 2
	c.created(key, found)
	c.Notify(NotifyHash, "hset", key)
	if c.Cmd.Name == "hmset" {
		w.OK()
	} else {
		w.Int(int64(created))
	}
	return nil
}

func hSetNX(c *Context, args [][]byte, w *resp.Writer) error {
	key, field := args[1], args[2]
	hash, found, err := c.hashForWrite(key)
	if err != nil {
		return err
	}
	look := c.fieldsOf(key, hash)
	if _, _, ok := look.get(field); ok {
		w.Int(0)
		return nil
	}
	if look.done() {
		found = false
	}
	c.DB.HashSet(key, store.NoExpiry, field, args[3])
	c.Dirty++
	c.created(key, found)
	c.Notify(NotifyHash, "hset", key)
	w.Int(1)
	return nil
}

func hGet(c *Context, args [][]byte, w *resp.Writer) error {
	hash, _, err := c.hashForRead(args[1])
	if err != nil {
		return err
	}
	look := c.fieldsOf(args[1], hash)
	if value, _, ok := look.get(args[2]); ok {
		w.Bulk(value)
	} else {
		w.Null()
	}
	look.done()
	return nil
}

func hMGet(c *Context, args [][]byte, w *resp.Writer) error {
	hash, _, err := c.hashForRead(args[1])
	if err != nil {
		return err
	}
	look := c.fieldsOf(args[1], hash)
	w.Array(len(args) - 2)
	for _, field := range args[2:] {
		if value, _, ok := look.get(field); ok {
			w.Bulk(value)
		} else {
			w.Null()
		}
	}
	look.done()
	return nil
}

func hExists(c *Context, args [][]byte, w *resp.Writer) error {
	hash, _, err := c.hashForRead(args[1])
	if err != nil {
		return err
	}
	look := c.fieldsOf(args[1], hash)
	_, _, ok := look.get(args[2])
	w.Int(oneIf(ok))
	look.done()
	return nil
}

func hStrLen(c *Context, args [][]byte, w *resp.Writer) error {
	hash, _, err := c.hashForRead(args[1])
	if err != nil {
		return err
	}
	look := c.fieldsOf(args[1], hash)
	value, _, _ := look.get(args[2])
	w.Int(int64(len(value)))
	look.done()
	return nil
}

// hLen counts fields that have expired and were not deleted yet, as Redis does: it would have to look at all of them.
func hLen(c *Context, args [][]byte, w *resp.Writer) error {
	hash, _, err := c.hashForRead(args[1])
	if err != nil {
		return err
	}
	w.Int(int64(hash.Len()))
	return nil
}

func hDel(c *Context, args [][]byte, w *resp.Writer) error {
	key := args[1]
	hash, _, err := c.hashForWrite(key)
	if err != nil {
		return err
	}
	size := hash.Len()
	removed := c.DB.HashRemove(key, args[2:]...)
	if removed > 0 {
		c.Dirty += removed
		c.tookFields("hdel", key, removed == size)
	}
	w.Int(int64(removed))
	return nil
}

// tookFields tells of fields that were removed, and of the key that went with the last of them.
func (c *Context) tookFields(event string, key []byte, all bool) {
	c.Notify(NotifyHash, event, key)
	if all {
		c.Notify(NotifyGeneric, "del", key)
	}
}

func hGetAll(c *Context, args [][]byte, w *resp.Writer) error {
	return c.writeHash(args[1], w.Map, func(field, value []byte) {
		w.Bulk(field)
		w.Bulk(value)
	})
}

func hKeys(c *Context, args [][]byte, w *resp.Writer) error {
	return c.writeHash(args[1], w.Array, func(field, _ []byte) { w.Bulk(field) })
}

func hVals(c *Context, args [][]byte, w *resp.Writer) error {
	return c.writeHash(args[1], w.Array, func(_, value []byte) { w.Bulk(value) })
}

// writeHash answers something of each field, behind a header with their number.
func (c *Context) writeHash(key []byte, header func(n int), write func(field, value []byte)) error {
	hash, _, err := c.hashForRead(key)
	if err != nil {
		return err
	}
	header(c.liveFields(hash))
	hash.Each(func(field, value []byte, at int64) bool {
		if !c.fieldExpired(at) {
			write(field, value)
		}
		return true
	})
	return nil
}
