package command

import (
	"bytes"
	"encoding/binary"
	"errors"

	"holdfast/node/hyperloglog"
	"holdfast/node/store"
	"holdfast/resp"
)

// hllRows are the commands on HyperLogLogs, which are strings.
var hllRows = []Command{
	{
		Name: "pfadd", Arity: -2, Flags: resp.Write | resp.DenyOOM | resp.Fast, Categories: resp.CatHyperLogLog,
		Keys: oneKey(resp.RW | resp.Insert), Group: "hyperloglog", Since: "2.8.9",
		Complexity: "O(1) for each element",
		Summary:    "Adds elements to a HyperLogLog, which is created when it is absent.",
		Syntax:     "key [element...]", Run: pfAdd,
	},
	{
		Name: "pfcount", Arity: -2, Flags: resp.ReadOnly | resp.MayReplicate, Categories: resp.CatHyperLogLog,
		Keys: []resp.KeySpec{{
			First: 1, Last: -1, Flags: resp.RW | resp.Access,
			Notes: "RW because it may change the internal representation of the key, and propagate to replicas",
		}},
		Group: "hyperloglog", Since: "2.8.9",
		Complexity: "O(1) with one key, O(N) with N keys",
		Summary:    "Estimates how many different elements were added to any of the HyperLogLogs.", Syntax: "key...",
		Run: pfCount,
	},
	{
		Name: "pfdebug", Arity: 3, Flags: resp.Write | resp.DenyOOM | resp.Admin, Categories: resp.CatHyperLogLog,
		Keys:  []resp.KeySpec{{First: 2, Last: 2, Flags: resp.RW | resp.Access}},
		Group: "hyperloglog", Since: "2.8.9", Complexity: "N/A", SysCmd: true,
		Summary: "Shows how a HyperLogLog is kept, or makes it dense.", Syntax: "subcommand key", Run: pfDebug,
	},
	{
		Name: "pfmerge", Arity: -2, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatHyperLogLog,
		Keys: []resp.KeySpec{
			{First: 1, Last: 1, Flags: resp.RW | resp.Access | resp.Insert},
			{First: 2, Last: -1, Flags: resp.RO | resp.Access},
		},
		Group: "hyperloglog", Since: "2.8.9", Complexity: "O(N) in the number of keys",
		Summary: "Adds to a HyperLogLog what was added to others.", Syntax: "destkey sourcekey:key...", Run: pfMerge,
	},
	{
		Name: "pfselftest", Arity: 1, Flags: resp.Admin, Categories: resp.CatHyperLogLog,
		Group: "hyperloglog", Since: "2.8.9", Complexity: "N/A", SysCmd: true,
		Summary: "Tests the arithmetic of HyperLogLogs.", Run: pfSelfTest,
	},
}

const (
	errNoHLL        = resp.Error("WRONGTYPE Key is not a valid HyperLogLog string value.")
	errHLLCorrupted = resp.Error("INVALIDOBJ Corrupted HLL object detected")
)

// hllError is the reply to an error of package hyperloglog.
func hllError(err error) error {
	if errors.Is(err, hyperloglog.ErrForeign) {
		return errNoHLL
	}
	return errHLLCorrupted
}

// hllIn is the HyperLogLog that an item holds.
func hllIn(it *store.Item, found bool, err error) ([]byte, bool, error) {
	if err != nil || !found {
		return nil, false, err
	}
	if err := hyperloglog.Check(it.Bytes()); err != nil {
		return nil, false, hllError(err)
	}
	return it.Bytes(), true, nil
}

func (c *Context) hllForRead(key []byte) (v []byte, found bool, err error) {
	it, found, err := c.StringForRead(key)
	return hllIn(&it, found, err)
}

func (c *Context) hllForWrite(key []byte) (v []byte, found bool, err error) {
	it, found, err := c.StringForWrite(key)
	return hllIn(&it, found, err)
}

