package engine

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/node/store"
	"holdfast/replication"
	"holdfast/resp"
)

// Commands executes what a log says.
type Commands interface {
	// Apply executes one command of a log, at a time in unix milliseconds, in the database that the log stands in
	// (Data.StreamDB). With onlyQuick one that may take long is left, and ErrMayTakeLong the answer.
	Apply(args [][]byte, now int64, onlyQuick bool) error
	// Replaced is told that there is another data set.
	Replaced(s *store.Store)
	// Accept says why a command of the log can't be executed here, whatever the data is. It needs no lock.
	Accept(args [][]byte) error
	// Refuses says for what else, beside the node's role, reads, or writes, are not answered now.
	Refuses(write bool) error
}

// Clients are those who wait for what a turn does.
type Clients interface {
	// ServeBlocked answers those who wait for a key that has changed. Each is an execution of its own.
	ServeBlocked()
	// Stage moves what a turn has written for clients to their outputs, and adds those who are to be woken.
	Stage(woken []Waker) []Waker
	// LetGo has those go on who stand in the same turn as a client whose command goes on for long: what they did is in
	// the log, which its readers are shown.
	LetGo()
}

// Waker is a client that something has happened to.
type Waker interface{ Wake() }

// Disk keeps the log.
type Disk interface {
	// Write brings to disk what was appended, and then to the followers; false: the log is not kept on disk.
	Write() (kept bool)
}

// Node is the node around the engine.
type Node interface {
	// Role is what the node is just now. It needs the execution lock.
	Role() Role
	// Spoilt is told that the data is not what the log says; again: a full copy is to be made.
	Spoilt(err error, again bool)
	// LeadsForSure reports that no other master can be at work.
	LeadsForSure() bool
}

// Role is what the engine has to know of the node around it.
type Role struct {
	Master bool // writes are accepted here
	Logs   bool // effects go to the log: a replica's log is written by its predecessor's bytes alone
	Gated  bool // replies wait for the commit point
	Gates  bool // they do, or may come to: last changes are of interest

	Pause Pause
}

// Data says how it stands with the data. The execution lock guards it.
type Data struct {
	Loading  bool // it is being replaced: clients are told to wait
	Partial  bool // it is not whole: it must not be saved, nor handed on
	StreamDB int  // the database that the predecessor's log stands in
}

// Pause is what is held back.
type Pause int

// The kinds of pauses.
const (
	NoPause     Pause = iota
	PauseWrites       // what changes data
	PauseAll          // everything but what is needed to stop the node and to copy from it
	PauseDrain        // a handover: as PauseAll, but members can link
)

// Config is what an engine is made with. What is missing is as for one that is alone.
type Config struct {
	Store    *store.Store
	Log      *replication.Log
	Feeder   *replication.Feeder
	Commands Commands
	Clients  Clients
	Disk     Disk
	Node     Node
	Lock     Locker           // the execution lock
	Entrance Locker           // held by who executes for clients, see guests.go
	Now      func() time.Time // time as data
	Go       func(f func())   // runs f in a goroutine that the node waits for when it ends
	Logger   *slog.Logger
}

// Engine executes, one turn at a time.
type Engine struct {
	Config
	Effects Effects // of the execution in hand
	Data    Data
	// Tick is when the last command of the turn in hand ended, and so the next one begins, by Clock; guarded by the
	// lock.
	Tick int64
	// EvictionDue says that keys are to be evicted in the background; guarded by the lock.
	EvictionDue bool

	turn  Locker
	role  Role         // as of the turn in hand; guarded by turn
	began int64        // when the turn in hand began, by Clock; guarded by turn
	since atomic.Int64 // when what is executed now began, by Clock; 0: nobody has the lock
	open  bool         // more may be appended during this turn; guarded by turn
	grown bool         // the log has got effects that are not flushed; guarded by turn
	woken []Waker      // by what was executed; guarded by turn
	base  time.Time    // of Clock

	evictions chan struct{} // holds a token while keys are to be evicted

	guests   bool         // a client's command lets others in; guarded by Entrance
	stopping atomic.Bool  // the node ends
	stopsAt  atomic.Int64 // see StopsAt

	held context.Context // ends when the node leaves its place; guarded by turn
	lose context.CancelFunc

	longest  int64 // nanoseconds for which one turn held the lock; guarded by turn
	executed int64 // effects, ever; guarded by turn
	changes  lastChanges

	// appending is held by whoever appends the predecessor's bytes, and where none may be appended. It comes after
	// turn.
	appending sync.Mutex
	source    *Source             // whose bytes may be appended; guarded by turn, and by appending
	behind    atomic.Bool         // something is appended and not executed
	at        atomic.Int64        // up to where it is executed, while something is behind
	tap       *replication.Reader // reads what is to be executed; nil: nothing is. Guarded by appending
	catching  atomic.Bool         // a goroutine is about to execute it
	settling  atomic.Bool         // it is being executed

	// Of who reads tap; guarded by turn, and by appending while nothing is behind.
	chunks [][]byte
	fed    int64
	stream resp.Parser

	running atomic.Pointer[string] // see Runs

	fault atomic.Pointer[fault] // the data is not what the log says, and not to be shown before it was replaced
	told  atomic.Int64          // since, when the log was told that a command takes long
}

// New makes an engine. Nothing is executed before the one who has it begins.
func New(c Config) *Engine {
	if c.Lock == nil {
		c.Lock = new(sync.Mutex)
	}
	if c.Entrance == nil {
		c.Entrance = new(sync.Mutex)
	}
	if c.Log == nil {
		c.Log = replication.NewLog(replication.LogConfig{})
	}
	if c.Commands == nil {
		c.Commands = alone{}
	}
	if c.Clients == nil {
		c.Clients = alone{}
	}
	if c.Disk == nil {
		c.Disk = alone{}
	}
	if c.Node == nil {
		c.Node = alone{}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Engine{Config: c, turn: c.Lock, base: time.Now(), changes: newLastChanges(),
		evictions: make(chan struct{}, 1)}
	e.held, e.lose = context.WithCancel(context.Background())
	e.Effects.Reselect()
	return e
}

// Master reports whether writes are accepted here. It needs the lock.
func (e *Engine) Master() bool { return e.role.Master }

// Gated reports whether replies wait for the commit point here. It needs the lock.
func (e *Engine) Gated() bool { return e.role.Gated }

// Loading reports that the data is being replaced. It needs the lock.
func (e *Engine) Loading() bool { return e.Data.Loading }

// Pause is what is held back. It needs the lock.
func (e *Engine) Pause() Pause { return e.role.Pause }

// SetStore replaces the data. It needs the lock.
func (e *Engine) SetStore(s *store.Store) {
	e.Store = s
	e.Commands.Replaced(s)
}

// Clock is monotonic, in nanoseconds. It needs no lock.
func (e *Engine) Clock() int64 { return int64(time.Since(e.base)) }

// Input is the parser that the words of the log's commands lie in while they are executed.
func (e *Engine) Input() *resp.Parser { return &e.stream }
