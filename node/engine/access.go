package engine

import (
	"context"
	"errors"
	"strconv"

	"holdfast/node/store"
)

// The refusals of Update and View. The node around the engine has more of them, see Node.Refuses.
var (
	ErrReplica = errors.New("writes are for the master")
	ErrLoading = errors.New("the data is being loaded")
	ErrPaused  = errors.New("clients are held back for a moment")
	ErrEnding  = errors.New("the node is ending")
	// ErrUnconfirmed: this member can't know alone whether the chain goes on without it.
	ErrUnconfirmed = errors.New("the chain has to confirm that it stands")
	ErrType        = errors.New("the key holds a value of another type")
	// ErrLost is the answer of Gate.Wait when the node has left its place before the commit point was there: what was
	// written may be kept, or be lost, and what was read may be lost.
	ErrLost = errors.New("the node left its place in the chain before that was committed")
)

// Tx is access to the data within one turn. It must not be kept.
type Tx struct {
	e      *Engine
	now    int64
	gate   int64
	looked bool
}

// Gate is what a reply has to wait for: until then, what it shows could be lost with the node.
type Gate struct {
	e    *Engine
	at   int64           // the offset of the log that must be committed
	held context.Context // ends when the node leaves its place
}

// Update calls fn in a turn of its own, alone with the data. What it changes is one transaction: other members show all
// of it or none. When fn returns an error, that is the answer; but what it has changed before stays, so it looks first
// and changes then.
//
// Nobody may be told of what fn did, or saw, before the gate is open.
func (e *Engine) Update(fn func(tx *Tx) error) (Gate, error) {
	t := e.Begin()
	defer t.Commit()
	err := e.refuses(true)
	if err != nil {
		return Gate{}, err
	}
	tx := e.tx(&t)
	err = fn(tx)
	if !e.Effects.Empty() {
		tx.gate = max(tx.gate, e.Append())
	}
	return e.gate(tx), err
}

// View is Update for who only looks.
func (e *Engine) View(fn func(tx *Tx) error) (Gate, error) {
	t := e.Begin()
	defer t.Commit()
	if err := e.refuses(false); err != nil {
		return Gate{}, err
	}
	tx := e.tx(&t)
	err := fn(tx)
	return e.gate(tx), err
}

func (e *Engine) tx(t *Turn) *Tx { return &Tx{e: e, now: t.Now.UnixMilli()} }

// refuses says why nothing can be read, or written, here now.
func (e *Engine) refuses(write bool) error {
	switch r := e.role; {
	case e.Stopping():
		return ErrEnding
	case e.Data.Loading:
		return ErrLoading
	case write && !r.Master:
		return ErrReplica
	case r.Pause > PauseWrites, write && r.Pause == PauseWrites:
		return ErrPaused
	}
	return e.Commands.Refuses(write)
}

// gate is what has to be committed before what tx did, or saw, may be told.
func (e *Engine) gate(tx *Tx) Gate {
	if !e.role.Gated {
		return Gate{}
	}
	if tx.looked && e.mayBeDeposed() {
		tx.gate = max(tx.gate, e.AppendMarker()) // it must make it through the chain: there may be another master
	}
	return Gate{e, tx.gate, e.held}
}

// GateOfAll is the offset that must be committed before all that the data shows now may be shown. It needs the lock.
func (e *Engine) GateOfAll() int64 {
	switch {
	case !e.role.Gated:
		return 0
	case e.mayBeDeposed():
		return e.AppendMarker() // see gate
	}
	return e.Log.End()
}

// mayBeDeposed reports whether another master may be at work: then what is looked at has to wait for a marker.
func (e *Engine) mayBeDeposed() bool { return e.role.Master && !e.Node.LeadsForSure() }

// Wait waits until the gate is open. Without an error, no member of the chain can lose what it is about.
func (g Gate) Wait(ctx context.Context) error {
	if g.e == nil || g.e.Log.Commit() >= g.at && g.held.Err() == nil {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(g.held, cancel)()
	err := g.e.Log.WaitCommit(ctx, g.at)
	if g.held.Err() != nil {
		return ErrLost
	}
	return err
}

// LoseGates has nobody wait any longer for what may never be committed, as the node leaves its place. It needs the
// lock.
func (e *Engine) LoseGates() {
	e.lose()
	e.held, e.lose = context.WithCancel(context.Background())
}

// Now is the time as data, in unix milliseconds; the same for all of a transaction.
func (tx *Tx) Now() int64 { return tx.now }

// DB is one database, for values of any type. Whoever uses it says at which keys he looked (Looked) and what he did
// (Replicate).
func (tx *Tx) DB(db int) *store.DB { return tx.e.Store.DB(db) }

// Looked says that what is told shows something of a key.
func (tx *Tx) Looked(db int, key []byte) {
	tx.looked, tx.gate = true, max(tx.gate, tx.e.LastChange(db, key))
}

// LookedAtAll says that what is told shows something of keys that nobody names.
func (tx *Tx) LookedAtAll() { tx.looked, tx.gate = true, tx.e.Log.End() }

// Replicate adds what was done, as a command of the log: one that has the same outcome on every member, whenever it is
// executed there.
func (tx *Tx) Replicate(db int, words ...[]byte) { tx.e.Effects.Add(db, words...) }

// Get is a string, whose bytes must not be kept or changed.
func (tx *Tx) Get(db int, key []byte) (value []byte, found bool, err error) {
	tx.Looked(db, key)
	it, found := tx.DB(db).Get(key)
	switch {
	case !found || it.ExpireAt() >= 0 && tx.now > it.ExpireAt():
		return nil, false, nil
	case it.Type() != store.TypeString:
		return nil, false, ErrType
	}
	return it.Bytes(), true, nil
}

// Set makes a string the value of a key. expireAt is a unix time in milliseconds, or store.NoExpiry.
func (tx *Tx) Set(db int, key, value []byte, expireAt int64) {
	tx.DB(db).SetString(key, value, store.TryEncode(value), expireAt)
	if expireAt == store.NoExpiry {
		tx.Replicate(db, []byte("SET"), key, value)
		return
	}
	tx.Replicate(db, []byte("SET"), key, value, []byte("PXAT"), strconv.AppendInt(nil, expireAt, 10))
}

// Delete removes a key, of whatever type its value is, and reports whether it was there.
func (tx *Tx) Delete(db int, key []byte) (found bool) {
	tx.Looked(db, key)
	it, found := tx.DB(db).Get(key)
	if !found {
		return false
	}
	expired := it.ExpireAt() >= 0 && tx.now > it.ExpireAt()
	tx.DB(db).Delete(key)
	tx.Replicate(db, []byte("DEL"), key)
	return !expired
}
