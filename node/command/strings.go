package command

import (
	"bytes"
	"strconv"

	"holdfast/internal/bulk"
	"holdfast/node/store"
	"holdfast/resp"
)

// stringRows are the commands on strings.
var stringRows = []Command{
	{
		Name: "append", Arity: 3, Flags: resp.Write | resp.DenyOOM | resp.Fast, Categories: resp.CatString,
		Keys: oneKey(resp.RW | resp.Insert), Group: "string", Since: "2.0.0", Complexity: "O(1) amortized",
		Summary: "Adds to the end of a string, which is created when it is absent.", Syntax: "key value",
		Run: appendString,
	},
	{
		Name: "decr", Arity: 2, Flags: resp.Write | resp.DenyOOM | resp.Fast, Categories: resp.CatString,
		Keys: oneKey(resp.RW | resp.Access | resp.Update), Group: "string", Since: "1.0.0", Complexity: "O(1)",
		Summary: "Takes one from an integer.", Syntax: "key", Run: decr,
	},
	{
		Name: "decrby", Arity: 3, Flags: resp.Write | resp.DenyOOM | resp.Fast, Categories: resp.CatString,
		Keys: oneKey(resp.RW | resp.Access | resp.Update), Group: "string", Since: "1.0.0", Complexity: "O(1)",
		Summary: "Takes a number from an integer.", Syntax: "key decrement", Run: decrBy,
	},
	{
		Name: "get", Arity: 2, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatString,
		Keys: oneKey(resp.RO | resp.Access), Group: "string", Since: "1.0.0", Complexity: "O(1)",
		Summary: "Answers a string.", Syntax: "key", Run: get,
	},
	{
		Name: "getdel", Arity: 2, Flags: resp.Write | resp.Fast, Categories: resp.CatString,
		Keys: oneKey(resp.RW | resp.Access | resp.Delete), Group: "string", Since: "6.2.0", Complexity: "O(1)",
		Summary: "Answers a string and deletes it.", Syntax: "key", Run: getDel,
	},
	{
		Name: "getex", Arity: -2, Flags: resp.Write | resp.Fast, Categories: resp.CatString,
		Keys: []resp.KeySpec{{First: 1, Last: 1, Flags: resp.RW | resp.Access | resp.Update,
			Notes: "RW and UPDATE because it changes the TTL"}},
		Group: "string", Since: "6.2.0", Complexity: "O(1)", Summary: "Answers a string and changes its expiry.",
		Syntax: "key expiration=[EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT " +
			"unix-time-milliseconds|PERSIST]", Run: getEx,
	},
	{
		Name: "getrange", Arity: 4, Flags: resp.ReadOnly, Categories: resp.CatString,
		Keys: oneKey(resp.RO | resp.Access), Group: "string", Since: "2.4.0",
		Complexity: "O(N) in the length of the reply",
		Summary:    "Answers a part of a string.", Syntax: "key start:integer end:integer", Run: getRange,
	},
	{
		Name: "getset", Arity: 3, Flags: resp.Write | resp.DenyOOM | resp.Fast, Categories: resp.CatString,
		Keys: oneKey(resp.RW | resp.Access | resp.Update), Group: "string", Since: "1.0.0", Complexity: "O(1)",
		Summary: "Sets a string and answers what it was before.", Syntax: "key value",
		Deprecated: "6.2.0", ReplacedBy: "`SET` with the `!GET` argument", Run: getSet,
	},
	{
		Name: "incr", Arity: 2, Flags: resp.Write | resp.DenyOOM | resp.Fast, Categories: resp.CatString,
		Keys: oneKey(resp.RW | resp.Access | resp.Update), Group: "string", Since: "1.0.0", Complexity: "O(1)",
		Summary: "Adds one to an integer.", Syntax: "key", Run: incr,
	},
	{
		Name: "incrby", Arity: 3, Flags: resp.Write | resp.DenyOOM | resp.Fast, Categories: resp.CatString,
		Keys: oneKey(resp.RW | resp.Access | resp.Update), Group: "string", Since: "1.0.0", Complexity: "O(1)",
		Summary: "Adds a number to an integer.", Syntax: "key increment", Run: incrBy,
	},
	{
		Name: "incrbyfloat", Arity: 3, Flags: resp.Write | resp.DenyOOM | resp.Fast, Categories: resp.CatString,
		Keys: oneKey(resp.RW | resp.Access | resp.Update), Group: "string", Since: "2.6.0", Complexity: "O(1)",
		Summary: "Adds a number to a decimal fraction.", Syntax: "key increment:double", Run: incrByFloat,
	},
	{
		Name: "lcs", Arity: -3, Flags: resp.ReadOnly, Categories: resp.CatString,
		Keys:  []resp.KeySpec{{First: 1, Last: 2, Flags: resp.RO | resp.Access}},
		Group: "string", Since: "7.0.0", Complexity: "O(N*M) in the lengths of the two strings",
		Summary: "Answers what two strings have in common, in order.",
		Syntax:  "key1:key key2:key#0 [LEN] [IDX] [MINMATCHLEN len:integer] [WITHMATCHLEN]", Run: lcs,
	},
	{
		Name: "mget", Arity: -2, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatString,
		Keys: manyKeys(1, resp.RO|resp.Access), Group: "string", Since: "1.0.0",
		Complexity: "O(N) in the number of keys",
		Summary:    "Answers several strings.", Syntax: "key...", Tips: []string{"request_policy:multi_shard"},
		Run: mget,
	},
	{
		Name: "mset", Arity: -3, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatString,
		Keys: manyKeys(2, resp.OW|resp.Update), Group: "string", Since: "1.0.1",
		Complexity: "O(N) in the number of keys",
		Summary:    "Sets several strings.", Syntax: "(key value)...",
		Tips: []string{"request_policy:multi_shard", "response_policy:all_succeeded"}, Run: mset,
	},
	{
		Name: "msetnx", Arity: -3, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatString,
		Keys: manyKeys(2, resp.OW|resp.Insert), Group: "string", Since: "1.0.1",
		Complexity: "O(N) in the number of keys",
		Summary:    "Sets several strings unless one of the keys is taken.", Syntax: "(key value)...",
		Tips: []string{"request_policy:multi_shard", "response_policy:agg_min"}, Run: msetNX,
	},
	{
		Name: "psetex", Arity: 4, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatString,
		Keys: oneKey(resp.OW | resp.Update), Group: "string", Since: "2.6.0", Complexity: "O(1)",
		Summary: "Sets a string that expires after milliseconds.", Syntax: "key milliseconds value", Run: psetEx,
	},
	{
		Name: "set", Arity: -3, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatString,
		Keys: []resp.KeySpec{{
			First: 1, Last: 1, Flags: resp.RW | resp.Access | resp.Update | resp.VariableFlags, FlagsOf: setKeyFlags,
			Notes: "RW and ACCESS due to the optional `GET` argument",
		}},
		Group: "string", Since: "1.0.0", Complexity: "O(1)", Summary: "Sets a string, whatever the key held before.",
		Syntax: "key value condition=[NX|XX]@2.6.12 [GET]@6.2.0 expiration=[EX seconds@2.6.12|PX milliseconds@2.6.12|" +
			"EXAT unix-time-seconds@6.2.0|PXAT unix-time-milliseconds@6.2.0|KEEPTTL@6.0.0]",
		History: [][2]string{
			{"2.6.12", "`EX`, `PX`, `NX` and `XX`."},
			{"6.0.0", "`KEEPTTL`."},
			{"6.2.0", "`GET`, `EXAT` and `PXAT`."},
			{"7.0.0", "`NX` and `GET` together."},
		},
		Run: set,
	},
	{
		Name: "setex", Arity: 4, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatString,
		Keys: oneKey(resp.OW | resp.Update), Group: "string", Since: "2.0.0", Complexity: "O(1)",
		Summary: "Sets a string that expires after seconds.", Syntax: "key seconds value", Run: setEx,
	},
	{
		Name: "setnx", Arity: 3, Flags: resp.Write | resp.DenyOOM | resp.Fast, Categories: resp.CatString,
		Keys: oneKey(resp.OW | resp.Insert), Group: "string", Since: "1.0.0", Complexity: "O(1)",
		Summary: "Sets a string unless the key is taken.", Syntax: "key value", Run: setNX,
	},
	{
		Name: "setrange", Arity: 4, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatString,
		Keys: oneKey(resp.RW | resp.Update), Group: "string", Since: "2.2.0",
		Complexity: "O(M) in the length of the value",
		Summary:    "Overwrites a part of a string, which is filled up with zero bytes when it is too short.",
		Syntax:     "key offset value", Run: setRange,
	},
	{
		Name: "strlen", Arity: 2, Flags: resp.ReadOnly | resp.Fast, Categories: resp.CatString,
		Keys: oneKey(resp.RO), Group: "string", Since: "2.2.0", Complexity: "O(1)",
		Summary: "Answers the length of a string.", Syntax: "key", Run: strLen,
	},
	{
		Name: "substr", Arity: 4, Flags: resp.ReadOnly, Categories: resp.CatString,
		Keys: oneKey(resp.RO | resp.Access), Group: "string", Since: "1.0.0",
		Complexity: "O(N) in the length of the reply",
		Summary:    "Answers a part of a string.", Syntax: "key start:integer end:integer",
		Deprecated: "2.0.0", ReplacedBy: "`GETRANGE`", Run: getRange,
	},
}

