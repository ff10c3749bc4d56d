package node

import "context"

// hasRoom reports whether clients' commands may add to what is uncommitted.
func (n *Node) hasRoom() bool { return n.log.End()-maxUncommitted <= n.log.Commit() }

// maxUncommitted bounds the bytes that were executed and are not committed yet.
const maxUncommitted = 64 << 20

// makeRoom holds the client's commands back while too much is waiting for the chain, so that a stuck successor can't
// grow the log without bound. It ends early when the session is woken: it may be about to end, and then nobody knows
// whether this log will ever be committed as far.
func (d *driver) makeRoom(ctx context.Context) error {
	log := d.n.log
	if d.n.hasRoom() || d.conn.TakeWake() {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	room := make(chan error, 1)
	go func() { room <- log.WaitCommit(ctx, log.End()-maxUncommitted) }()
	select {
	case err := <-room:
		return err
	case <-d.flushed:
		return nil
	}
}
