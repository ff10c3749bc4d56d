package command

import (
	"holdfast/node/store"
	"holdfast/server/session"
)

type watchKey struct {
	db  int
	key string
}

// Watch has EXEC fail once key changes in database db.
func (c *Context) Watch(key []byte) {
	k := watchKey{c.S.DB, string(key)}
	watched := c.watchers[k]
	if watched[c.S] != nil {
		return
	}
	if watched == nil {
		watched = map[*session.Session]*session.WatchedKey{}
		c.watchers[k] = watched
	}
	it, ok := c.DB.Get(key)
	w := &session.WatchedKey{DB: k.db, Key: k.key, Since: c.Now, Expired: ok && c.Expired(&it)}
	watched[c.S] = w
	c.S.Watched = append(c.S.Watched, w)
}

// Unwatch forgets everything that s watches.
func (e *Env) Unwatch(s *session.Session) {
	for _, w := range s.Watched {
		k := watchKey{w.DB, w.Key}
		delete(e.watchers[k], s)
		if len(e.watchers[k]) == 0 {
			delete(e.watchers, k)
		}
	}
	s.Watched, s.DirtyCAS = nil, false
}

// keyChanged marks the transactions that watch the key; the store calls it for every change. Without a key it is about
// all of them, which the commands that do that have looked after before.
func (e *Env) keyChanged(db int, key []byte) {
	if len(e.watchers) == 0 || key == nil {
		return
	}
	for s, w := range e.watchers[watchKey{db, string(key)}] {
		if !e.expiredWhenWatched(w, key) && !(e.fieldsGone > 0 && e.fieldsGone < w.Since) {
			s.DirtyCAS = true
		}
	}
}

// expiredWhenWatched: the removal of a key that was past its time when WATCH came is no change to the client.
func (e *Env) expiredWhenWatched(w *session.WatchedKey, key []byte) bool {
	if !w.Expired {
		return false
	}
	if _, there := e.Store.DB(w.DB).Get(key); there {
		return false
	}
	w.Expired = false
	return true
}

// watchedExpired reports whether the time of a watched key, or of a field of a watched hash, has passed since, though
// nobody has deleted it yet.
func (c *Context) watchedExpired() bool {
	for _, w := range c.S.Watched {
		if w.Expired {
			continue
		}
		it, ok := c.Store.DB(w.DB).Get([]byte(w.Key))
		if ok && (c.Expired(&it) || it.Type() == store.TypeHash && c.fieldExpiredSince(it.Hash(), w.Since)) {
			return true
		}
	}
	return false
}

// fieldExpiredSince reports whether a field is past its time that was not at the time before.
func (c *Context) fieldExpiredSince(hash store.Hash, before int64) (found bool) {
	first := hash.NextExpiry()
	if !c.fieldExpired(first) || first >= before {
		return c.fieldExpired(first)
	}
	hash.Each(func(_, _ []byte, at int64) bool {
		found = at >= before && c.fieldExpired(at)
		return !found
	})
	return found
}