// oneKey is the spec of a command with one key, its first argument.
func oneKey(flags resp.KeyFlag) []resp.KeySpec {
	return []resp.KeySpec{{First: 1, Last: 1, Flags: flags}}
}

// manyKeys is the spec of a command with keys in every step-th argument to the end.
func manyKeys(step int, flags resp.KeyFlag) []resp.KeySpec {
	return []resp.KeySpec{{First: 1, Last: -1, Step: step, Flags: flags}}
}

func isWord(arg []byte, word string) bool { return resp.IsWord(arg, word) }

// decimal is n as an argument of an effect.
func decimal(n int64) []byte { return strconv.AppendInt(make([]byte, 0, 20), n, 10) }

// Words of effects.
var (
	wordSet       = []byte("SET")
	wordPXAT      = []byte("PXAT")
	wordKeepTTL   = []byte("KEEPTTL")
	wordSetRange  = []byte("SETRANGE")
	wordDel       = []byte("DEL")
	wordZAdd      = []byte("ZADD")
	wordGeoAdd    = []byte("zadd") // as Redis has it
	wordUnlink    = []byte("UNLINK")
	wordPersist   = []byte("PERSIST")
	wordPExpireAt = []byte("PEXPIREAT")
)

// put stores a string, and tells of a key that wasn't there.
func (c *Context) put(key, val []byte, enc store.Encoding, expireAt int64, found bool) {
	if len(val) < largeValue || c.InExec || c.Input == nil || !c.Input.Give(val) {
		c.putSmall(key, val, enc, expireAt, found)
		return
	}
	c.DB.TakeString(key, val, enc, expireAt)
	c.Dirty++
	c.created(key, found)
}