// putHLL stores a value in place of the old one, or for a key that is absent. Replicas are told which bytes have
// changed and not the command: a replica with another limit for sparse values would make other bytes of it.
func (c *Context) putHLL(key, old, v []byte, found bool) {
	if len(v) < len(old) {
		c.Replicate(wordSet, key, v, wordKeepTTL)
	} else {
		c.NoReplicate()
		for from, to := 0, 0; ; {
			if from, to = difference(old, v, to); from == to {
				break
			}
			c.Replicate(wordSetRange, key, decimal(int64(from)), v[from:to])
		}
	}
	copy(c.DB.Grow(key, len(v)), v)
	c.DB.Touched(key)
	c.Dirty++
	c.created(key, found)
}

// difference is the next piece of b, from a place on, that differs from a or is behind its end; nothing if there is
// none. Pieces are one unless many bytes are between them.
func difference(a, b []byte, at int) (from, to int) {
	const apart = 64 // as many as a command of its own takes
	same := 0
	for i := at; i < len(b); i++ {
		if i >= len(a) {
			if to == 0 {
				from = i
			}
			return from, len(b)
		}
		switch {
		case a[i] != b[i]:
			if to == 0 {
				from = i
			}
			to, same = i+1, 0
		case to > 0:
			if same++; same == apart {
				return from, to
			}
		case i+apart <= len(a) && i+apart <= len(b) && bytes.Equal(a[i:i+apart], b[i:i+apart]):
			i += apart - 1
		}
	}
	return from, to
}

func pfAdd(c *Context, args [][]byte, w *resp.Writer) error {
	key := args[1]
	v, found, err := c.hllForWrite(key)
	if err != nil {
		return err
	}
	changed := false
	if found && hyperloglog.IsDense(v) {
		changed = c.pfAddDense(key, v, args[2:])
	} else if changed, err = c.pfAddSparse(key, v, found, args[2:]); err != nil {
		return hllError(err)
	}
	if changed {
		c.Notify(NotifyString, "pfadd", key)
		w.Int(1)
	} else {
		w.Int(0)
	}
	return nil
}

// pfAddDense changes the value where it is.
func (c *Context) pfAddDense(key, v []byte, elements [][]byte) (changed bool) {
	for _, text := range elements {
		e := hyperloglog.ElementOf(text)
		from, to, raises := hyperloglog.Raises(v, e)
		if !raises {
			continue
		}
		if !changed {
			changed = true
			v = c.DB.Grow(key, len(v))
			if _, upToDate := hyperloglog.Cached(v); upToDate {
				hyperloglog.Forget(v)
				c.replicateBytes(key, v, hyperloglog.CountAt, hyperloglog.CountAt+8)
			}
		}
		hyperloglog.Raise(v, e)
		c.replicateBytes(key, v, from, to)
		c.Dirty++
	}
	if changed {
		c.DB.Touched(key)
	}
	return changed
}

func (c *Context) replicateBytes(key, v []byte, from, to int) {
	c.Replicate(wordSetRange, key, decimal(int64(from)), v[from:to])
}

func (c *Context) pfAddSparse(key, old []byte, found bool, elements [][]byte) (changed bool, err error) {
	var few [16]hyperloglog.Element
	list := few[:0]
	for _, text := range elements {
		list = append(list, hyperloglog.ElementOf(text))
	}
	v := append(c.hll[:0], old...)
	if !found {
		v = hyperloglog.New(v)
	}
	c.hll = v
	v, changed, err = hyperloglog.Add(v, list, c.Config.HLLSparseMax())
	if err != nil || found && !changed {
		return false, err
	}
	hyperloglog.Forget(v)
	c.putHLL(key, old, v, found)
	return true, nil
}

