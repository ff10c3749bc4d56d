package command

import (
	"context"
	"time"

	"holdfast/node/engine"
	"holdfast/node/transfer"
	"holdfast/resp"
	"holdfast/server/session"
)

// migration is a MIGRATE under way. Its keys are dumped under the execution lock and sent without it, while the client
// is parked and others go on. Those that the target has accepted are deleted, under the lock again, if they are still
// as they were sent; those that have changed make up another round, so that what others do meanwhile follows the key.
type migration struct {
	to            transfer.Target
	copy, replace bool
	round         []*transfer.Key // what is to be sent now
	block         *session.Block  // what the client is parked on

	c      *Context
	cmd    *Command
	db     int
	master bool // the node's role at the start: what another role's data becomes is not this command's to say
	rounds int
}

// maxMigrateRounds bounds how often a key that keeps changing is sent.
const maxMigrateRounds = 8

// depart dumps a key into the next round. The store's changes to it are noted from here on, but not for COPY, which is
// done then, and not for a key that was named twice.
func (m *migration) depart(d *transfer.Key) error {
	c := m.c
	it, ok := c.Find(d.Key)
	if !ok && d.Accepted && d.ExpireAt >= 0 && d.ExpireAt < c.Now {
		return nil // its time has passed here, and so it has there
	}
	d.Payload, d.Replace, d.Accepted, d.Changed = nil, d.Replace || d.Accepted, false, false
	if ok {
		p, err := c.payload(it)
		if err != nil {
			return err
		}
		d.Payload, d.ExpireAt = p, it.ExpireAt()
	}
	m.round = append(m.round, d)
	if k := (watchKey{m.db, string(d.Key)}); !m.copy && c.departing[k] == nil {
		c.departing[k] = d
	}
	return nil
}

// arrived takes out of the round what the target has, and is to be deleted here: gone; and what has changed since it
// was sent.
func (m *migration) arrived() (gone [][]byte, changed []*transfer.Key) {
	decides := m.c.Engine.Master() == m.master
	for _, d := range m.round {
		k := watchKey{m.db, string(d.Key)}
		if m.c.departing[k] != d {
			continue
		}
		delete(m.c.departing, k)
		switch {
		case !d.Accepted || !decides:
		case d.Changed:
			changed = append(changed, d)
		case d.Payload != nil:
			gone = append(gone, d.Key)
		}
	}
	m.round = nil
	return gone, changed
}

// abandon forgets the round.
func (m *migration) abandon() { m.arrived() }

// land goes on, under the execution lock, when the round was sent, or was not because of failure. It reports whether
// there is another round to send; if not, the client has its answer.
func (m *migration) land(now int64, failure error) (again bool) {
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
		if again = len(m.round) > 0; again || c.S.Blocked() != m.block {
			return false
		}
		m.answer(failure)
		return true
	})
	return again
}

// remove deletes what the target has.
func (m *migration) remove(keys [][]byte) {
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

func (m *migration) answer(failure error) {
	c := m.c
	switch {
	case m.to.Refused != "":
		c.fail(resp.Error("ERR Target instance replied with error: " + string(m.to.Refused)))
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
			d.Changed = true
		}
		return
	}
	for k, d := range e.departing {
		if k.db == db {
			d.Changed = true
		}
	}
}

// startMigration parks the client while the keys are sent.
func (e *Env) startMigration(m *migration) {
	ctx, cancel := context.WithCancel(e.Transfers.Context)
	m.to.Config = e.Transfers
	m.block = &session.Block{Kind: "migrate", Cancel: cancel}
	e.Park(m.c.S, m.block, 0)
	gate := e.Engine.GateOfAll()
	e.Engine.Go(func() { m.run(ctx, gate) })
}

// run sends round after round. Once something was sent it goes on to the end, even when the client has gone; only the
// wait for the commit point ends with ctx.
func (m *migration) run(ctx context.Context, gate int64) {
	e := m.c.Engine
	defer m.to.Close()
	for again := true; again; {
		failure := e.Log.WaitCommit(ctx, gate)
		if failure == nil {
			failure = m.to.Send(m.round)
		}
		for landed := false; !landed; {
			e.Do(func(now time.Time) {
				pause := e.Pause()
				landed = m.copy && pause != engine.PauseDrain || !e.Loading() && pause == engine.NoPause
				if !landed { // the data must stay as it is now
					return
				}
				again = m.land(now.UnixMilli(), failure)
				if s := m.c.S; !e.Effects.Empty() {
					s.WriteEnd = e.Append()
					s.Gate = max(s.Gate, s.WriteEnd)
					e.Log.Flush()
				}
				if again {
					gate = e.GateOfAll()
				}
			})
			if !landed && !m.pause() {
				return
			}
		}
	}
}

// standstillLook is how often it is looked whether the data may change again.
const standstillLook = 20 * time.Millisecond

// pause waits; false says that the node is being closed.
func (m *migration) pause() bool {
	select {
	case <-m.to.Context.Done():
		return false
	case <-time.After(standstillLook):
		return true
	}
}
