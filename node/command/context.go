package command

import (
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/internal/openfiles"
	"holdfast/internal/usage"
	"holdfast/node/config"
	"holdfast/node/engine"
	"holdfast/node/member"
	"holdfast/node/rdb"
	"holdfast/node/store"
	"holdfast/node/transfer"
	"holdfast/replication"
	"holdfast/resp"
	"holdfast/server"
	"holdfast/server/session"
)

// Command is a row of the node's table.
type Command = resp.Command[*Context]

// Env is what all commands of one node share. Everything in it is guarded by the node's execution lock.
type Env struct {
	*server.Server
	Store       *store.Store
	Config      *config.Config
	Stats       *Stats
	Replication Replication
	traffic     *replication.Traffic // EnvConfig.Traffic
	Persist     Persistence
	Logger      *slog.Logger
	Rand        *rand.Rand

	RunID           string
	Version         string // Holdfast's own
	Started         time.Time
	Effects         *engine.Effects // Engine's
	Engine          *engine.Engine
	Process         Process
	watchers        map[watchKey]map[*session.Session]*session.WatchedKey
	blocking        blocking
	departing       map[watchKey]*transfer.Key // keys that a MIGRATE is moving
	table           *resp.Table[*Context]
	eviction        eviction
	activeExpireOff bool
	listPlain       int                // DEBUG QUICKLIST-PACKED-THRESHOLD
	payloads        *rdb.PayloadWriter // made when DUMP is first called
	warnedOfHTTP    resp.Sparing
	Transfers       transfer.Config // EnvConfig.Transfers
	waits           []*waitFor
	waiting         atomic.Bool    // there may be some
	goLast          func(f func()) // EnvConfig.GoLast
	exit            chan struct{}
	exitOnce        sync.Once
	cronPaused      bool
	slow            slowLog
	latency         map[string]*latencySeries // by event
	// while fields of a hash are deleted since they have expired: when the last of them has; 0: none are
	fieldsGone int64
	changer    int64                 // the client whose command changes keys; 0: nobody's does
	monitors   []*session.Session    // clients in MONITOR
	accounted  int64                 // error replies for which a command was counted as failed
	log        *Context              // in which a log's commands run; nil: none has yet
	onLong     func(command string)  // EnvConfig.OnLong
	level      func() int            // EnvConfig.Level
	need       func(level int) error // EnvConfig.Need
	needs      int                   // what need was told
	scripts    *scripts
	hll        []byte // scratch memory for the value of a HyperLogLog
	idText     []byte // of XADD, for its effect
}

// Process is what the operating system says of the running process; any function may be nil.
type Process struct {
	Usage *usage.Meter
	// LimitHeap sets what the heap should not grow over with garbage in it.
	LimitHeap func(bytes int64)
	OpenFiles openfiles.Limit
	OS        string

	Executable   string
	SystemMemory int64  // of the machine, bytes; 0 when unknown
	Startup      int64  // bytes that the program needs for itself, before there is any data
	ConfigFile   string // its absolute path, "" when the settings come from no file
	Stat         func(path string) (fs.FileInfo, error)
	// EditConfigFile replaces the configuration file's text; nil when there is no file.
	EditConfigFile func(edit func(old []byte) []byte) error
}

// RSS is the resident size in bytes, 0 when nobody knows.
func (p Process) RSS() int64 { return p.Usage.Resident() }

// Context is one command in execution.
type Context struct {
	*Env
	S      *session.Session
	DB     *store.DB
	Now    int64        // unix milliseconds, the same for the whole command (and for all commands of a transaction)
	Cmd    *Command     // the row in execution
	Dirty  int          // changes made; with none, nothing is replicated
	InExec bool         // runs inside EXEC, or a script: must not block
	Input  *resp.Parser // what the command's words were read with, and lie in; nil: they are to be copied
	Apply  bool         // comes from the log of the predecessor: applied as it stands, nothing expires

	Confirmation member.Confirmation // of the pipeline in hand, for reads on a replica

	admission             // of the pipeline in hand
	call      server.Call // the command in execution, for those of the front end
	replaced  bool        // Replicate or NoReplicate was called: the command's own words are not its effect
	gate      int64       // the log offset that must be committed before what the commands revealed may be seen
	revealed  bool        // a command looked at the data
	confirms  bool        // a reply tells a replica that the chain stands
	held      condition   // what held when the client's command was admitted
	scripted  bool        // its commands are those of scripts
}

