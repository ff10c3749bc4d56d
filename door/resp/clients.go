package resp

import (
	"net"
	"time"

	"holdfast/resp"
	"holdfast/server"
	"holdfast/server/session"
)

// full reports whether there are as many clients as there may be. Followers that are no members are clients too;
// members are not.
func (o *Door) full() bool {
	return o.env.Clients.Count(session.Client)+o.replication.Feeder.Strangers() >= o.settings.MaxClients()
}

// welcome registers a new connection, or says why it is turned away.
func (o *Door) welcome(d *driver) (refusal string) {
	refusal, unknown := o.register(d)
	if unknown {
		o.engine.Do(func(time.Time) { o.env.Arrive(d.s, true) })
		time.AfterFunc(server.Introduction, func() { o.engine.Do(func(time.Time) { o.env.KeepOut(d.s) }) })
	} else if d.membersOnly != "" {
		time.AfterFunc(silence, func() { o.engine.Do(func(time.Time) { o.endSilence(d.s) }) })
	}
	return refusal
}

// silence is how long one may say nothing who is not served unless it proves to be a member: else strangers could take
// all the places of clients so.
const silence = 5 * time.Second

func (o *Door) endSilence(s *session.Session) {
	if s.Member == "" && !s.Proving.Load() && o.env.Clients.Get(s.ID) != nil {
		s.Abort("it does not prove that it is a member")
	}
}

// register is welcome, but for a connection that has to say who it is.
func (o *Door) register(d *driver) (refusal string, unknown bool) {
	o.engine.Visit(func() { refusal, unknown = o.enroll(d) })
	return refusal, unknown
}

func (o *Door) enroll(d *driver) (refusal string, unknown bool) {
	full := o.full()
	if reason := o.turnAway(d); reason != "" {
		o.env.Stats.Rejected++
		if full {
			reason = string(resp.ErrMaxClients)
		}
		return reason, false
	}
	o.nextID++
	o.env.Stats.Connections++
	d.s = session.New(o.nextID, d.conn.RemoteAddr().String(), d.conn.LocalAddr().String(), o.engine.Now(), d.wake)
	d.s.Authenticated = o.settings.RequirePass() == ""
	o.limitInput(d)
	d.ctx = o.env.NewContext(d.s)
	d.ctx.Input = &d.s.In
	d.s.Socket = d.conn
	if !full {
		o.env.Arrive(d.s, false)
		return "", false
	}
	return "", true
}

// turnAway says why a connection is not served, if so. Of some that is only so unless they prove to be a member's.
func (o *Door) turnAway(d *driver) string {
	if tcp, ok := d.conn.RemoteAddr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() && o.settings.ProtectedMode() &&
		o.settings.RequirePass() == "" {
		if o.proof.Member == nil {
			return ErrProtected
		}
		d.membersOnly = resp.Error(ErrProtected)
	}
	return ""
}

// ErrProtected refuses connections from other machines.
const ErrProtected = "DENIED protected mode is on and no password is set: connections from other machines are " +
	"refused. Set requirepass, or protected-mode no where the network is trusted."

// limitInput has the parser keep to the settings, and to what the client may do, as they are now.
func (o *Door) limitInput(d *driver) {
	l := resp.Limits{
		MaxBulk: o.settings.ProtoMaxBulkLen(), MaxQuery: o.settings.ClientQueryBufferLimit(),
		Unauthenticated: !d.s.Authenticated && o.settings.RequirePass() != "",
	}
	if l != d.limits {
		d.limits = l
		d.s.In.SetLimits(l)
	}
}

// farewell forgets a connection that has ended.
func (o *Door) farewell(d *driver, err error) {
	if err != nil {
		o.logger.Debug("client connection ended", "client", d.s.ID, "addr", d.s.Addr, "err", err)
	}
	o.forget(d)
	d.s.Out.Discard()
}

// forget takes the session out of everything that knows it.
func (o *Door) forget(d *driver) { o.engine.Visit(func() { o.strike(d) }) }

func (o *Door) strike(d *driver) {
	if o.env.Clients.Get(d.s.ID) == nil {
		return
	}
	d.count(o.env.Stats)
	o.env.Depart(d.s)
	d.s.Unpark()
	o.replication.Pauses.Forget(d.s)
	o.replication.Confirmations.Forget(d.s)
	o.replication.Handover.Without(d.s)
}
