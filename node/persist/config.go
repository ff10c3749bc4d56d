package persist

import (
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"holdfast/internal/steps"
	"holdfast/node/command"
	"holdfast/node/config"
	"holdfast/node/engine"
	"holdfast/replication"
	"holdfast/replication/aof"
)

// Config is what persistence is made with.
type Config struct {
	Env      *command.Env // the data, and what executes the commands of a log; guarded by its engine's lock
	Data     *Data
	Link     Link
	Loader   *Loader
	Settings *config.Config
	Logger   *slog.Logger
	Now      func() time.Time // time as data
	Dir      *aof.Root        // where dump.rdb lies; nil: nowhere
	Files    aof.FS           // where the log is kept; nil: nowhere
	NewLock  func() engine.Locker
	Yield    func()         // has the scheduler look at all sockets; nil: it will anyway
	Go       func(f func()) // runs f in a goroutine that the node waits for when it ends
	Stopped  <-chan struct{}
	Grouped  bool   // the node belongs to a group, whose other members have the data as well
	RunID    string // of this start
	Steps    steps.Observer
}

// Data says how it stands with the data. But for LogEpoch the execution lock guards it.
type Data struct {
	Loading  bool          // it is being replaced: clients are told to wait
	Partial  bool          // it is not whole: it must not be saved, nor handed on
	StreamDB int           // the database that the predecessor's log stands in
	Epoch    uint64        // that was adopted, of the chain that the node is in; 0: it is in none
	LogEpoch atomic.Uint64 // in which the log was last written
}

// Link is the link to the predecessor.
type Link interface {
	// Unlink ends it, so that nothing is appended, until relink is called. It needs the execution lock, relink does
	// not.
	Unlink() (relink func())
}

// Persistence is all that keeps and copies a node's data.
type Persistence struct {
	*Snapshots
	*Saver
	*Disk
}

// New makes it. Nothing is read or written before Open.
func New(c Config) *Persistence {
	snapshots := newSnapshots(&c)
	disk := newDisk(&c, snapshots)
	return &Persistence{Snapshots: snapshots, Saver: newSaver(&c, snapshots, disk), Disk: disk}
}

// freshID is a replication id that nobody has used.
func (c *Config) freshID() string {
	id, err := replication.NewID(randomBytes{c.Env.Rand})
	if err != nil {
		panic(err) // the node's own source of randomness does not fail
	}
	return id
}

// randomBytes reads from the node's source of randomness.
type randomBytes struct{ *rand.Rand }

func (r randomBytes) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return len(p), nil
}

// lock takes the execution lock.
func (c *Config) lock() { c.Env.Engine.Lock() }

func (c *Config) unlock() { c.Env.Engine.Unlock() }

// stopped reports whether the node has begun to end.
func (c *Config) stopped() bool {
	select {
	case <-c.Stopped:
		return true
	default:
		return false
	}
}

// unsound says why what the node holds must not take the place of what is on disk; nil: it is whole. It needs the
// execution lock.
func (c *Config) unsound() error {
	switch {
	case c.Data.Partial:
		return command.ErrLoading
	case c.Grouped && c.Data.Epoch == 0 && c.Env.Engine.Log.End() == 0:
		return errNoCopy // of the group's data
	}
	return nil
}
