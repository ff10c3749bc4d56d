package command

import (
	"bytes"
	"math"

	"holdfast/node/config"
	"holdfast/node/store"
	"holdfast/resp"
)

// keyRows are the commands on keys of any type, and on databases.
var keyRows = []Command{
	{
		Name: "del", Arity: -2, Flags: resp.Write, Categories: resp.CatKeyspace, Keys: manyKeys(1, resp.RM|resp.Delete),
		Group: "generic", Since: "1.0.0", Complexity: "O(N) in the number of keys and of their elements",
		Summary: "Deletes keys.", Syntax: "key...",
		Tips: []string{"request_policy:multi_shard", "response_policy:agg_sum"}, Run: del,
	},
	{
		Name: "unlink", Arity: -2, Flags: resp.Write | resp.Fast, Categories: resp.CatKeyspace,
		Keys:  manyKeys(1, resp.RM|resp.Delete),
		Group: "generic", Since: "4.0.0", Complexity: "O(1) for each key, and O(N) in their elements in the background",
		Summary: "Deletes keys; what they held is given back in the background.", Syntax: "key...",
		Tips: []string{"request_policy:multi_shard", "response_policy:agg_sum"}, Run: del,
	},
	{
		Name: "exists", Arity: -2, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatKeyspace,
		Keys:  manyKeys(1, resp.RO),
		Group: "generic", Since: "1.0.0", Complexity: "O(N) in the number of keys",
		Summary: "Counts keys that are there.",
		Syntax:  "key...", History: [][2]string{{"3.0.3", "Several keys."}},
		Tips: []string{"request_policy:multi_shard", "response_policy:agg_sum"}, Run: exists,
	},
	{
		Name: "type", Arity: 2, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatKeyspace, Keys: oneKey(resp.RO),
		Group: "generic", Since: "1.0.0", Complexity: "O(1)", Summary: "Answers what kind of value a key holds.",
		Syntax: "key", Run: typeOf,
	},
	{
		Name: "rename", Arity: 3, Flags: resp.Write, Categories: resp.CatKeyspace,
		Keys: twoKeys(resp.RW|resp.Access|resp.Delete, resp.OW|resp.Update), Group: "generic", Since: "1.0.0",
		Complexity: "O(1)", Summary: "Gives a key another name.", Syntax: "key newkey:key#1", Run: rename,
	},
	{
		Name: "renamenx", Arity: 3, Flags: resp.Write | resp.Fast, Categories: resp.CatKeyspace,
		Keys: twoKeys(resp.RW|resp.Access|resp.Delete, resp.OW|resp.Insert), Group: "generic", Since: "1.0.0",
		Complexity: "O(1)", Summary: "Gives a key another name unless that is taken.", Syntax: "key newkey:key#1",
		History: [][2]string{{"3.2.0", "The same name twice is no error any more."}}, Run: renameNX,
	},
	{
		Name: "copy", Arity: -3, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatKeyspace,
		Keys: twoKeys(resp.RO|resp.Access, resp.OW|resp.Update), Group: "generic", Since: "6.2.0",
		Complexity: "O(N) in the number of elements", Summary: "Copies a key.",
		Syntax: "source:key destination:key#1 [DB destination-db:integer] [REPLACE]", Run: copyKey,
	},
	{
		Name: "keys", Arity: 2, Flags: resp.ReadOnly, Categories: resp.CatKeyspace | resp.CatDangerous,
		Group: "generic", Since: "1.0.0", Complexity: "O(N) in the number of keys in the database",
		Summary: "Answers all keys that match a pattern.", Syntax: "pattern",
		Tips: []string{"request_policy:all_shards", "nondeterministic_output_order"}, Run: keys,
	},
	{
		Name: "scan", Arity: -2, Flags: resp.ReadOnly | resp.TouchesArbitraryKeys, Categories: resp.CatKeyspace,
		Group: "generic", Since: "2.8.0", Complexity: "O(1) for a call, O(N) for all keys",
		Summary: "Answers some keys, and where to go on.",
		Syntax:  "cursor [MATCH pattern] [COUNT count] [TYPE type]@6.0.0",
		History: [][2]string{{"6.0.0", "`TYPE`."}},
		Tips:    []string{"nondeterministic_output", "request_policy:special"}, Run: scan,
	},
	{
		Name: "randomkey", Arity: 1, Flags: resp.ReadOnly | resp.TouchesArbitraryKeys, Categories: resp.CatKeyspace,
		Group: "generic", Since: "1.0.0", Complexity: "O(1)", Summary: "Answers some key.",
		Tips: []string{"request_policy:all_shards", "nondeterministic_output"}, Run: randomKey,
	},
	{
		Name: "dbsize", Arity: 1, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatKeyspace,
		Group: "server", Since: "1.0.0", Complexity: "O(1)", Summary: "Counts the keys of the database.",
		Tips: []string{"request_policy:all_shards", "response_policy:agg_sum"}, Run: dbSize,
	},
	flushRow("flushdb", "Deletes all keys of the database.", flushDB),
	flushRow("flushall", "Deletes all keys of all databases.", flushAll),
	{
		Name: "select", Arity: 2, Flags: resp.Loading | resp.Stale | resp.Fast, Categories: resp.CatConnection,
		Group: "connection", Since: "1.0.0", Complexity: "O(1)", Summary: "Chooses the connection's database.",
		Syntax: "index:integer", Run: selectDB,
	},
	{
		Name: "move", Arity: 3, Flags: resp.Write | resp.Fast, Categories: resp.CatKeyspace,
		Keys: oneKey(resp.RW | resp.Access | resp.Update), Group: "generic", Since: "1.0.0", Complexity: "O(1)",
		Summary: "Moves a key to another database.", Syntax: "key db:integer", Run: move,
	},
	{
		Name: "swapdb", Arity: 3, Flags: resp.Write | resp.Fast, Categories: resp.CatKeyspace | resp.CatDangerous,
		Group: "server", Since: "4.0.0",
		Complexity: "O(N) in the number of clients that watch keys of the two databases",
		Summary:    "Exchanges two databases.", Syntax: "index1:integer index2:integer", Run: swapDB,
	},
	{
		Name: "touch", Arity: -2, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatKeyspace,
		Keys:  manyKeys(1, resp.RO),
		Group: "generic", Since: "3.2.1", Complexity: "O(N) in the number of keys",
		Summary: "Marks keys as just used, and counts those that are there.", Syntax: "key...",
		Tips: []string{"request_policy:multi_shard", "response_policy:agg_sum"}, Run: touch,
	},
	objectRow,
}

