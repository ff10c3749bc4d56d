package command

import (
	"holdfast/node/store"
	"holdfast/resp"
)

// listRows are the commands on lists.
var listRows = []Command{
	{
		Name: "blmove", Arity: 6, Flags: resp.Write | resp.DenyOOM | resp.NoScript | resp.Blocking,
		Categories: resp.CatList,
		Keys:       fromTo, Group: "list", Since: "6.2.0", Complexity: "O(1)",
		Summary: "Takes an element from one list to another, and waits until there is one.",
		Syntax:  "source destination wherefrom=(LEFT|RIGHT) whereto=(LEFT|RIGHT) timeout:double", Run: blMove,
	},
	{
		Name: "blmpop", Arity: -5, Flags: resp.Write | resp.Blocking, Categories: resp.CatList,
		Keys: keysCounted(2), Group: "list", Since: "7.0.0",
		Complexity: "O(N+M) in the number of keys and the elements answered",
		Summary:    "Takes elements from the first of several lists that has any, and waits until one has.",
		Syntax:     "timeout:double numkeys key... where=(LEFT|RIGHT) [COUNT count]", Run: blmPop,
	},
	{
		Name: "blpop", Arity: -3, Flags: resp.Write | resp.NoScript | resp.Blocking, Categories: resp.CatList,
		Keys: keysBeforeLast(resp.RW | resp.Access | resp.Delete), Group: "list", Since: "2.0.0",
		Complexity: "O(N) in the number of keys",
		Summary:    "Takes the first element of the first of several lists that has any, and waits until one has.",
		Syntax:     "key... timeout:double", Run: blPop,
	},
	{
		Name: "brpop", Arity: -3, Flags: resp.Write | resp.NoScript | resp.Blocking, Categories: resp.CatList,
		Keys: keysBeforeLast(resp.RW | resp.Access | resp.Delete), Group: "list", Since: "2.0.0",
		Complexity: "O(N) in the number of keys",
		Summary:    "Takes the last element of the first of several lists that has any, and waits until one has.",
		Syntax:     "key... timeout:double", Run: brPop,
	},
	{
		Name: "brpoplpush", Arity: 4, Flags: resp.Write | resp.DenyOOM | resp.NoScript | resp.Blocking,
		Categories: resp.CatList,
		Keys:       fromTo, Group: "list", Since: "2.2.0", Complexity: "O(1)",
		Summary:    "Takes the last element of a list to the front of another, and waits until there is one.",
		Syntax:     "source destination timeout:double",
		Deprecated: "6.2.0", ReplacedBy: "`BLMOVE` with the `RIGHT` and `LEFT` arguments", Run: brPopLPush,
	},
	{
		Name: "lindex", Arity: 3, Flags: resp.ReadOnly, Categories: resp.CatList,
		Keys: oneKey(resp.RO | resp.Access), Group: "list", Since: "1.0.0",
		Complexity: "O(N) in the distance from the nearer end",
		Summary:    "Answers the element with an index.", Syntax: "key index:integer", Run: lIndex,
	},
	{
		Name: "linsert", Arity: 5, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatList,
		Keys: oneKey(resp.RW | resp.Insert), Group: "list", Since: "2.2.0",
		Complexity: "O(N) in the elements before the pivot",
		Summary:    "Puts an element before or after another.", Syntax: "key where=(BEFORE|AFTER) pivot element",
		Run: lInsert,
	},
	{
		Name: "llen", Arity: 2, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatList,
		Keys: oneKey(resp.RO), Group: "list", Since: "1.0.0", Complexity: "O(1)",
		Summary: "Answers the length of a list.", Syntax: "key", Run: lLen,
	},
	{
		Name: "lmove", Arity: 5, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatList,
		Keys: fromTo, Group: "list", Since: "6.2.0", Complexity: "O(1)",
		Summary: "Takes an element from one list to another.",
		Syntax:  "source destination wherefrom=(LEFT|RIGHT) whereto=(LEFT|RIGHT)", Run: lMove,
	},
	{
		Name: "lmpop", Arity: -4, Flags: resp.Write, Categories: resp.CatList,
		Keys: keysCounted(1), Group: "list", Since: "7.0.0",
		Complexity: "O(N+M) in the number of keys and the elements answered",
		Summary:    "Takes elements from the first of several lists that has any.",
		Syntax:     "numkeys key... where=(LEFT|RIGHT) [COUNT count]", Run: lmPop,
	},
	{
		Name: "lpop", Arity: -2, Flags: resp.Write | resp.Fast, Categories: resp.CatList,
		Keys: oneKey(resp.RW | resp.Access | resp.Delete), Group: "list", Since: "1.0.0",
		Complexity: "O(N) in the elements answered",
		Summary:    "Takes the first elements of a list.", Syntax: "key [count]@6.2.0", Run: lPop,
	},
	{
		Name: "lpos", Arity: -3, Flags: resp.ReadOnly, Categories: resp.CatList,
		Keys: oneKey(resp.RO | resp.Access), Group: "list", Since: "6.0.6",
		Complexity: "O(N) in the length of the list",
		Summary:    "Answers where in a list an element is.",
		Syntax:     "key element [RANK rank:integer] [COUNT num-matches:integer] [MAXLEN len:integer]", Run: lPos,
	},
	{
		Name: "lpush", Arity: -3, Flags: resp.Write | resp.DenyOOM | resp.Fast, Categories: resp.CatList,
		Keys: oneKey(resp.RW | resp.Insert), Group: "list", Since: "1.0.0",
		Complexity: "O(N) in the number of elements",
		Summary:    "Puts elements at the front of a list, which is created when it is absent.",
		Syntax:     "key element...",
		Run:        lPush,
	},
	{
		Name: "lpushx", Arity: -3, Flags: resp.Write | resp.DenyOOM | resp.Fast, Categories: resp.CatList,
		Keys: oneKey(resp.RW | resp.Insert), Group: "list", Since: "2.2.0",
		Complexity: "O(N) in the number of elements",
		Summary:    "Puts elements at the front of a list that exists.", Syntax: "key element...", Run: lPushX,
	},
	{
		Name: "lrange", Arity: 4, Flags: resp.ReadOnly, Categories: resp.CatList,
		Keys: oneKey(resp.RO | resp.Access), Group: "list", Since: "1.0.0",
		Complexity: "O(S+N) in the distance of the first from the nearer end and the elements answered",
		Summary:    "Answers the elements in a range of indexes.", Syntax: "key start:integer stop:integer",
		Run: lRange,
	},
	{
		Name: "lrem", Arity: 4, Flags: resp.Write, Categories: resp.CatList,
		Keys: oneKey(resp.RW | resp.Delete), Group: "list", Since: "1.0.0",
		Complexity: "O(N+M) in the length of the list and the elements removed",
		Summary:    "Removes elements with a value.", Syntax: "key count element", Run: lRem,
	},
	{
		Name: "lset", Arity: 4, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatList,
		Keys: oneKey(resp.RW | resp.Update), Group: "list", Since: "1.0.0",
		Complexity: "O(N) in the distance from the nearer end",
		Summary:    "Replaces the element with an index.", Syntax: "key index:integer element", Run: lSet,
	},
	{
		Name: "ltrim", Arity: 4, Flags: resp.Write, Categories: resp.CatList,
		Keys: oneKey(resp.RW | resp.Delete), Group: "list", Since: "1.0.0", Complexity: "O(N) in the elements removed",
		Summary: "Removes all elements but those in a range of indexes.", Syntax: "key start:integer stop:integer",
		Run: lTrim,
	},
	{
		Name: "rpop", Arity: -2, Flags: resp.Write | resp.Fast, Categories: resp.CatList,
		Keys: oneKey(resp.RW | resp.Access | resp.Delete), Group: "list", Since: "1.0.0",
		Complexity: "O(N) in the elements answered",
		Summary:    "Takes the last elements of a list.", Syntax: "key [count]@6.2.0", Run: rPop,
	},
	{
		Name: "rpoplpush", Arity: 3, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatList,
		Keys: fromTo, Group: "list", Since: "1.2.0", Complexity: "O(1)",
		Summary: "Takes the last element of a list to the front of another.", Syntax: "source destination",
		Deprecated: "6.2.0", ReplacedBy: "`LMOVE` with the `RIGHT` and `LEFT` arguments", Run: rPopLPush,
	},
	{
		Name: "rpush", Arity: -3, Flags: resp.Write | resp.DenyOOM | resp.Fast, Categories: resp.CatList,
		Keys: oneKey(resp.RW | resp.Insert), Group: "list", Since: "1.0.0",
		Complexity: "O(N) in the number of elements",
		Summary:    "Puts elements at the end of a list, which is created when it is absent.", Syntax: "key element...",
		Run: rPush,
	},
	{
		Name: "rpushx", Arity: -3, Flags: resp.Write | resp.DenyOOM | resp.Fast, Categories: resp.CatList,
		Keys: oneKey(resp.RW | resp.Insert), Group: "list", Since: "2.2.0",
		Complexity: "O(N) in the number of elements",
		Summary:    "Puts elements at the end of a list that exists.", Syntax: "key element...", Run: rPushX,
	},
}

