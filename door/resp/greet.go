package resp

import (
	"context"
	"fmt"

	"holdfast/internal/rules"
	"holdfast/membership"
	"holdfast/server/session"
)

// greet looks at a connection's first byte. It reports whether commands may be parsed.
func (d *driver) greet() bool {
	if d.greeted {
		return !d.proving
	}
	first, ok := d.s.In.Peek()
	switch d.greeted = ok; {
	case !ok:
	case first == membership.Hello:
		d.proving = true
	case d.membersOnly != "":
		d.bad = d.membersOnly
	}
	return d.bad == nil && !d.proving
}

// prove has a member prove itself; then the connection goes on as any other, in the clear.
func (d *driver) prove(ctx context.Context) error {
	d.s.Proving.Store(true)
	d.conn.Stop()
	peer, err := d.door.proof.Member.Check(ctx, d.conn, d.s.In.Take())
	if err == nil && peer.Kind != membership.Node {
		err = fmt.Errorf("%s has nothing to say here", peer)
	}
	if err != nil {
		return err
	}
	d.door.engine.Lock()
	defer d.door.engine.Unlock()
	d.proving = false
	d.s.Proving.Store(false)
	if rules.NodePlacesForMembers {
		d.door.env.Stand(d.s, session.Member)
	}
	d.s.Member, d.s.Authenticated = peer.Name, true
	d.door.limitInput(d)
	return nil
}
