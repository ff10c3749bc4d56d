package command

import (
	"math"

	"holdfast/node/store"
	"holdfast/resp"
)

// fewSets is up to how many sets a union looks for a member in those before, instead of putting all in a set of their
// own.
const fewSets = 4

// setsForRead are the sets at keys, empty ones for those that are absent. The first is that of the first key; of the
// others only one is absent, and those that are named again and again are there once, mostly.
func (c *Context) setsForRead(keys [][]byte) (sets []store.Set, err error) {
	var again *repeats
	absent := false
	begin := func() {
		sets, absent, again = make([]store.Set, 0, min(len(keys), 256)), false, nil
		if len(keys) > fewNames {
			again = new(repeats)
		}
	}
	err = c.readEach(keys, begin, func(i int, it *store.Item, found bool) error {
		if err := mustBe(it, found, store.TypeSet); err != nil {
			return err
		}
		if i > 0 {
			if absent && !found || again != nil && again.before(keys, i) >= 0 {
				return nil
			}
			absent = absent || !found
		}
		sets = append(sets, it.Set())
		return nil
	})
	return sets, err
}

// fewNames are not looked through for those that are the same.
const fewNames = 16

// sInter is SINTER, and SMEMBERS.
func sInter(c *Context, args [][]byte, w *resp.Writer) error {
	sets, err := c.setsForRead(args[1:])
	if err != nil {
		return err
	}
	list, n := w.SetLater(), 0
	store.SetInter(sets, func(m []byte) bool {
		w.Bulk(m)
		n++
		return true
	})
	w.SetLen(list, n)
	return nil
}

func sUnion(c *Context, args [][]byte, w *resp.Writer) error {
	sets, err := c.setsForRead(args[1:])
	if err != nil {
		return err
	}
	if len(sets) > fewSets {
		writeSet(w, c.unionOf(sets))
		return nil
	}
	list, n := w.SetLater(), 0
	store.SetUnion(sets, func(m []byte) {
		w.Bulk(m)
		n++
	})
	w.SetLen(list, n)
	return nil
}

func sDiff(c *Context, args [][]byte, w *resp.Writer) error {
	sets, err := c.setsForRead(args[1:])
	if err != nil {
		return err
	}
	if !store.DiffByLookup(sets) {
		writeSet(w, c.diffOf(sets))
		return nil
	}
	list, n := w.SetLater(), 0
	store.SetDiff(sets, func(m []byte) {
		w.Bulk(m)
		n++
	})
	w.SetLen(list, n)
	return nil
}

func writeSet(w *resp.Writer, b *store.SetBuilder) {
	w.Set(b.Len())
	b.Each(func(m []byte) bool { w.Bulk(m); return true })
}

func (c *Context) unionOf(sets []store.Set) *store.SetBuilder {
	b := c.Store.NewSet()
	for _, s := range sets {
		b.AddAll(s)
	}
	return b
}

func (c *Context) diffOf(sets []store.Set) *store.SetBuilder {
	b := c.Store.NewSet()
	if store.DiffByLookup(sets) {
		store.SetDiff(sets, func(m []byte) { b.Add(m) })
		return b
	}
	b.AddAll(sets[0])
	for _, s := range sets[1:] {
		b.RemoveAll(s)
	}
	return b
}

func (c *Context) interOf(sets []store.Set) *store.SetBuilder {
	b := c.Store.NewSet()
	store.SetInter(sets, func(m []byte) bool { b.Add(m); return true })
	return b
}

func sInterStore(c *Context, args [][]byte, w *resp.Writer) error {
	return c.storeSet(args, c.interOf, "sinterstore", w)
}

func sUnionStore(c *Context, args [][]byte, w *resp.Writer) error {
	return c.storeSet(args, c.unionOf, "sunionstore", w)
}

func sDiffStore(c *Context, args [][]byte, w *resp.Writer) error {
	return c.storeSet(args, c.diffOf, "sdiffstore", w)
}

// storeSet puts what is made of the sets in place of whatever the first key holds; an empty result deletes it.
func (c *Context) storeSet(args [][]byte, combine func([]store.Set) *store.SetBuilder, event string,
	w *resp.Writer) error {
	sets, err := c.setsForRead(args[2:])
	if err != nil {
		return err
	}
	key, result := args[1], combine(sets)
	n := result.Len()
	if n > 0 {
		_, found := c.Find(key)
		c.DB.SetStore(key, result)
		c.Dirty++
		c.created(key, found)
		c.Notify(NotifySet, event, key)
	} else {
		c.storeNothing(key)
	}
	w.Int(int64(n))
	return nil
}

func sInterCard(c *Context, args [][]byte, w *resp.Writer) error {
	n, ok := resp.ParseInt(args[1])
	if !ok || n < 1 {
		return resp.Error("ERR numkeys should be greater than 0")
	}
	if n > int64(len(args)-2) {
		return resp.Error("ERR Number of keys can't be greater than number of args")
	}
	keys, options := args[2:2+n], args[2+n:]
	limit := 0
	for ; len(options) > 0; options = options[2:] {
		if len(options) < 2 || !isWord(options[0], "limit") {
			return ErrSyntax
		}
		l, ok := resp.ParseInt(options[1])
		if !ok || l < 0 {
			return resp.Error("ERR LIMIT can't be negative")
		}
		limit = int(l)
	}
	if limit == 0 {
		limit = math.MaxInt
	}
	sets, err := c.setsForRead(keys)
	if err != nil {
		return err
	}
	count := 0
	store.SetInter(sets, func([]byte) bool {
		count++
		return count < limit
	})
	w.Int(int64(count))
	return nil
}
