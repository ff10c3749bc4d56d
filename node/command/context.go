package command

import (
	"log/slog"
	"math/rand/v2"
	"time"

	"holdfast/node/config"
	"holdfast/node/pubsub"
	"holdfast/node/rdb"
	"holdfast/node/session"
	"holdfast/node/store"
	"holdfast/node/tracking"
	"holdfast/resp"
)

// Command is a row of the node's table.
type Command = resp.Command[*Context]

// Env is what all commands of one node share. Everything in it is guarded by the node's execution lock.
type Env struct {
	Store   *store.Store
	Config  *config.Config
	Clients *session.Registry
	Hub     *pubsub.Hub
	Stats   *Stats
	Node    Node
	Logger  *slog.Logger
	Rand    *rand.Rand

	RunID           string
	Version         string // Holdfast's own
	Started         time.Time
	Effects         Effects
	Process         Process
	Pushed          []*session.Session // got output from others in this execution: staged and woken after it
	watchers        map[watchKey]map[*session.Session]*session.WatchedKey
	blocking        blocking
	departing       map[watchKey]*Departure // keys that a MIGRATE is moving
	table           *resp.Table[*Context]
	eviction        eviction
	activeExpireOff bool
	importers       int                // clients with CLIENT IMPORT-SOURCE ON
	listPlain       int                // DEBUG QUICKLIST-PACKED-THRESHOLD
	payloads        *rdb.PayloadWriter // made when DUMP is first called
	cronPaused      bool
	repliesIdle     time.Duration // from when on the buffers for replies are given back
	slow            slowLog
	latency         map[string]*latencySeries // by event
	tracking        *tracking.Table
	changer         int64              // the client whose command changes keys; 0: nobody's does
	monitors        []*session.Session // clients in MONITOR
	base            time.Time          // of clock
	tick            int64              // when the last command ended, and so the next one begins
}

// Process is what the operating system says of the running process; any function may be nil.
type Process struct {
	Resident func() int64 // resident bytes
	// LimitHeap sets what the heap should not grow over with garbage in it.
	LimitHeap func(bytes int64)
	CPU       func() (user, system time.Duration) // consumed so far
	OS        string

	Executable   string
	SystemMemory int64  // of the machine, bytes; 0 when unknown
	Startup      int64  // bytes that the program needs for itself, before there is any data
	ConfigFile   string // its absolute path, "" when the settings come from no file
	// EditConfigFile replaces the configuration file's text; nil when there is no file.
	EditConfigFile func(edit func(old []byte) []byte) error
}

// RSS is the resident size in bytes, 0 when nobody knows.
func (p Process) RSS() int64 {
	if p.Resident == nil {
		return 0
	}
	return p.Resident()
}

