package resp

// turnInHand is what a turn of clients executes; guarded by the execution lock.
type turnInHand struct {
	drivers []*driver
	at      int  // who is being executed
	alone   bool // the others were let go
}

// LetGo has those go on who stand in the same turn as a client whose script goes on: who had been executed before gets
// his replies, and all are served by others.
func (o *Door) LetGo() {
	t := &o.turn
	if t.alone || len(t.drivers) == 0 {
		return
	}
	t.alone, o.batch = true, nil // others are executed meanwhile
	for _, d := range t.drivers[:t.at] {
		o.stageReplies(d)
	}
	o.loops.LetGo(t.drivers[t.at].conn)
}

// runGuests answers clients while another one's script runs for too long: most of what they ask for is refused. The
// replies have nothing to wait for. A client that the script has sent something to is answered when it has ended, so
// that it is not told of what the chain may never get.
func (o *Door) runGuests(drivers []*driver) {
	for _, d := range drivers {
		c, s := d.ctx, d.s
		d.count(o.env.Stats)
		d.appended, d.deferred = false, false
		c.Begin()
		c.Now = o.env.ScriptTime()
		for d.next < len(d.cmds) && stateOf(s) == stateReady {
			o.env.Execute(c, d.cmds[d.next]) // it holds no guest back
			d.next++
		}
		d.state = stateOf(s)
		o.limitInput(d)
		if !s.Pushed {
			s.Stage(s.Gate, o.log.Commit())
		}
	}
}
