package command

import (
	"holdfast/internal/bulk"
	"holdfast/node/store"
	"holdfast/resp"
	"holdfast/server/session"
)

// atOnce are the flags of what is not queued in a transaction.
const atOnce = resp.NoScript | resp.Loading | resp.Stale | resp.NotQueued

// transactionRows are the commands of transactions.
var transactionRows = []Command{
	{
		Name: "multi", Arity: 1, Flags: atOnce | resp.Fast | resp.AllowBusy,
		Categories: resp.CatTransaction, Group: "transactions", Since: "1.2.0", Complexity: "O(1)",
		Summary: "Begins a transaction: commands are queued from here on.", Run: multi,
	},
	{
		Name: "exec", Arity: 1, Flags: atOnce | resp.SkipSlowlog | resp.EndsMulti | resp.RunsQueued,
		Categories: resp.CatTransaction, Group: "transactions", Since: "1.2.0",
		Complexity: "that of the queued commands",
		Summary:    "Runs the queued commands with nothing between them.", Run: exec,
	},
	{
		Name: "discard", Arity: 1, Flags: atOnce | resp.Fast | resp.AllowBusy | resp.EndsMulti,
		Categories: resp.CatTransaction, Group: "transactions", Since: "2.0.0",
		Complexity: "O(N) in the number of queued commands",
		Summary:    "Ends a transaction without running it.", Run: discard,
	},
	{
		Name: "watch", Arity: -2, Flags: atOnce | resp.Fast | resp.AllowBusy,
		Categories: resp.CatTransaction, Keys: manyKeys(1, resp.RO), Group: "transactions", Since: "2.2.0",
		Complexity: "O(1) for each key", Summary: "Has the next transaction fail if one of the keys changes before.",
		Syntax: "key...", Run: watch,
	},
	{
		Name: "unwatch", Arity: 1, Flags: resp.NoScript | resp.Loading | resp.Stale | resp.Fast | resp.AllowBusy,
		Categories: resp.CatTransaction, Group: "transactions", Since: "2.2.0", Complexity: "O(1)",
		Summary: "Takes all WATCHes back.", Run: unwatch,
	},
}

// queueCommand keeps a command, with the flags that it has as it is called, until EXEC. The arguments are copied: they
// stand in the read buffer. Nothing is kept for a transaction that will fail anyhow.
func queueCommand(s *session.Session, cmd *Command, flags resp.Flag, args [][]byte) {
	tx := s.Tx
	if tx.Aborted || s.DirtyCAS {
		return
	}
	tx.Queue = append(tx.Queue, Copy(args))
	tx.Memory += argsMemory(args)
	tx.Any |= flags
	tx.Level = max(tx.Level, cmd.Level)
	tx.Missing |= ^flags
}

// argsMemory is what a copy of the words of a command takes.
func argsMemory(args [][]byte) int {
	const header = 24
	size := header
	for _, a := range args {
		size += header + len(a)
	}
	return size
}

// Copy copies the words of a command.
func Copy(args [][]byte) [][]byte {
	size := 0
	for _, a := range args {
		size += len(a)
	}
	text := make([]byte, 0, size)
	kept := make([][]byte, len(args))
	for i, a := range args {
		start := len(text)
		text = bulk.Append(text, a)
		kept[i] = text[start:len(text):len(text)]
	}
	return kept
}

// discard ends a transaction, and takes its WATCHes back.
func (e *Env) discard(s *session.Session) {
	s.Tx = nil
	e.Unwatch(s)
}

func multi(c *Context, _ [][]byte, w *resp.Writer) error {
	if c.S.Tx != nil {
		return resp.Error("ERR MULTI calls can not be nested")
	}
	c.S.Tx = &session.Tx{}
	w.OK()
	return nil
}

func discard(c *Context, _ [][]byte, w *resp.Writer) error {
	if c.S.Tx == nil {
		return resp.Error("ERR DISCARD without MULTI")
	}
	c.discard(c.S)
	w.OK()
	return nil
}

func exec(c *Context, _ [][]byte, w *resp.Writer) error {
	s := c.S
	tx := s.Tx
	if tx == nil {
		return resp.Error("ERR EXEC without MULTI")
	}
	// some of these look at the data and the log at once: what the log is ahead by is not to come between
	if tx.Any&resp.Admin != 0 {
		defer c.Engine.StandStill()()
		c.DB = c.Store.DB(s.DB)
	}
	dirty := s.DirtyCAS || c.watchedExpired()
	if tx.Aborted || dirty {
		c.discard(s)
		if tx.Aborted {
			return ErrExecAbort
		}
		w.NullArray()
		return nil
	}
	c.Unwatch(s) // what the transaction itself changes is no reason to fail
	w.Array(len(tx.Queue))
	c.InExec = true
	for _, args := range tx.Queue {
		if s.Aborted() {
			break // a script was ended with the node: nothing of this is to stay
		}
		cmd, err := c.table.Lookup(args)
		if err != nil {
			c.fail(err) // can't be: it was looked up before it was queued
			continue
		}
		c.Call(c, cmd, args)
	}
	c.InExec = false
	c.discard(s)
	return nil
}

func watch(c *Context, args [][]byte, w *resp.Writer) error {
	if c.S.Tx != nil {
		return resp.Error("ERR WATCH inside MULTI is not allowed")
	}
	if !c.S.DirtyCAS { // else the next EXEC fails already
		for _, key := range args[1:] {
			c.Watch(key)
		}
	}
	w.OK()
	return nil
}

func unwatch(c *Context, _ [][]byte, w *resp.Writer) error {
	c.Unwatch(c.S)
	w.OK()
	return nil
}

// watchersOfAll marks the transactions that watch keys of a database whose keys are all about to go, or (SWAPDB) to be
// replaced by those of another. A key that is in neither doesn't change; nor does one that has expired before and
// after.
func (c *Context) watchersOfAll(db int, replacement *store.DB) {
	for k, watched := range c.watchers {
		if k.db != db {
			continue
		}
		key := []byte(k.key)
		_, before := c.Store.DB(db).Get(key)
		var next store.Item
		after := false
		if replacement != nil {
			next, after = replacement.Get(key)
		}
		if !before && !after {
			continue
		}
		for s, w := range watched {
			if watchedChange(w, before, after, after && c.Expired(&next)) {
				s.DirtyCAS = true
			}
		}
	}
}

// watchedChange judges the exchange of a watched key's value, and notes whether what is there now has expired.
func watchedChange(w *session.WatchedKey, before, after, afterExpired bool) bool {
	switch {
	case w.Expired && !after:
		w.Expired = false
		return false
	case w.Expired:
		return !afterExpired
	case !before && afterExpired:
		w.Expired = true
		return false
	}
	return true
}
