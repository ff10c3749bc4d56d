package node

import (
	"errors"
	"fmt"
	"io"

	"holdfast/node/command"
	"holdfast/node/session"
	"holdfast/replication"
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
	woken := n.stagePushed(nil)
	n.mu.Unlock()
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
		switch name := command.Word(e.Args[0]); name {
		case "multi", "exec", "ping", "replconf":
		default:
			if err := n.env.ApplyEffect(a.c, e.Args); err != nil {
				return fmt.Errorf("applying %q at offset %d: %w", name, n.log.End(), err)
			}
		}
		end := n.log.Append(e.Raw)
		n.streamDB = a.c.S.DB
		n.markChanged(end)
	}
	return nil
}

// streamContext is the context in which the log's commands run: a session that nobody sees.
func (n *Node) streamContext() *command.Context {
	s := session.New(0, "", "", n.now(), func() {})
	s.Authenticated = true
	c := n.env.NewContext(s)
	c.Apply = true
	return c
}

// Load builds a data set from a snapshot beside the present one and swaps them when it is whole.
func (a *applier) Load(r io.Reader, pos replication.Position) error {
	n := a.n
	fresh := n.newStore()
	streamDB, err := readDump(r, fresh)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.follower != a.of {
		return errSuperseded
	}
	n.env.SetStore(fresh, n.keyChanged)
	n.log.Reset(pos)
	n.streamDB = streamDB
	n.touched.all = pos.Offset
	return nil
}
