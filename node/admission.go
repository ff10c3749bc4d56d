package node

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"holdfast/internal/openfiles"
	"holdfast/resp"
	"holdfast/server"
	"holdfast/server/session"
)

// full reports whether there are as many clients as there may be. Followers that are no members are clients too;
// members are not.
func (n *Node) full() bool {
	return n.env.Clients.Count(session.Client)+n.feeder.Strangers() >= n.settings.MaxClients()
}

// welcome registers a new connection, or says why it is turned away.
func (n *Node) welcome(d *driver) (refusal string) {
	refusal, unknown := n.register(d)
	if unknown {
		n.do(func(time.Time) { n.env.Arrive(d.s, true) })
		time.AfterFunc(server.Introduction, func() { n.do(func(time.Time) { n.env.KeepOut(d.s) }) })
	}
	return refusal
}

// register is welcome, but for a connection that has to say who it is.
func (n *Node) register(d *driver) (refusal string, unknown bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	full := n.full()
	if reason := n.turnAway(d); reason != "" {
		n.env.Stats.Rejected++
		if full {
			reason = string(resp.ErrMaxClients)
		}
		return reason, false
	}
	n.nextID++
	n.env.Stats.Connections++
	d.s = session.New(n.nextID, d.conn.RemoteAddr().String(), d.conn.LocalAddr().String(), n.now(), d.wake)
	d.s.Authenticated = n.settings.RequirePass() == ""
	n.limitInput(d)
	d.ctx = n.env.NewContext(d.s)
	d.ctx.Input = &d.s.In
	d.s.Hangup = func() { _ = d.conn.Close() }
	if !full {
		n.env.Arrive(d.s, false)
		return "", false
	}
	return "", true
}

// turnAway says why a connection is not served, if so. Of some that is only so unless they prove to be a member's.
func (n *Node) turnAway(d *driver) string {
	if tcp, ok := d.conn.RemoteAddr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() && n.settings.ProtectedMode() &&
		n.settings.RequirePass() == "" {
		if n.proof == nil {
			return errProtected
		}
		d.membersOnly = resp.Error(errProtected)
	}
	return ""
}

const errProtected = "DENIED protected mode is on and no password is set: connections from other machines are " +
	"refused. Set requirepass, or protected-mode no where the network is trusted."

// limitInput has the parser keep to the settings, and to what the client may do, as they are now.
func (n *Node) limitInput(d *driver) {
	l := resp.Limits{
		MaxBulk: n.settings.ProtoMaxBulkLen(), MaxQuery: n.settings.ClientQueryBufferLimit(),
		Unauthenticated: !d.s.Authenticated && n.settings.RequirePass() != "",
	}
	if l != d.limits {
		d.limits = l
		d.s.In.SetLimits(l)
	}
}

// farewell forgets a connection that has ended.
func (n *Node) farewell(d *driver, err error) {
	if err != nil {
		n.logger.Debug("client connection ended", "client", d.s.ID, "addr", d.s.Addr, "err", err)
	}
	n.forget(d)
	d.s.Out.Discard()
}

// forget takes the session out of everything that knows it.
func (n *Node) forget(d *driver) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.env.Clients.Get(d.s.ID) == nil {
		return
	}
	d.count(n.env.Stats)
	n.env.Depart(d.s)
	d.s.Unpark()
	delete(n.deferred, d)
	n.confirms.forget(d)
	n.clientDrain.without(d.s)
}

// memberReserve is how many more descriptors than one alone a member of a group needs: links to the sentinels, its
// predecessor and those who follow it, gossip, and who is about to introduce itself.
const memberReserve = 16

// fitClients is how many clients, up to maxclients, there are descriptors for.
func (n *Node) fitClients() (int, error) {
	reserve := openfiles.Reserve
	if n.grouped() {
		reserve += memberReserve
	}
	return openfiles.Fit(n.env.Process.OpenFiles, n.settings.MaxClients(), reserve, n.logger)
}

// limitClients lowers maxclients to what there are descriptors for.
func (n *Node) limitClients() error {
	fit, err := n.fitClients()
	if err == nil && fit < n.settings.MaxClients() {
		err = n.settings.Set("maxclients", []string{strconv.Itoa(fit)})
	}
	if err != nil {
		return fmt.Errorf("maxclients: %w", err)
	}
	return nil
}