// Node is what commands ask of the node around them: its place in the chain and its life.
type Node interface {
	// IsMaster reports whether writes are accepted here.
	IsMaster() bool
	// SendsAway reports that clients are better served elsewhere: the node was the master until a moment ago, or is leaving.
	SendsAway() bool
	// Gated reports whether replies wait for the commit point here.
	Gated() bool
	// LastChange is the log offset of the last change of a key, or a later one; of any key when db is -1.
	LastChange(db int, key []byte) int64
	// Freshness says whether a replica may answer reads, given what the chain has confirmed to the client.
	Freshness(c Confirmation) Freshness
	// Loading reports a data set that is being loaded.
	Loading() bool
	// GoodReplicas counts replicas that acknowledged anything within the last lag seconds.
	GoodReplicas(lag int64) int
	// Replication describes the place in the chain, for ROLE and INFO.
	Replication() ReplicationInfo
	// ReplicaOf follows another server, or nobody when host is "". In a group the sentinels decide and it is refused.
	ReplicaOf(host string, port int) error
	// ServeReplica turns the session's connection into a replica's link (PSYNC); the reply is written by the link.
	ServeReplica(s *session.Session, id string, offset int64) error
	// KillReplicas ends the links of replicas, and counts them.
	KillReplicas() int
	// AcceptReplica judges what a chain member says of itself in REPLCONF.
	AcceptReplica(chain []byte) error
	// ConfirmEpoch judges a chain member's question whether its epoch still stands.
	ConfirmEpoch(question []byte) error
	// ReplicaAcks counts replicas that have acknowledged offset.
	ReplicaAcks(offset int64) int
	// Park blocks the session until it is unparked, or the timeout (0: none) is over and the block's Timeout has answered.
	Park(s *session.Session, b *session.Block, timeout time.Duration)
	// Wait parks the session until n replicas have acknowledged its last write, or for timeout (0: for ever).
	Wait(s *session.Session, n int, timeout time.Duration)
	// Pause holds back clients' commands until the deadline; writesOnly lets reads through. Unpause ends it.
	Pause(until time.Time, writesOnly bool)
	Unpause()
	// PauseState is the pause in force: none when until is zero.
	PauseState() (until time.Time, kind PauseKind)
	// Shutdown stops the process. It returns an error when that is refused, else the connection is simply closed.
	Shutdown(opts ShutdownOptions) error
	// AbortShutdown cancels a shutdown that waits; an error when there is none.
	AbortShutdown() error
	// Save writes dump.rdb.
	Save() error
	// BackgroundSave lets the caller go on meanwhile. While another snapshot is being made it is refused, or scheduled.
	BackgroundSave(schedule bool) (scheduled bool, err error)
	// SaveFailed reports that writes are refused since the data could not be saved.
	SaveFailed() bool
	// Rewrite makes the present data the base of the log on disk; as soon as it can, when it is scheduled.
	Rewrite(schedule bool) (scheduled bool, err error)
	// Migrate parks the client while the keys are sent to another server.
	Migrate(m *Migration)
	// ReloadLog parks the session while the data is replaced by the log on disk: DEBUG LOADAOF.
	ReloadLog(s *session.Session) error
	// WriteError says why the log can't be written to disk; nil while it can.
	WriteError() error
	// Reload reads dump.rdb in place of the data, or beside it.
	Reload(o ReloadOptions) error
	// ChangeReplicationID has the log go on under another id; refused in a group, whose members agree on it.
	ChangeReplicationID() error
	// Persistence describes saves, for INFO and LASTSAVE.
	Persistence() PersistenceInfo
}

// ShutdownOptions are SHUTDOWN's.
type ShutdownOptions struct{ Save, NoSave, Now, Force bool }

// ReloadOptions are DEBUG RELOAD's: without a save before, into what is there, and replacing keys that are there.
type ReloadOptions struct{ NoSave, NoFlush, Merge bool }

// ReplicationInfo is a node's place in the chain.
type ReplicationInfo struct {
	Master                                bool
	MasterHost                            string // a replica's master: in a group always the head, whoever it really follows
	MasterPort                            int
	LinkState                             string        // connect, connecting, sync, connected: as ROLE names it
	LinkDown                              time.Duration // how long the link has been down
	LastIO                                time.Duration
	SyncInProgress                        bool
	SyncTotal, SyncRead                   int64 // bytes of a full sync: 0 while not known, and received so far
	Priority                              int
	ID, ID2                               string
	Offset                                int64 // end of the log
	Offset2                               int64 // second_repl_offset
	Commit                                int64
	Epoch                                 uint64
	Group                                 string
	Chain                                 int // place in the chain, 1 = master; 0 = not in one
	Lease                                 bool
	BacklogActive                         bool
	BacklogSize, BacklogFirst, BacklogLen int64
	Replicas                              []ReplicaState
}

// ReplicaState is one replica that follows this node.
type ReplicaState struct {
	Addr   string
	Port   int
	State  string // wait_bgsave, send_bulk, online
	Offset int64
	Lag    int64 // seconds since its last acknowledgement
}