// Begin starts a pipeline: nothing was revealed yet, and no command is admitted.
func (c *Context) Begin() { c.gate, c.revealed, c.confirms, c.admitted = 0, false, false, 0 }

// Gate is the offset of the newest change that the commands since Begin may have shown.
func (c *Context) Gate() int64 { return c.gate }

// Revealed reports whether any command since Begin looked at the data.
func (c *Context) Revealed() bool { return c.revealed }

// Confirms reports whether any command since Begin answers a replica that the chain stands.
func (c *Context) Confirms() bool { return c.confirms }

// reveal notes what the reply of a command on the data gives away: the last change of each of its keys, or of anything
// when it has none.
func (c *Context) reveal(cmd *Command, args [][]byte) {
	c.revealed = true
	if len(cmd.Keys) == 0 {
		c.gate = max(c.gate, c.Engine.LastChange(-1, nil))
		return
	}
	keys, err := cmd.KeyPositions(args)
	if err != nil {
		return // the reply is an error about the arguments
	}
	for _, i := range keys {
		c.gate = max(c.gate, c.Engine.LastChange(c.DB.Index(), args[i]))
	}
}

// revealPrograms has the reply wait for the last change of scripts and functions: it says which are known.
func (c *Context) revealPrograms() {
	if c.Engine.Gated() {
		c.revealed = true
		c.gate = max(c.gate, c.Engine.LastProgramsChange())
	}
}

// Replicate adds an effect in place of the command's own words. It may be called several times.
func (c *Context) Replicate(args ...[]byte) {
	c.replaced = true
	c.Effects.Add(c.DB.Index(), args...)
}

// ReplicateStrings is Replicate for effects that are put together from text.
func (c *Context) ReplicateStrings(args ...string) {
	list := make([][]byte, len(args))
	for i, a := range args {
		list[i] = []byte(a)
	}
	c.Replicate(list...)
}

// NoReplicate says that this command has no effect to pass on, or that it has passed it on already.
func (c *Context) NoReplicate() { c.replaced = true }

// Select changes the session's database.
func (c *Context) Select(i int) {
	c.S.DB = i
	c.DB = c.Store.DB(i)
}

// Expired reports whether the item's time has passed for this command. What the predecessor's log says is applied as it
// stands: only a master decides that a key has expired, and its log says so.
func (c *Context) Expired(it *store.Item) bool { return c.passed(it.ExpireAt()) }

// passed reports whether a time of expiry has passed for this command.
func (c *Context) passed(at int64) bool { return at >= 0 && c.Now > at && !c.asItStands() }

// asItStands reports whether this command was decided elsewhere: nothing expires for it.
func (c *Context) asItStands() bool { return c.Apply || c.S != nil && c.S.ImportSource }

// Find looks a key up without statistics and without touching its access time. A key past its time is deleted (and its
// deletion passed on) by a master, and only hidden by a replica.
func (c *Context) Find(key []byte) (store.Item, bool) { return c.FindIn(c.DB, key) }

// FindIn is Find in another database.
func (c *Context) FindIn(db *store.DB, key []byte) (it store.Item, ok bool) {
	ok = c.find(db, key, &it)
	return it, ok
}

// find is FindIn into the caller's memory, which must be zero.
func (c *Context) find(db *store.DB, key []byte, it *store.Item) (ok bool) {
	if !db.Find(key, it) {
		return false
	}
	if c.Expired(it) {
		*it = store.Item{}
		c.expire(db, key)
		return false
	}
	return true
}

func (c *Context) expire(db *store.DB, key []byte) {
	if !c.deletesExpired() {
		return
	}
	c.Effects.Add(db.Index(), []byte("DEL"), key)
	c.aside(func() { c.Timed("expire-del", func() { db.Delete(key) }) })
	c.Stats.ExpiredKeys++
	c.notifyIn(db, NotifyExpired, "expired", key)
}

// deletesExpired reports whether what has expired is deleted here and now: by a master, but not while clients are
// paused, as the data stays as it is then, and not by a reader while data is imported, as its source may still use it.
func (c *Context) deletesExpired() bool {
	if c.Imports() && c.Cmd != nil && c.Cmd.Flags&resp.Write == 0 {
		return false
	}
	return (c.Engine.Pause() == engine.NoPause || c.InExec) && c.Engine.Master()
}

