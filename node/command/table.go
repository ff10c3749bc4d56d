package command

import (
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"holdfast/node/config"
	"holdfast/node/engine"
	"holdfast/node/store"
	"holdfast/node/transfer"
	"holdfast/replication"
	"holdfast/resp"
	"holdfast/server"
	"holdfast/server/session"
)

// Rows are all commands of a data node, family by family.
func Rows() []Command {
	return slices.Concat(
		stringRows, bitRows, hllRows, listRows, setRows, zsetRows, geoRows, hashRows, hashExpiryRows, streamRows,
		keyRows, sortRows,
		dumpRows, migrateRows, expireRows, transactionRows,
		publishRows, server.Rows(asCall), introspectionRows, configRows, infoRows, serverRows, replicationRows,
		debugRows,
		slowlogRows, latencyRows, monitorRows, scriptRows, functionRows,
	)
}

// EnvConfig is what a node hands to its commands.
type EnvConfig struct {
	Engine *engine.Engine
	Store  *store.Store
	Config *config.Config
	// Replication is the node's part in replication, and Traffic what its links have done; nil: there are none.
	Replication Replication
	Persist     Persistence
	Traffic     *replication.Traffic
	// Server is what the clients share; nil: it is made.
	Server  *server.Server
	Logger  *slog.Logger
	Rand    *rand.Rand
	RunID   string
	Version string
	Started time.Time
	Process Process
	// Transfers is how keys are sent to other servers.
	Transfers transfer.Config
	// GoLast runs f in a goroutine that is waited for when nothing else runs any more; nil: in one that is not.
	GoLast func(f func())
	Level  func() int // the feature level of the commands that may run; nil: any
	// told, before it runs, that a command is about to write what needs that level; nil ok
	Need  func(level int) error
	Later []Command // beside this version's commands; for tests
	// told of each command that may take long, before it runs, under the execution lock; nil ok
	OnLong func(command string)
}

// NewEnv puts the commands' shared state together.
func NewEnv(c EnvConfig) *Env {
	e := &Env{
		Engine: c.Engine, Effects: &c.Engine.Effects,
		Store: c.Store, Config: c.Config, Replication: c.Replication, Persist: c.Persist, traffic: c.Traffic,
		Logger: c.Logger, Rand: c.Rand,
		Process: c.Process, RunID: c.RunID, Version: c.Version, Started: c.Started,
		Stats:    NewStats(),
		watchers: map[watchKey]map[*session.Session]*session.WatchedKey{}, blocking: newBlocking(),
		departing: map[watchKey]*transfer.Key{},
		latency:   map[string]*latencySeries{},
		table:     resp.NewTable(Rows(), c.Later), onLong: c.OnLong,
		level: c.Level, need: c.Need, Transfers: c.Transfers, goLast: c.GoLast, exit: make(chan struct{}),
	}
	if e.goLast == nil {
		e.goLast = func(f func()) { go f() }
	}
	if e.level == nil {
		e.level = func() int { return math.MaxInt }
	}
	if e.need == nil {
		e.need = func(int) error { return nil }
	}
	e.scripts = newScripts(e)
	if e.traffic == nil {
		e.traffic = new(replication.Traffic)
	}
	if e.Server = c.Server; e.Server == nil {
		e.Server = server.New(server.Standalone, nil, nil)
	}
	e.Server.Host, e.Server.Stats = host{e.Replication, e}, &e.Stats.Stats
	e.Engine.Store = c.Store
	e.Replaced(c.Store)
	return e
}

// Replaced goes on with another data set, as at the end of a full sync. Every watched key counts as changed.
func (e *Env) Replaced(s *store.Store) {
	for k := range e.watchers {
		for w := range e.watchers[k] {
			w.DirtyCAS = true
		}
	}
	for _, d := range e.departing {
		d.Changed = true
	}
	e.Tracking.Flushed()
	e.Store = s
	e.scripts.adopt(&s.Programs)
	s.Limits = e.limits()
	s.Changed = func(db *store.DB, key []byte, aside bool) {
		e.noteDeparting(db.Index(), key)
		e.Engine.KeyChanged(db.Index(), key)
		if aside {
			return
		}
		e.keyChanged(db.Index(), key)
		e.blocking.keyChanged(db.Index(), key)
		if key != nil && !e.Tracking.Idle() { // what changes all keys has said so
			e.Tracking.Changed(key, e.changer)
		}
	}
}

// limits are the settings' limits and the one that DEBUG sets.
func (e *Env) limits() *store.Limits {
	l := engine.Limits(e.Config)
	l.ListPlain = e.listPlain
	return l
}

// Table is the command table.
func (e *Env) Table() *resp.Table[*Context] { return e.table }
