package command

import (
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"holdfast/node/config"
	"holdfast/node/pubsub"
	"holdfast/node/session"
	"holdfast/node/store"
	"holdfast/node/tracking"
	"holdfast/resp"
)

// Rows are all commands of a data node, family by family.
func Rows() []Command {
	return slices.Concat(
		stringRows, bitRows, listRows, setRows, zsetRows, hashRows, hashExpiryRows, keyRows, sortRows, dumpRows, migrateRows, expireRows, transactionRows, pubsubRows,
		connectionRows, clientRows, introspectionRows, configRows, infoRows, serverRows, replicationRows, debugRows,
		slowlogRows, latencyRows, monitorRows,
	)
}

// EnvConfig is what a node hands to its commands.
type EnvConfig struct {
	Store   *store.Store
	Config  *config.Config
	Node    Node
	Logger  *slog.Logger
	Rand    *rand.Rand
	RunID   string
	Version string
	Started time.Time
	Process Process
}

// NewEnv puts the commands' shared state together. changed is called for every change of a key, after the commands' own
// bookkeeping.
func NewEnv(c EnvConfig, changed func(db int, key []byte)) *Env {
	e := &Env{
		Store: c.Store, Config: c.Config, Node: c.Node, Logger: c.Logger, Rand: c.Rand,
		Process: c.Process, RunID: c.RunID, Version: c.Version, Started: c.Started,
		Clients: session.NewRegistry(), Hub: pubsub.NewHub(), Stats: NewStats(),
		watchers: map[watchKey]map[*session.Session]*session.WatchedKey{}, blocking: newBlocking(), departing: map[watchKey]*Departure{},
		latency: map[string]*latencySeries{}, tracking: tracking.New(),
		table: resp.NewTable(Rows()), base: time.Now(),
	}
	e.Effects.Reselect()
	e.Hub.Delivered = func(s pubsub.Subscriber) { e.push(s.(*session.Session)) }
	e.tracking.Send, e.repliesIdle = e.invalidate, repliesIdle
	e.SetStore(c.Store, changed)
	return e
}

// SetStore replaces the data set, as the end of a full sync does. Every watched key counts as changed.
func (e *Env) SetStore(s *store.Store, changed func(db int, key []byte)) {
	for k := range e.watchers {
		for w := range e.watchers[k] {
			w.DirtyCAS = true
		}
	}
	for _, d := range e.departing {
		d.changed = true
	}
	e.tracking.Flushed()
	e.Store = s
	s.Limits = e.limits()
	s.Changed = func(db *store.DB, key []byte) {
		e.keyChanged(db.Index(), key)
		e.blocking.keyChanged(db.Index(), key)
		e.noteDeparting(db.Index(), key)
		if key != nil && !e.tracking.Idle() { // what changes all keys has said so
			e.tracking.Changed(key, e.changer)
		}
		changed(db.Index(), key)
	}
}

// limits are the settings' limits and the one that DEBUG sets.
func (e *Env) limits() *store.Limits {
	l := Limits(e.Config)
	l.ListPlain = e.listPlain
	return l
}

// Limits are the settings' limits of compact encodings.
func Limits(c *config.Config) *store.Limits {
	number := func(name string) int { return int(min(c.Int(name), math.MaxInt32)) }
	return &store.Limits{
		HashEntries: number("hash-max-listpack-entries"), HashValue: number("hash-max-listpack-value"),
		ListSize: number("list-max-listpack-size"), SetIntset: number("set-max-intset-entries"),
		ZSetEntries: number("zset-max-listpack-entries"), ZSetValue: number("zset-max-listpack-value"),
	}
}

// Table is the command table.
func (e *Env) Table() *resp.Table[*Context] { return e.table }