// fromTo are the keys of a command that takes an element from one list to another.
var fromTo = []resp.KeySpec{
	{First: 1, Last: 1, Flags: resp.RW | resp.Access | resp.Delete},
	{First: 2, Last: 2, Flags: resp.RW | resp.Insert},
}

// keysCounted is the spec of a command that pops from keys, the number of which is argument at.
func keysCounted(at int) []resp.KeySpec {
	return []resp.KeySpec{{First: at, KeyNum: &resp.KeyNum{Index: 0, First: 1, Step: 1},
		Flags: resp.RW | resp.Access | resp.Delete}}
}

// keysBeforeLast is the spec of a command whose last argument alone is no key.
func keysBeforeLast(flags resp.KeyFlag) []resp.KeySpec {
	return []resp.KeySpec{{First: 1, Last: -2, Flags: flags}}
}

// listForRead is Read for a command on lists: ErrWrongType for another type.
func (c *Context) listForRead(key []byte) (it store.Item, found bool, err error) {
	found, err = c.readAs(store.TypeList, key, &it)
	return it, found, err
}

// listForWrite is Write for a command on lists.
func (c *Context) listForWrite(key []byte) (it store.Item, found bool, err error) {
	found, err = c.writeAs(store.TypeList, key, &it)
	return it, found, err
}