func pfCount(c *Context, args [][]byte, w *resp.Writer) error {
	if len(args) > 2 {
		return c.pfCountUnion(args[1:], w)
	}
	key := args[1]
	v, found, err := c.hllForRead(key)
	if err != nil {
		return err
	}
	if !found {
		w.Int(0)
		return nil
	}
	n, known := hyperloglog.Cached(v)
	if !known {
		if n, err = hyperloglog.Count(v); err != nil {
			return hllError(err)
		}
		if c.mayKeepCount() {
			v = c.DB.Grow(key, len(v))
			hyperloglog.SetCached(v, n)
			c.DB.Touched(key)
			c.Dirty++
			c.Replicate(wordSetRange, key, decimal(hyperloglog.CountAt), binary.LittleEndian.AppendUint64(nil, n))
		}
	}
	w.Int(int64(n))
	return nil
}

// mayKeepCount reports whether a count may be kept in the value: only by who may write. A replica that did would no
// longer have its master's bytes.
func (c *Context) mayKeepCount() bool {
	return c.Apply || c.Engine.Master() && decide(resp.Write, c.masterConditions()) == nil
}

func (c *Context) pfCountUnion(keys [][]byte, w *resp.Writer) error {
	var u hyperloglog.Union
	for _, key := range keys {
		v, found, err := c.hllForRead(key)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		if err := u.Add(v); err != nil {
			return hllError(err)
		}
	}
	w.Int(int64(u.Count()))
	return nil
}

func pfMerge(c *Context, args [][]byte, w *resp.Writer) error {
	var u hyperloglog.Union
	dense := false
	for _, key := range args[1:] {
		v, found, err := c.hllForRead(key)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		dense = dense || hyperloglog.IsDense(v)
		if err := u.Add(v); err != nil {
			return hllError(err)
		}
	}
	key := args[1]
	old, found, err := c.hllForWrite(key)
	if err != nil {
		return err
	}
	v := append(c.hll[:0], old...)
	if !found {
		v = hyperloglog.New(v)
	}
	c.hll = v
	if dense {
		if v, err = hyperloglog.Dense(v); err != nil {
			return hllError(err)
		}
	}
	if v, err = u.Into(v, c.Config.HLLSparseMax()); err != nil {
		return hllError(err)
	}
	c.putHLL(key, old, v, found)
	c.Notify(NotifyString, "pfadd", key) // as if elements were added
	w.OK()
	return nil
}

func pfDebug(c *Context, args [][]byte, w *resp.Writer) error {
	sub, key := args[1], args[2]
	it, found, err := c.StringForWrite(key)
	if err == nil && !found {
		return resp.Error("ERR The specified key does not exist")
	}
	v, _, err := hllIn(&it, found, err)
	if err != nil {
		return err
	}
	wasDense := hyperloglog.IsDense(v)
	switch {
	case isWord(sub, "getreg"):
		if v, err = c.toDense(key, v); err != nil {
			return err
		}
		w.Array(hyperloglog.Registers)
		hyperloglog.Register(v, func(value uint8) { w.Int(int64(value)) })
	case isWord(sub, "decode"):
		if wasDense {
			return resp.Error("ERR HLL encoding is not sparse")
		}
		w.Bulk(hyperloglog.AppendRuns(nil, v))
	case isWord(sub, "encoding"):
		if wasDense {
			w.Simple("dense")
		} else {
			w.Simple("sparse")
		}
	case isWord(sub, "todense"):
		if _, err = c.toDense(key, v); err != nil {
			return err
		}
		if wasDense {
			w.Int(0)
		} else {
			w.Int(1)
		}
	default:
		return resp.Error("ERR Unknown PFDEBUG subcommand '" + string(sub) + "'")
	}
	return nil
}

// toDense makes the value at a key dense.
func (c *Context) toDense(key, v []byte) ([]byte, error) {
	if hyperloglog.IsDense(v) {
		return v, nil
	}
	d, err := hyperloglog.Dense(v)
	if err != nil {
		return nil, hllError(err)
	}
	c.putHLL(key, v, d, true)
	return d, nil
}

func pfSelfTest(c *Context, _ [][]byte, w *resp.Writer) error {
	if err := hyperloglog.SelfTest(c.Rand, c.Config.HLLSparseMax()); err != nil {
		return resp.Error("ERR TESTFAILED " + err.Error())
	}
	w.OK()
	return nil
}
