package node

import (
	"errors"
	"fmt"
	"io"

	"holdfast/node/command"
	"holdfast/node/session"
	"holdfast/node/store"
	"holdfast/replication"
	"holdfast/replication/aof"
	"holdfast/resp"
)

// The refusals of replicas.
var (
	errNotSuccessor = resp.Error("STALEEPOCH this node is not your predecessor in the present epoch")
	errNoMasterLink = resp.Error("NOMASTERLINK Can't SYNC while not connected with my master")
	errSuperseded   = errors.New("the node follows somebody else now")
)

// applier executes what the predecessor's log says.
type applier struct {
	n  *Node
	of *following
	c  *command.Context // keeps the database that the stream has selected
}

// Apply executes a batch as it stands and appends its very bytes to the node's own log: same bytes, same offsets.
func (a *applier) Apply(batch []replication.Entry) error {
	n := a.n
	n.mu.Lock()
	if n.follower != a.of {
		n.mu.Unlock()
		return errSuperseded
	}
	err := a.apply(batch)
	n.serveBlocked()
	n.log.Flush()
	n.env.Broadcast()
	woken := n.stagePushed()
	n.mu.Unlock()
	n.publish()
	for _, s := range woken {
		s.Wake()
	}
	return err
}

func (a *applier) apply(batch []replication.Entry) error {
	n := a.n
	if a.c == nil {
		a.c = n.streamContext()
	}
	a.c.Now = n.now().UnixMilli()
	a.c.S.DB = n.streamDB
	n.env.Effects.Off = true // the log gets the predecessor's bytes
	for _, e := range batch {
		if err := n.applyEffect(a.c, e.Args); err != nil {
			return fmt.Errorf("at offset %d: %w", n.log.End(), err)
		}
		end := n.log.Append(e.Raw)
		n.streamDB = a.c.S.DB
		n.markChanged(end)
	}
	return nil
}

// applyEffect executes a command of the log.
func (n *Node) applyEffect(c *command.Context, args [][]byte) error {
	switch name := command.Word(args[0]); name {
	case "multi", "exec", "ping", "replconf":
		return nil // it changes nothing
	default:
		if err := n.env.ApplyEffect(c, args); err != nil {
			return fmt.Errorf("applying %q: %w", name, err)
		}
		return nil
	}
}

// streamContext is the context in which the log's commands run: a session that nobody sees.
func (n *Node) streamContext() *command.Context {
	s := session.New(0, "", "", n.now(), func() {})
	s.Authenticated = true
	c := n.env.NewContext(s)
	c.Apply = true
	return c
}

// Continue has the log go on under the predecessor's id, unless the node has come to follow somebody else, or to lead, since it asked:
// then the log has a name of its own already.
func (a *applier) Continue(id string) error {
	n := a.n
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.follower != a.of {
		return errSuperseded
	}
	n.log.ContinueAs(id)
	n.noteIdentity()
	return nil
}

// Load builds a data set from a snapshot beside the present one and swaps them when it is whole.
func (a *applier) Load(r io.Reader, pos replication.Position) error {
	d := a.n.disk()
	s := a.of.Status()
	p, end := a.n.beginLoad(s.Addr, max(s.SyncTotal, 0))
	defer end()
	r, base, err := d.tee(p.reader(r))
	if err != nil {
		return err
	}
	fresh := a.n.newStore()
	streamDB, err := a.n.readDump(r, fresh)
	if err == nil {
		err = a.swap(fresh, pos, streamDB, d, base)
	} else if base != nil {
		err = errors.Join(err, base.Abort())
	}
	return err
}

// swap puts a data set that is whole in the place of the present one. base, if there is a disk d, has the same data.
func (a *applier) swap(fresh *store.Store, pos replication.Position, streamDB int, d *disk, base *aof.Base) error {
	n := a.n
	if base != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
	}
	n.mu.Lock()
	if n.follower != a.of {
		n.mu.Unlock()
		if base != nil {
			return errors.Join(errSuperseded, base.Abort())
		}
		return errSuperseded
	}
	n.env.SetStore(fresh, n.keyChanged)
	n.log.Reset(pos)
	n.streamDB = streamDB
	n.touched.restart(pos.Offset)
	var tap *replication.Reader
	if base != nil {
		tap = n.log.Tap(pos.Offset)
	}
	n.mu.Unlock()
	if base != nil {
		d.note(d.restart(base, pos, streamDB, tap))
	}
	return nil
}

// Rewind drops the log's end from offset on, which was never committed.
func (a *applier) Rewind(offset int64) error {
	d := a.n.disk()
	if d == nil {
		return errNoLog
	}
	return d.rewind(offset, a)
}