// listEnd is an end of a list.
type listEnd bool

const (
	left  listEnd = true
	right listEnd = false
)

func parseEnd(arg []byte) (listEnd, error) {
	switch {
	case isWord(arg, "left"):
		return left, nil
	case isWord(arg, "right"):
		return right, nil
	}
	return right, ErrSyntax
}

func (e listEnd) String() string {
	if e == left {
		return "left"
	}
	return "right"
}

// pop and push are the commands, and the events, that take from this end and add to it.
func (e listEnd) pop() string {
	if e == left {
		return "lpop"
	}
	return "rpop"
}

func (e listEnd) push() string {
	if e == left {
		return "lpush"
	}
	return "rpush"
}

// index is that of the element at the end.
func (e listEnd) index(it *store.Item) int {
	if e == left {
		return 0
	}
	return it.ListLen() - 1
}

// write answers n elements of a list, beginning with the one at the end.
func (e listEnd) write(w *resp.Writer, it *store.Item, n int) {
	from := e.index(it)
	if n == 1 {
		var number [20]byte
		w.Bulk(it.ListIndex(from, number[:]))
		return
	}
	it.ListEach(from, n, e == right, func(val []byte) bool {
		w.Bulk(val)
		return true
	})
}

// drop removes n elements from the end of the list that was found at the key.
func (c *Context) drop(key []byte, it *store.Item, e listEnd, n int) (left int) {
	if e == right {
		return c.DB.ListDropFrom(it, key, 0, n)
	}
	return c.DB.ListDropFrom(it, key, n, 0)
}

func lPush(c *Context, args [][]byte, w *resp.Writer) error  { return push(c, args, w, left, false) }
func rPush(c *Context, args [][]byte, w *resp.Writer) error  { return push(c, args, w, right, false) }
func lPushX(c *Context, args [][]byte, w *resp.Writer) error { return push(c, args, w, left, true) }
func rPushX(c *Context, args [][]byte, w *resp.Writer) error { return push(c, args, w, right, true) }

func push(c *Context, args [][]byte, w *resp.Writer, e listEnd, onlyExisting bool) error {
	key := args[1]
	it, found, err := c.listForWrite(key)
	if err != nil {
		return err
	}
	if !found && onlyExisting {
		w.Int(0)
		return nil
	}
	n := c.DB.ListPushTo(&it, key, args[2:], e == left)
	c.pushed(key, found, e)
	c.Dirty += len(args) - 2
	w.Int(int64(n))
	return nil
}

// pushed tells of elements that were added to a list, or to a new one.
func (c *Context) pushed(key []byte, found bool, e listEnd) {
	if !found {
		c.Notify(NotifyNew, "new", key)
	}
	c.Notify(NotifyList, e.push(), key)
}

func lPop(c *Context, args [][]byte, w *resp.Writer) error { return pop(c, args, w, left) }
func rPop(c *Context, args [][]byte, w *resp.Writer) error { return pop(c, args, w, right) }

func pop(c *Context, args [][]byte, w *resp.Writer, e listEnd) error {
	count := int64(-1)
	switch {
	case len(args) > 3:
		return c.wrongArity()
	case len(args) == 3:
		var ok bool
		if count, ok = resp.ParseInt(args[2]); !ok || count < 0 {
			return ErrNotPositive
		}
	}
	it, found, err := c.listForWrite(args[1])
	switch {
	case err != nil:
		return err
	case !found && count < 0:
		w.Null()
	case !found:
		w.NullArray()
	case count < 0:
		e.write(w, &it, 1)
		c.popped(args[1], &it, e, 1)
	default:
		n := int(min(count, int64(it.ListLen())))
		w.Array(n)
		e.write(w, &it, n)
		if n > 0 {
			c.popped(args[1], &it, e, n)
		}
	}
	return nil
}

// popped removes elements that were answered from the list that was found at the key.
func (c *Context) popped(key []byte, it *store.Item, e listEnd, n int) {
	rest := c.drop(key, it, e, n)
	c.Dirty += n
	c.Notify(NotifyList, e.pop(), key)
	c.deletedIfEmpty(key, rest)
}

// deletedIfEmpty tells that a collection has gone with its last element.
func (c *Context) deletedIfEmpty(key []byte, rest int) {
	if rest == 0 {
		c.Notify(NotifyGeneric, "del", key)
	}
}
