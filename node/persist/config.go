package persist

import (
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"holdfast/internal/steps"
	"holdfast/node/config"
	"holdfast/node/engine"
	"holdfast/replication"
	"holdfast/replication/aof"
	"holdfast/resp"
)

// Config is what persistence is made with.
type Config struct {
	Engine   *engine.Engine // the data, and what executes the commands of a log
	Epochs   *Epochs
	Rand     *rand.Rand // guarded by the execution lock
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

// Epochs say of which epochs the node, and its log, are.
type Epochs struct {
	Adopted uint64        // of the chain that the node is in; 0: it is in none. Guarded by the execution lock
	Log     atomic.Uint64 // in which the log was last written
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
	id, err := replication.NewID(replication.Random{Rand: c.Rand})
	if err != nil {
		panic(err) // the node's own source of randomness does not fail
	}
	return id
}

// lock takes the execution lock.
func (c *Config) lock() { c.Engine.Lock() }

func (c *Config) unlock() { c.Engine.Unlock() }

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
	case c.Engine.Data.Partial:
		return resp.ErrLoading
	case c.Grouped && c.Epochs.Adopted == 0 && c.Engine.Log.End() == 0:
		return errNoCopy // of the group's data
	}
	return nil
}