// PersistenceInfo is the state of snapshots.
type PersistenceInfo struct {
	Loading      bool          // the data is being replaced, and can't be read
	Load         *LoadProgress // nil: nothing is being loaded; without Loading it is beside the present data
	LastSave     time.Time
	Saving       bool
	LastStatusOK bool
	LastDuration time.Duration
	Changes      int64     // since the last save
	Saves        int64     // successful ones since the start
	SavingSince  time.Time // of the save that runs
	KeysLoaded   int64     // by the last load of a dump
	KeysExpired  int64     // left out by it, as their time had passed
	Log          LogFiles

	SliceTook                   time.Duration // the longest that the last snapshot held everybody else up at once
	SnapshotKeys, SnapshotSaved int           // of the snapshot that is being made: keys, and those that are done
}

// LogFiles is the state of the log on disk.
type LogFiles struct {
	Enabled        bool
	Size, BaseSize int64 // bytes: now, and after the last rewrite
	WriteError     error
	Unwritten      int64 // bytes of the log that are not on disk yet
	Scheduled      bool  // a rewrite begins as soon as it can
	Rewriting      bool
	RewritingFor   time.Duration
	RewriteOK      bool // the last one succeeded
	RewriteTook    time.Duration
	Rewrites       int64
	Failures       int64 // in a row
}

// Freshness says whether a replica's answer would be the master's.
type Freshness int

// The kinds of freshness.
const (
	Fresh   Freshness = iota
	Unknown           // the chain may go on without this replica: it has to confirm first
	Stale             // no answer: it has no link to a master, or no place in a chain, or the chain has not confirmed
)

// Confirmation is what the chain said since the pipeline in hand came.
type Confirmation struct {
	Epoch   uint64 // this one still stood; 0: nothing was said
	Refused bool   // it did not confirm in time
}

// Context is one command in execution.
type Context struct {
	*Env
	S      *session.Session
	DB     *store.DB
	Now    int64    // unix milliseconds, the same for the whole command (and for all commands of a transaction)
	Cmd    *Command // the row in execution
	Dirty  int      // changes made; with none, nothing is replicated
	InExec bool     // runs inside EXEC: must not block
	Apply  bool     // comes from the log of the predecessor: applied as it stands, nothing expires

	Confirmation Confirmation // of the pipeline in hand, for reads on a replica

	admission       // of the pipeline in hand
	redacted  []int // arguments that are not to be shown
	replaced  bool  // Replicate or NoReplicate was called: the command's own words are not its effect
	gate      int64 // the log offset that must be committed before what the commands revealed may be seen
	revealed  bool  // a command looked at the data
	confirms  bool  // a reply tells a replica that the chain stands
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
		c.gate = max(c.gate, c.Node.LastChange(-1, nil))
		return
	}
	keys, err := cmd.KeyPositions(args)
	if err != nil {
		return // the reply is an error about the arguments
	}
	for _, i := range keys {
		c.gate = max(c.gate, c.Node.LastChange(c.DB.Index(), args[i]))
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

// deletesExpired reports whether what has expired is deleted here and now: by a master, but not while clients are paused, as the
// data stays as it is then, and not by a reader while data is imported, as its source may still use it.
func (c *Context) deletesExpired() bool {
	if c.importers > 0 && c.Cmd != nil && c.Cmd.Flags&resp.Write == 0 {
		return false
	}
	until, _ := c.Node.PauseState()
	return (until.IsZero() || c.InExec) && c.Node.IsMaster()
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

// ReadAll is Read for several keys whose values are needed together: ErrWrongType when one that is there is of another type, the
// zero Item for one that is absent. The second look finds them where the first one, which may delete what has expired, left them.
func (c *Context) ReadAll(keys [][]byte, t store.Type) ([]store.Item, error) {
	for _, key := range keys {
		it, ok := c.Read(key)
		if err := mustBe(&it, ok, t); err != nil {
			return nil, err
		}
	}
	items := make([]store.Item, len(keys))
	for i, key := range keys {
		items[i], _ = c.Find(key)
	}
	return items, nil
}

func mustBe(it *store.Item, ok bool, t store.Type) error {
	if ok && it.Type() != t {
		return ErrWrongType
	}
	return nil
}