func flushRow(name, summary string, run func(*Context, [][]byte, *resp.Writer) error) Command {
	return Command{
		Name: name, Arity: -1, Flags: resp.Write, Categories: resp.CatKeyspace | resp.CatDangerous,
		Group: "server", Since: "1.0.0", Complexity: "O(N) in the number of keys", Summary: summary,
		Syntax:  "async=[ASYNC@4.0.0|SYNC@6.2.0]",
		History: [][2]string{{"4.0.0", "`ASYNC`."}, {"6.2.0", "`SYNC`."}},
		Tips:    []string{"request_policy:all_shards", "response_policy:all_succeeded"}, Run: run,
	}
}

// twoKeys is the spec of a command whose first two arguments are keys that it treats differently.
func twoKeys(first, second resp.KeyFlag) []resp.KeySpec {
	return []resp.KeySpec{{First: 1, Last: 1, Flags: first}, {First: 2, Last: 2, Flags: second}}
}

func del(c *Context, args [][]byte, w *resp.Writer) error {
	n := 0
	for i, key := range args[1:] {
		if i%store.WarmKeys == 0 {
			c.warm(args[1+i:], 1)
		}
		if _, found := c.Find(key); found && c.DB.Delete(key) {
			n++
			c.Notify(NotifyGeneric, "del", key)
		}
	}
	c.Dirty += n
	w.Int(int64(n))
	return nil
}

// storeNothing deletes what a key holds, since the result that would replace it is empty. Whether its time has passed
// makes no difference, not even to the event.
func (c *Context) storeNothing(key []byte) {
	if c.DB.Delete(key) {
		c.Dirty++
		c.Notify(NotifyGeneric, "del", key)
	}
}

func exists(c *Context, args [][]byte, w *resp.Writer) error {
	n := 0
	for i, key := range args[1:] {
		if i%store.WarmKeys == 0 {
			c.warm(args[1+i:], 1)
		}
		if _, found := c.peek(key); found {
			n++
		}
	}
	w.Int(int64(n))
	return nil
}

func touch(c *Context, args [][]byte, w *resp.Writer) error {
	n := 0
	for i, key := range args[1:] {
		if i%store.WarmKeys == 0 {
			c.warm(args[1+i:], 1)
		}
		if _, found := c.Read(key); found {
			n++
		}
	}
	w.Int(int64(n))
	return nil
}

func typeOf(c *Context, args [][]byte, w *resp.Writer) error {
	if it, found := c.peek(args[1]); found {
		w.Simple(it.Type().String())
	} else {
		w.Simple("none")
	}
	return nil
}

func rename(c *Context, args [][]byte, w *resp.Writer) error {
	if _, err := renameKey(c, args[1], args[2], true); err != nil {
		return err
	}
	w.OK()
	return nil
}

func renameNX(c *Context, args [][]byte, w *resp.Writer) error {
	done, err := renameKey(c, args[1], args[2], false)
	if err != nil {
		return err
	}
	if done {
		w.Int(1)
	} else {
		w.Int(0)
	}
	return nil
}

func renameKey(c *Context, from, to []byte, replace bool) (done bool, err error) {
	if _, found := c.Write(from); !found {
		return false, ErrNoSuchKey
	}
	if bytes.Equal(from, to) {
		return false, nil
	}
	if _, taken := c.Find(to); taken && !replace {
		return false, nil
	}
	c.DB.Rename(from, to)
	c.Dirty++
	c.created(to, false) // as for Redis: what was there is deleted first
	c.Notify(NotifyGeneric, "rename_from", from)
	c.Notify(NotifyGeneric, "rename_to", to)
	return true, nil
}

