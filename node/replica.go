package node

import (
	"io"

	"holdfast/node/engine"
	"holdfast/node/persist"
	"holdfast/replication"
	"holdfast/resp"
)

const errNoMasterLink = resp.Error("NOMASTERLINK Can't SYNC while not connected with my master")

// applier executes what the predecessor's log says.
type applier struct {
	n      *Node
	of     *following
	source engine.Source
}

// Apply appends a batch as it stands to the node's own log, same bytes, same offsets, and has it executed.
func (a *applier) Apply(batch []replication.Entry) error {
	return a.n.engine.Apply(batch, &a.source)
}

// Continue has the log go on under the predecessor's id, unless the node has come to follow somebody else, or to lead,
// since it asked: then the log has a name of its own already.
func (a *applier) Continue(id string) error {
	n := a.n
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.follower != a.of {
		return engine.ErrSuperseded
	}
	n.log.ContinueAs(id)
	n.persist.NoteIdentity()
	return nil
}

// Load builds a data set from a snapshot beside the present one and swaps them when it is whole.
func (a *applier) Load(r io.Reader, pos replication.Position) error {
	s := a.of.Status()
	return a.n.persist.LoadCopy(r, persist.Copy{By: &a.source, From: s.Addr, Bytes: max(s.SyncTotal, 0), Position: pos})
}

// Rewind drops the log's end from offset on, which was never committed.
func (a *applier) Rewind(offset int64) error { return a.n.persist.Rewind(offset, &a.source) }
