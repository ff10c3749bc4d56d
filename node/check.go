package node

import (
	"bufio"
	"io"
	"log/slog"

	"holdfast/node/config"
	"holdfast/node/persist"
	"holdfast/replication/aof"
)

// Check is a node that serves nobody. It loads what is on disk as one that does, so that what passes here is what that
// takes. It needs as much memory.
type Check struct {
	n *Node
	l *persist.Replay
}

// NewCheck makes one that takes what a node with these settings takes.
func NewCheck(settings *config.Config) (*Check, error) {
	n, err := New(Config{Settings: settings, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	return &Check{n: n, l: persist.NewReplay(n.engine, n.loader)}, nil
}

// Dump loads a snapshot as a start loads dump.rdb.
func (c *Check) Dump(r io.Reader) (persist.DumpReport, error) { return c.n.loader.Check(r) }

// Base loads the base of a log.
func (c *Check) Base(r *bufio.Reader) error { return c.l.Base(r) }

// Apply executes what a log says.
func (c *Check) Apply(batch []aof.Entry) error { return c.l.Apply(batch) }

// Keys is how many keys the last base brought.
func (c *Check) Keys() int64 { return c.n.loader.Last().Keys }