// aside does a change that is not the client's: its command only found what has expired.
func (c *Context) aside(change func()) {
	changer := c.changer
	c.changer = 0
	change()
	c.changer = changer
}

// Read looks a key up for a command that only reads: hits and misses are counted, the access time is touched.
func (c *Context) Read(key []byte) (it store.Item, ok bool) {
	ok = c.read(key, &it)
	return it, ok
}

// read is Read into the caller's memory, which must be zero.
func (c *Context) read(key []byte, it *store.Item) (ok bool) {
	if !c.find(c.DB, key, it) {
		c.Stats.KeyspaceMisses++
		c.Notify(NotifyMiss, "keymiss", key)
		return false
	}
	c.Stats.KeyspaceHits++
	c.touch(it)
	return true
}

// Write looks a key up for a command that is about to change it.
func (c *Context) Write(key []byte) (it store.Item, ok bool) {
	ok = c.write(key, &it)
	return it, ok
}

// write is Write into the caller's memory, which must be zero.
func (c *Context) write(key []byte, it *store.Item) (ok bool) {
	if ok = c.find(c.DB, key, it); ok {
		c.touch(it)
	}
	return ok
}

// readAs is read for a command on values of a type: ErrWrongType for another.
func (c *Context) readAs(t store.Type, key []byte, it *store.Item) (ok bool, err error) {
	ok = c.read(key, it)
	return ok, mustBe(it, ok, t)
}

// writeAs is write for a command on values of a type.
func (c *Context) writeAs(t store.Type, key []byte, it *store.Item) (ok bool, err error) {
	ok = c.write(key, it)
	return ok, mustBe(it, ok, t)
}

// StringForRead is Read for a command on strings: ErrWrongType for another type.
func (c *Context) StringForRead(key []byte) (it store.Item, ok bool, err error) {
	ok, err = c.readAs(store.TypeString, key, &it)
	return it, ok, err
}

// StringForWrite is Write for a command on strings.
func (c *Context) StringForWrite(key []byte) (it store.Item, ok bool, err error) {
	ok, err = c.writeAs(store.TypeString, key, &it)
	return it, ok, err
}

// readEach is Read for several keys whose values are needed together: take gets them, the zero Item for one that is
// absent, after begin. What has expired is deleted when it is come upon, which may move the others: then it begins
// again.
func (c *Context) readEach(keys [][]byte, begin func(), take func(i int, it *store.Item, found bool) error) error {
	expired := c.Stats.ExpiredKeys
	var it store.Item
	begin()
	for i, key := range keys {
		if i%store.WarmKeys == 0 {
			c.warm(keys[i:], 1)
		}
		it = store.Item{}
		found := c.read(key, &it)
		if err := take(i, &it, found); err != nil {
			return err
		}
	}
	if c.Stats.ExpiredKeys == expired {
		return nil
	}
	begin()
	for i, key := range keys {
		it = store.Item{}
		found := c.find(c.DB, key, &it)
		if err := take(i, &it, found); err != nil {
			return err
		}
	}
	return nil
}

// repeats finds most of the names that a command of very many has again and again: what there is of them need be kept
// once.
type repeats struct{ last [256]int32 } // by a hash of a name: where it stood last, plus 1

// before is where the name that is number i has stood before; -1 if it hasn't, as far as is known.
func (r *repeats) before(names [][]byte, i int) int {
	name := names[i]
	hash := uint32(len(name))
	for _, b := range name[max(len(name)-4, 0):] {
		hash = hash<<8 ^ hash>>24 ^ uint32(b)
	}
	place := &r.last[hash*2654435761>>24]
	if at := int(*place) - 1; at >= 0 && string(names[at]) == string(name) {
		return at
	}
	*place = int32(i + 1)
	return -1
}

// warm has the store fetch what a command with many keys looks up next: every step-th of args, from the first on. It is
// to be called for each store.WarmKeys of them.
func (c *Context) warm(args [][]byte, step int) {
	if len(args) < fewKeys*step {
		return
	}
	var keys [store.WarmKeys][]byte
	n := 0
	for i := 0; i < len(args) && n < len(keys); i += step {
		keys[n] = args[i]
		n++
	}
	c.DB.Warm(keys[:n])
}

// fewKeys are looked up as fast without warm.
const fewKeys = 4

func mustBe(it *store.Item, ok bool, t store.Type) error {
	if ok && it.Type() != t {
		return ErrWrongType
	}
	return nil
}