// dbArgument reads the number of a database; text replaces the reply for what isn't a number.
func (c *Context) dbArgument(arg []byte, text resp.Error) (int, error) {
	n, ok := resp.ParseInt(arg)
	inRange := ok && n >= math.MinInt32 && n <= math.MaxInt32
	switch {
	case !inRange && text != "":
		return 0, text
	case !ok:
		return 0, ErrNotInteger
	case !inRange:
		return 0, resp.Error("ERR value is out of range, value must between -2147483648 and 2147483647")
	case n < 0 || n >= int64(c.Store.Databases()):
		return 0, ErrDBIndex
	}
	return int(n), nil
}

func selectDB(c *Context, args [][]byte, w *resp.Writer) error {
	i, err := c.dbArgument(args[1], "")
	if err != nil {
		return err
	}
	c.Select(i)
	w.OK()
	return nil
}

// lookIn looks a key up in another database than the session's. The reply will tell of it, so it waits for that key's
// last change as well.
func (c *Context) lookIn(db *store.DB, key []byte) bool {
	c.gate = max(c.gate, c.Engine.LastChange(db.Index(), key))
	_, found := c.FindIn(db, key)
	return found
}

// notifyIn is Notify for a key of another database.
func (c *Context) notifyIn(db *store.DB, class config.NotifyFlags, event string, key []byte) {
	own := c.DB
	c.DB = db
	c.Notify(class, event, key)
	c.DB = own
}

func move(c *Context, args [][]byte, w *resp.Writer) error {
	key := args[1]
	i, err := c.dbArgument(args[2], "")
	if err != nil {
		return err
	}
	dst := c.Store.DB(i)
	if dst == c.DB {
		return ErrSameObject
	}
	if _, found := c.Write(key); !found || c.lookIn(dst, key) {
		w.Int(0)
		return nil
	}
	c.DB.MoveTo(dst, key)
	c.Dirty++
	c.notifyIn(dst, NotifyNew, "new", key)
	c.Notify(NotifyGeneric, "move_from", key)
	c.notifyIn(dst, NotifyGeneric, "move_to", key)
	w.Int(1)
	return nil
}

func copyKey(c *Context, args [][]byte, w *resp.Writer) error {
	from, to := args[1], args[2]
	dst, replace := c.DB, false
	for i := 3; i < len(args); i++ {
		switch {
		case isWord(args[i], "replace"):
			replace = true
		case isWord(args[i], "db") && i+1 < len(args):
			i++
			n, err := c.dbArgument(args[i], "")
			if err != nil {
				return err
			}
			dst = c.Store.DB(n)
		default:
			return ErrSyntax
		}
	}
	if dst == c.DB && bytes.Equal(from, to) {
		return ErrSameObject
	}
	if _, found := c.Read(from); !found {
		w.Int(0)
		return nil
	}
	if c.lookIn(dst, to) && !replace {
		w.Int(0)
		return nil
	}
	c.DB.CopyTo(dst, from, to)
	c.Dirty++
	c.notifyIn(dst, NotifyNew, "new", to)
	c.notifyIn(dst, NotifyGeneric, "copy_to", to)
	w.Int(1)
	return nil
}

func swapDB(c *Context, args [][]byte, w *resp.Writer) error {
	// Both numbers are read before either is compared with the number of databases.
	i, errI := c.dbArgument(args[1], "ERR invalid first DB index")
	j, errJ := c.dbArgument(args[2], "ERR invalid second DB index")
	if errI != nil && errI != ErrDBIndex {
		return errI
	}
	if errJ != nil {
		return errJ
	}
	if errI != nil {
		return errI
	}
	if i != j {
		c.watchersOfAll(i, c.Store.DB(j))
		c.watchersOfAll(j, c.Store.DB(i))
		c.Store.SwapDB(i, j)
		c.Tracking.Flushed()
	}
	c.Dirty++
	w.OK()
	return nil
}

// flushMode checks the option of FLUSHDB and FLUSHALL. Freeing happens at the same speed either way.
func flushMode(args [][]byte) error {
	if len(args) == 1 || len(args) == 2 && (isWord(args[1], "sync") || isWord(args[1], "async")) {
		return nil
	}
	return ErrSyntax
}

func flushDB(c *Context, args [][]byte, w *resp.Writer) error {
	if err := flushMode(args); err != nil {
		return err
	}
	c.flush(c.DB)
	c.Tracking.Flushed()
	c.Replicate(args...) // also when there was nothing to delete
	w.OK()
	return nil
}

func flushAll(c *Context, args [][]byte, w *resp.Writer) error {
	if err := flushMode(args); err != nil {
		return err
	}
	for i := range c.Store.Databases() {
		c.flush(c.Store.DB(i))
	}
	c.Tracking.Flushed()
	c.Replicate(args...)
	w.OK()
	return nil
}

func (c *Context) flush(db *store.DB) {
	c.watchersOfAll(db.Index(), nil)
	if n := db.Len(); n > 0 {
		c.Dirty += n
		db.Flush()
	}
}
