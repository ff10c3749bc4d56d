package command

import (
	"time"

	"holdfast/resp"
	"holdfast/server/session"
)

// Migration is a MIGRATE under way. Its keys are dumped under the execution lock and sent without it, while the client
// is parked and others go on. Those that the target has accepted are deleted, under the lock again, if they are still
// as they were sent; those that have changed make up another round, so that what others do meanwhile follows the key.
type Migration struct {
	Host, Port    string
	DB            int64
	Timeout       time.Duration
	Auth          []any // the arguments of AUTH, if the target wants any
	Copy, Replace bool
	Round         []*Departure   // what is to be sent now
	Block         *session.Block // what the client is parked on

	c       *Context
	cmd     *Command
	db      int
	master  bool // the node's role at the start: what another role's data becomes is not this command's to say
	rounds  int
	refused resp.Error // the first error that the target replied with
}

// maxMigrateRounds bounds how often a key that keeps changing is sent.
const maxMigrateRounds = 8

// Departure is a key that is sent to another server.
type Departure struct {
	Key      []byte
	Payload  []byte // nil: it was deleted here after it had been sent, and is to be deleted there
	ExpireAt int64
	Replace  bool
	Accepted bool // by the target

	changed bool // since it was dumped
}

// Client is the client that waits.
func (m *Migration) Client() *session.Session { return m.c.S }

// Refuse notes an error that the target replied with.
func (m *Migration) Refuse(err resp.Error) {
	if m.refused == "" {
		m.refused = err
	}
}

// depart dumps a key into the next round. The store's changes to it are noted from here on, but not for COPY, which is
// done then, and not for a key that was named twice.
func (m *Migration) depart(d *Departure) error {
	c := m.c
	it, ok := c.Find(d.Key)
	if !ok && d.Accepted && d.ExpireAt >= 0 && d.ExpireAt < c.Now {
		return nil // its time has passed here, and so it has there
	}
	d.Payload, d.Replace, d.Accepted, d.changed = nil, d.Replace || d.Accepted, false, false
	if ok {
		p, err := c.payload(it)
		if err != nil {
			return err
		}
		d.Payload, d.ExpireAt = p, it.ExpireAt()
	}
	m.Round = append(m.Round, d)
	if k := (watchKey{m.db, string(d.Key)}); !m.Copy && c.departing[k] == nil {
		c.departing[k] = d
	}
	return nil
}

// arrived takes out of the round what the target has, and is to be deleted here: gone; and what has changed since it
// was sent.
func (m *Migration) arrived() (gone [][]byte, changed []*Departure) {
	decides := m.c.Engine.Master() == m.master
	for _, d := range m.Round {
		k := watchKey{m.db, string(d.Key)}
		if m.c.departing[k] != d {
			continue
		}
		delete(m.c.departing, k)
		switch {
		case !d.Accepted || !decides:
		case d.changed:
			changed = append(changed, d)
		case d.Payload != nil:
			gone = append(gone, d.Key)
		}
	}
	m.Round = nil
	return gone, changed
}

// abandon forgets the round.
func (m *Migration) abandon() { m.arrived() }

// Land goes on, under the execution lock, when the round was sent, or was not because of failure. It reports whether
// there is another round to send; if not, the client has its answer.
func (m *Migration) Land(now int64, failure error) (again bool) {
	c := m.c
	c.resume(c, m.cmd, m.db, now, func() (answered bool) {
		gone, changed := m.arrived()
		m.remove(gone)
		m.rounds++
		switch {
		case failure != nil || len(changed) == 0:
		case m.rounds == maxMigrateRounds:
			failure = errMigratesOn(changed[0].Key)
		default:
			for _, d := range changed {
				if failure = m.depart(d); failure != nil {
					m.abandon()
					break
				}
			}
		}
		if again = len(m.Round) > 0; again || c.S.Blocked() != m.Block {
			return false
		}
		m.answer(failure)
		return true
	})
	return again
}

// remove deletes what the target has.
func (m *Migration) remove(keys [][]byte) {
	effect := [][]byte{wordDel}
	for _, key := range keys {
		if m.c.DB.Delete(key) {
			m.c.Notify(NotifyGeneric, "del", key)
			effect = append(effect, key)
		}
	}
	if len(effect) > 1 {
		m.c.Replicate(effect...)
	}
}

func (m *Migration) answer(failure error) {
	c := m.c
	switch {
	case m.refused != "":
		c.fail(resp.Error("ERR Target instance replied with error: " + string(m.refused)))
	case failure != nil:
		c.fail(failure)
	default:
		c.S.W.OK()
	}
}

// noteDeparting notes that a key has changed while it is sent to another server; without a key all of the database
// have.
func (e *Env) noteDeparting(db int, key []byte) {
	if len(e.departing) == 0 {
		return
	}
	if key != nil {
		if d := e.departing[watchKey{db, string(key)}]; d != nil {
			d.changed = true
		}
		return
	}
	for k, d := range e.departing {
		if k.db == db {
			d.changed = true
		}
	}
}
