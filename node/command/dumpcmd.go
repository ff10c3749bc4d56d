package command

import (
	"errors"
	"math"

	"holdfast/node/dump"
	"holdfast/node/engine"
	"holdfast/node/rdb"
	"holdfast/node/store"
	"holdfast/resp"
)

// dumpRows take single values out of the store, and in again, in the form that Redis's snapshots have.
var dumpRows = []Command{
	{
		Name: "dump", Arity: 2, Flags: resp.ReadOnly, Categories: resp.CatKeyspace, Keys: oneKey(resp.RO | resp.Access),
		Group: "generic", Since: "2.6.0", Complexity: "O(N*M) in the number of elements and their size",
		Summary: "Answers a value in a form that RESTORE takes.", Syntax: "key",
		Tips: []string{"nondeterministic_output"}, Run: dumpKey,
	},
	{
		Name: "restore", Arity: -4, Flags: resp.Write | resp.DenyOOM, Categories: resp.CatKeyspace | resp.CatDangerous,
		Keys: oneKey(resp.OW | resp.Update), Group: "generic", Since: "2.6.0",
		Complexity: "O(N*M) in the number of elements and their size, for sorted sets O(N*M*log(N))",
		Summary:    "Creates a key from what DUMP has answered.",
		Syntax: "key ttl:integer serialized-value:string [REPLACE]@3.0.0 [ABSTTL]@5.0.0 [IDLETIME " +
			"seconds:integer]@5.0.0 [FREQ frequency:integer]@5.0.0",
		History: [][2]string{{"3.0.0", "`REPLACE`."}, {"5.0.0", "`ABSTTL`."}, {"5.0.0", "`IDLETIME` and `FREQ`."}},
		Run:     restoreKey,
	},
}

const (
	errBusyKey     = resp.Error("BUSYKEY Target key name already exists.")
	errPayload     = resp.Error("ERR DUMP payload version or checksum are wrong")
	errBadData     = resp.Error("ERR Bad data format")
	errRestoreTTL  = resp.Error("ERR Invalid TTL value, must be >= 0")
	errRestoreIdle = resp.Error("ERR Invalid IDLETIME value, must be >= 0")
	errRestoreFreq = resp.Error("ERR Invalid FREQ value, must be >= 0 and <= 255")
)

func dumpKey(c *Context, args [][]byte, w *resp.Writer) error {
	it, ok := c.Read(args[1])
	if !ok {
		w.Null()
		return nil
	}
	pieces, err := c.payloadWriter().Pieces(dump.Entry(it), c.Config.RDBCompression())
	if err != nil {
		return err
	}
	w.BulkPieces(pieces)
	return nil
}

// payload is a value in the form that RESTORE takes.
func (c *Context) payload(it store.Item) ([]byte, error) {
	return c.payloadWriter().Append(nil, dump.Entry(it), c.Config.RDBCompression())
}

func (c *Context) payloadWriter() *rdb.PayloadWriter {
	if c.payloads == nil {
		c.payloads = rdb.NewPayloadWriter()
	}
	return c.payloads
}

// restoreOptions are RESTORE's.
type restoreOptions struct {
	replace, absolute bool
	idle, freq        int64 // -1: not given
}

func (o *restoreOptions) parse(args [][]byte) error {
	o.idle, o.freq = -1, -1
	for ; len(args) > 0; args = args[1:] {
		var err error
		switch {
		case isWord(args[0], "replace"):
			o.replace = true
		case isWord(args[0], "absttl"):
			o.absolute = true
		case isWord(args[0], "idletime") && len(args) > 1 && o.freq < 0:
			args = args[1:]
			o.idle, err = parseWithin(args[0], math.MaxInt64, errRestoreIdle)
		case isWord(args[0], "freq") && len(args) > 1 && o.idle < 0:
			args = args[1:]
			o.freq, err = parseWithin(args[0], engine.CounterMax, errRestoreFreq)
		default:
			err = ErrSyntax
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// parseWithin reads a number from 0 to most.
func parseWithin(arg []byte, most int64, outside error) (int64, error) {
	n, ok := resp.ParseInt(arg)
	switch {
	case !ok:
		return 0, ErrNotInteger
	case n < 0 || n > most:
		return 0, outside
	}
	return n, nil
}

func restoreKey(c *Context, args [][]byte, w *resp.Writer) error {
	var o restoreOptions
	if err := o.parse(args[4:]); err != nil {
		return err
	}
	key := args[1]
	if !o.replace {
		if _, there := c.Write(key); there {
			return errBusyKey
		}
	}
	ttl, err := parseWithin(args[2], math.MaxInt64, errRestoreTTL)
	if err != nil {
		return err
	}
	at := ttl
	if ttl > 0 && !o.absolute {
		at += c.Now // may overflow, as in Redis: the time has passed then
	}
	gone := ttl > 0 && c.alreadyExpired(at)
	if err := c.load(key, args[3], gone); err != nil {
		return err
	}
	switch {
	case !gone:
		c.restored(key, args, at, &o)
	case c.DB.Delete(key):
		c.Dirty++
		c.Replicate(wordDel, key)
		c.Notify(NotifyGeneric, "del", key)
	}
	w.OK()
	return nil
}

// load makes what a payload holds the value of a key, or, for a key that is gone at once, only makes sure that it could
// be. The key is touched only when all of the payload has proved to be good.
func (c *Context) load(key, payload []byte, gone bool) error {
	s, db := c.Store, c.DB
	if gone {
		s = store.New(1, c.Rand)
		s.Limits, db = c.Store.Limits, s.DB(0)
	}
	var tooNew error
	err := rdb.ReadPayload(payload, func(e rdb.Entry) error {
		e.Key = key
		if e.Type == rdb.TypeStream || e.Type == rdb.TypeStream1 {
			if tooNew = c.mayKeep(levelOfStreams); tooNew != nil {
				return tooNew
			}
		}
		return dump.Load(s, db, e)
	})
	switch {
	case tooNew != nil, err == nil:
		return tooNew
	case errors.Is(err, rdb.ErrFooter):
		return errPayload
	}
	c.Logger.Info("RESTORE was given a bad payload", "err", err)
	return errBadData
}

// mayKeep is nil if what needs a feature level may be among the data, which is noted.
func (c *Context) mayKeep(level int) error {
	switch {
	case level <= c.needs:
		return nil
	case !c.Apply && level > c.level():
		return c.explain(levelTooLow, c.Cmd, level)
	}
	return c.noteNeed(level)
}

// restored gives a key that was restored its time of expiry and its access data, and passes it on.
func (c *Context) restored(key []byte, args [][]byte, at int64, o *restoreOptions) {
	if at > 0 {
		c.DB.SetExpire(key, at)
	}
	if it, ok := c.DB.Get(key); ok {
		c.DB.SetAccess(&it, c.policy().Access(o.idle, o.freq, c.Now))
	}
	c.Dirty++
	if at > 0 && !o.absolute {
		effect := append([][]byte{args[0], key, []byte(itoa(at))}, args[3:]...)
		c.Replicate(append(effect, []byte("ABSTTL"))...)
	}
	c.Notify(NotifyNew, "new", key)
	c.Notify(NotifyGeneric, "restore", key)
}
