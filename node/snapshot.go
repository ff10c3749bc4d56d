package node

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"

	"holdfast/node/command"
	"holdfast/node/dump"
	"holdfast/node/rdb"
	"holdfast/node/store"
	"holdfast/replication"
)

// sliceEntries is how many entries a snapshot saves in one turn under the execution lock.
const sliceEntries = 256

// image is a snapshot in the making: a point in time of the data at a position of the log. The store emits entries into
// rdb, which writes to ready; both are guarded by the execution lock.
type image struct {
	n      *Node
	pos    replication.Position
	rdb    *rdb.Writer
	ready  bytes.Buffer
	walk   *store.Snapshot
	db     int
	began  int64 // unix milliseconds
	failed error
	closed bool
}

// Snapshot fixes an image of the data as it is now. Only one can be in the making: others wait for it.
func (n *Node) Snapshot(ctx context.Context) (replication.Snapshot, error) {
	select {
	case <-n.snapshots:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-n.stopped:
		return nil, context.Canceled
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.newImage(), nil
}

// newImage needs the execution lock and the token of snapshots.
func (n *Node) newImage() *image {
	im := &image{n: n, pos: n.log.Position(), db: -1, began: n.now().UnixMilli()}
	im.rdb = rdb.NewWriter(&im.ready)
	im.rdb.Compress, im.rdb.Checksum = n.settings.RDBCompression(), n.settings.RDBChecksum()
	im.rdb.FieldTimes = hasFieldTimes(n.env.Store)
	if n.place.master {
		n.env.Effects.Reselect() // the reader of the log past the image knows no database
	}
	im.failed = im.rdb.Header(map[string]string{
		"redis-ver": compatVersion, "redis-bits": "64", "aof-base": "0",
		"ctime":          strconv.FormatInt(n.now().Unix(), 10),
		"used-mem":       strconv.FormatInt(n.env.Store.Memory(), 10),
		"repl-stream-db": strconv.Itoa(max(n.streamDB, 0)),
		"repl-id":        im.pos.ID,
		"repl-offset":    strconv.FormatInt(im.pos.Offset, 10),
	})
	im.walk = n.env.Store.BeginSnapshot(im.emit)
	return im
}

// compatVersion is the Redis that we answer as.
const compatVersion = "7.0.15"

// emit saves one entry; the store calls it under the execution lock.
func (im *image) emit(db int, it store.Item) error {
	if db != im.db {
		im.db = db
		d := im.n.env.Store.DB(db)
		if err := im.rdb.SelectDB(db, d.Len(), d.Expires()); err != nil {
			return err
		}
	}
	e := dump.Entry(it)
	e.Idle, e.Freq = im.n.env.AccessData(it.Access(), im.began)
	return im.rdb.Entry(e)
}

// hasFieldTimes tells whether the store has hashes with fields that expire.
func hasFieldTimes(s *store.Store) bool {
	for i := range s.Databases() {
		if s.DB(i).FieldExpires() > 0 {
			return true
		}
	}
	return false
}

// Position is where in the log the image was fixed.
func (im *image) Position() replication.Position { return im.pos }

// WriteTo writes the image, slice by slice, while the node goes on.
func (im *image) WriteTo(w io.Writer) (written int64, err error) {
	var out bytes.Buffer
	for done := false; !done; {
		im.n.mu.Lock()
		turn := im.n.env.BeginTurn()
		done, err = im.step()
		out, im.ready = im.ready, out
		im.n.env.EndTurn(turn)
		im.n.mu.Unlock()
		if err != nil {
			return written, err
		}
		n, err := out.WriteTo(w)
		written += n
		if err != nil {
			return written, err
		}
		out.Reset()
	}
	return written, nil
}

// step saves some more entries; it needs the execution lock.
func (im *image) step() (done bool, err error) {
	if im.closed {
		return false, fmt.Errorf("snapshot: %w", context.Canceled)
	}
	if im.failed != nil {
		return false, im.failed
	}
	if done, err = im.walk.Step(sliceEntries); err == nil && done {
		err = im.rdb.EOF()
	}
	return done, err
}

// Close gives up what the image holds.
func (im *image) Close() error {
	im.n.mu.Lock()
	closed := im.closed
	im.closed = true
	if !closed {
		im.walk.Close()
	}
	im.n.mu.Unlock()
	if !closed {
		im.n.snapshots <- struct{}{}
	}
	return nil
}

// newStore is an empty data set.
func (n *Node) newStore() *store.Store {
	s := store.New(n.settings.Databases(), newRand())
	s.Limits = command.Limits(n.settings)
	s.NewAccess = command.NewAccess(n.settings, n.now().UnixMilli())
	return s
}
