package node

import (
	"bytes"
	"context"
	"strconv"

	"holdfast/node/command"
	"holdfast/node/dump"
	"holdfast/node/rdb"
	"holdfast/node/store"
	"holdfast/replication"
)

// sliceEntries is how many entries a snapshot saves in one turn under the execution lock, fewer when they are large: 64 KiB, which
// take a fraction of a millisecond also where they are compressed.
const sliceEntries = 128

// image is a snapshot in the making: a point in time of the data at a position of the log. The store emits entries into
// rdb, which writes to ready; these and what follows them are guarded by the execution lock. Large values are only frozen under the
// lock, and written when it was given back.
type image struct {
	n      *Node
	pos    replication.Position
	began  int64 // unix milliseconds
	locked bool  // it is made under the lock as a whole

	rdb     *rdb.Writer
	ready   bytes.Buffer
	walk    *store.Snapshot
	db      int // that rdb has selected since ready was last emptied, or -1
	frozen  []frozen
	writing bool // the first of the frozen values is being written, outside the lock
	failed  error
	closed  bool

	keys, saved int // in the data, and of them written or frozen
}

// frozen is a large value that is to be written.
type frozen struct {
	value             *store.Frozen
	db, keys, expires int
	idle              int64
	freq              int
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
	im.rdb.Compress, im.rdb.Checksum = n.settings.RDBCompression(), false // the sum is made where all is put together
	im.rdb.FieldTimes = hasFieldTimes(n.env.Store)
	n.saves.slice = 0
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
	for i := range n.env.Store.Databases() {
		im.keys += n.env.Store.DB(i).Len()
	}
	n.imaging = im
	im.walk = n.env.Store.BeginSnapshot(im.emit)
	return im
}

// compatVersion is the Redis that we answer as.
const compatVersion = "7.0.15"

// emit saves one entry; the store calls it under the execution lock. A large one is only frozen there.
func (im *image) emit(db int, it store.Item) error {
	im.saved++
	idle, freq := im.n.env.AccessData(it.Access(), im.began)
	keys, expires := im.walk.Size(db)
	if !im.locked {
		if f, ok := im.n.env.Store.Freeze(it); ok {
			im.frozen = append(im.frozen, frozen{f, db, keys, expires, idle, freq})
			return nil
		}
	}
	if db != im.db {
		im.db = db
		if err := im.rdb.SelectDB(db, keys, expires); err != nil {
			return err
		}
	}
	e := dump.Entry(it)
	e.Idle, e.Freq = idle, freq
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

// newStore is an empty data set.
func (n *Node) newStore() *store.Store {
	s := store.New(n.settings.Databases(), newRand())
	s.Limits = command.Limits(n.settings)
	s.NewAccess = command.NewAccess(n.settings, n.now().UnixMilli())
	return s
}