// putSmall is put of a value that is copied in any case, so that it may lie on the caller's stack.
func (c *Context) putSmall(key, val []byte, enc store.Encoding, expireAt int64, found bool) {
	c.DB.SetString(key, val, enc, expireAt)
	c.Dirty++
	c.created(key, found)
}

// largeValue is from how many bytes on a value is taken over, where that is possible, not copied.
const largeValue = 1 << 20

// created tells of a key that wasn't there before the command.
func (c *Context) created(key []byte, found bool) {
	if !found {
		c.Notify(NotifyNew, "new", key)
	}
}

func get(c *Context, args [][]byte, w *resp.Writer) error {
	it, ok, err := c.StringForRead(args[1])
	switch {
	case err != nil:
		return err
	case ok:
		w.Bulk(it.Bytes())
	default:
		w.Null()
	}
	return nil
}

func mget(c *Context, args [][]byte, w *resp.Writer) error {
	w.Array(len(args) - 1)
	for i, key := range args[1:] {
		if i%store.WarmKeys == 0 {
			c.warm(args[1+i:], 1)
		}
		if it, ok := c.Read(key); ok && it.Type() == store.TypeString {
			w.Bulk(it.Bytes())
		} else {
			w.Null()
		}
	}
	return nil
}

func getDel(c *Context, args [][]byte, w *resp.Writer) error {
	key := args[1]
	it, ok, err := c.StringForRead(key)
	if err != nil {
		return err
	}
	if !ok {
		w.Null()
		return nil
	}
	w.Bulk(it.Bytes())
	c.DB.Delete(key)
	c.Dirty++
	c.Replicate(deleteWord(c.Config.LazyfreeLazyUserDel()), key)
	c.Notify(NotifyGeneric, "del", key)
	return nil
}

// deleteWord is the effect that deletes a key; real Redis replicas free the value in the background after UNLINK.
func deleteWord(lazy bool) []byte {
	if lazy {
		return wordUnlink
	}
	return wordDel
}

func getRange(c *Context, args [][]byte, w *resp.Writer) error {
	start, ok1 := resp.ParseInt(args[2])
	end, ok2 := resp.ParseInt(args[3])
	if !ok1 || !ok2 {
		return ErrNotInteger
	}
	it, ok, err := c.StringForRead(args[1])
	if err != nil {
		return err
	}
	if !ok {
		w.Bulk(nil)
		return nil
	}
	val := it.Bytes()
	n := int64(len(val))
	if start < 0 && end < 0 && start > end {
		w.Bulk(nil)
		return nil
	}
	if start < 0 {
		start = max(start+n, 0)
	}
	if end < 0 {
		end = max(end+n, 0)
	}
	end = min(end, n-1)
	if start > end {
		w.Bulk(nil)
	} else {
		w.Bulk(val[start : end+1])
	}
	return nil
}

func strLen(c *Context, args [][]byte, w *resp.Writer) error {
	it, ok, err := c.StringForRead(args[1])
	if err != nil {
		return err
	}
	if ok {
		w.Int(int64(len(it.Bytes())))
	} else {
		w.Int(0)
	}
	return nil
}

// checkLength refuses a string that would become longer than a client may send. What a predecessor has accepted is
// accepted here as well, whatever the local limit is.
func (c *Context) checkLength(size, more int64) error {
	total := size + more
	if !c.Apply && (total > c.Config.ProtoMaxBulkLen() || total < size || total < more) {
		return ErrTooBig
	}
	return nil
}

func appendString(c *Context, args [][]byte, w *resp.Writer) error {
	key, tail := args[1], args[2]
	it, found, err := c.StringForWrite(key)
	if err != nil {
		return err
	}
	size := len(tail)
	if !found {
		c.put(key, tail, store.TryEncode(tail), store.NoExpiry, false)
	} else {
		old := len(it.Bytes())
		if err := c.checkLength(int64(old), int64(size)); err != nil {
			return err
		}
		size += old
		bulk.Copy(c.DB.Grow(key, size)[old:], tail)
		c.DB.Touched(key)
		c.Dirty++
	}
	c.Notify(NotifyString, "append", key)
	w.Int(int64(size))
	return nil
}

func setRange(c *Context, args [][]byte, w *resp.Writer) error {
	key, val := args[1], args[3]
	offset, ok := resp.ParseInt(args[2])
	if !ok {
		return ErrNotInteger
	}
	if offset < 0 {
		return resp.Error("ERR offset is out of range")
	}
	it, found, err := c.StringForWrite(key)
	if err != nil {
		return err
	}
	old := 0
	if found {
		old = len(it.Bytes())
	}
	if len(val) == 0 {
		w.Int(int64(old))
		return nil
	}
	if err := c.checkLength(offset, int64(len(val))); err != nil {
		return err
	}
	size := max(old, int(offset)+len(val))
	bulk.Copy(c.DB.Grow(key, size)[offset:], val)
	c.DB.Touched(key)
	c.Dirty++
	c.created(key, found)
	c.Notify(NotifyString, "setrange", key)
	w.Int(int64(size))
	return nil
}

// withoutGet is a SET's arguments without the GET option, which means nothing to a replica.
func withoutGet(args [][]byte) [][]byte {
	kept := append(make([][]byte, 0, len(args)), args[:3]...)
	for _, a := range args[3:] {
		if !isWord(a, "get") {
			kept = append(kept, a)
		}
	}
	return kept
}

// setKeyFlags: without GET, a SET doesn't look at what it overwrites.
func setKeyFlags(args [][]byte) resp.KeyFlag {
	if len(args) > 3 {
		for _, a := range args[3:] {
			if bytes.EqualFold(a, []byte("get")) {
				return resp.RW | resp.Access | resp.Update
			}
		}
	}
	return resp.OW | resp.Update
}
