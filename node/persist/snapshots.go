package persist

import (
	"context"
	"errors"
	"strconv"
	"time"

	"holdfast/cluster"
	"holdfast/node/engine"
	"holdfast/node/programs"
	"holdfast/node/rdb"
	"holdfast/node/store"
	"holdfast/replication"
)

// Snapshots makes images of the data, one at a time.
type Snapshots struct {
	*Config
	free    chan struct{} // holds a token while none is in the making
	current *Image        // in the making; guarded by the execution lock
	slice   time.Duration // the longest that the last one held everybody else up at once; likewise
}

func newSnapshots(c *Config) *Snapshots {
	s := &Snapshots{Config: c, free: make(chan struct{}, 1)}
	s.free <- struct{}{}
	return s
}

// Snapshot fixes an image of the data as it is now. Only one can be in the making: others wait for it.
func (s *Snapshots) Snapshot(ctx context.Context) (replication.Snapshot, error) {
	im, err := s.whole(ctx)
	if err != nil {
		return replication.Snapshot{}, err
	}
	s.unlock()
	return replication.Snapshot{Position: im.pos, Image: im}, nil
}

// whole waits until an image of data that is whole can be fixed, and does so. It answers with the execution lock held.
func (s *Snapshots) whole(ctx context.Context) (*Image, error) {
	select {
	case <-s.free:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.Stopped:
		return nil, context.Canceled
	}
	if err := s.lockWhole(ctx); err != nil {
		s.free <- struct{}{}
		return nil, err
	}
	return s.begin(), nil
}

// look is the time between two looks at something that nobody is told of.
const look = 20 * time.Millisecond

// lockWhole takes the execution lock when the data is whole: what is being loaded is handed on to nobody. ctx, and the
// node's end, end the waiting.
func (s *Snapshots) lockWhole(ctx context.Context) error {
	for {
		s.lock()
		if !s.Engine.Data.Partial {
			return nil
		}
		s.unlock()
		select {
		case <-time.After(look):
		case <-ctx.Done():
			return ctx.Err()
		case <-s.Stopped:
			return context.Canceled
		}
	}
}

// try fixes an image unless one is in the making. It needs the execution lock.
func (s *Snapshots) try() (im *Image, ok bool) {
	select {
	case <-s.free:
		return s.begin(), true
	default:
		return nil, false
	}
}

// begin needs the execution lock and the token.
func (s *Snapshots) begin() *Image {
	e, data := s.Engine, s.Engine.Store
	defer e.StandStill()()
	im := &Image{of: s, pos: e.Log.Position(), db: -1, began: s.Now().UnixMilli(), given: make(chan struct{}),
		policy: engine.PolicyOf(s.Settings.MaxmemoryPolicy()), delay: s.Settings.KeySaveDelay()}
	im.rdb = rdb.NewWriter(&im.ready)
	im.rdb.Compress, im.rdb.Checksum = s.Settings.RDBCompression(), false // the sum is made where all is put together
	im.rdb.FieldTimes = hasFieldTimes(data)
	s.slice = 0
	if e.Master() {
		e.Effects.Reselect() // the reader of the log past the image knows no database
	}
	header := map[string]string{
		"redis-ver": compatVersion, "redis-bits": "64", "aof-base": "0",
		"ctime":          strconv.FormatInt(s.Now().Unix(), 10),
		"used-mem":       strconv.FormatInt(data.Memory(), 10),
		"repl-stream-db": strconv.Itoa(max(s.Engine.Data.StreamDB, 0)),
		"repl-id":        im.pos.ID,
		"repl-offset":    strconv.FormatInt(im.pos.Offset, 10),
	}
	if needs := s.Loader.Features.Needs(); needs > cluster.LevelBase {
		header[needsField] = strconv.Itoa(int(needs))
	}
	im.failed = writePrograms(im.rdb, header, &data.Programs)
	for i := range data.Databases() {
		im.keys += data.DB(i).Len()
	}
	s.current = im
	im.walk = data.BeginSnapshot(im.emit)
	return im
}

// scriptField is the auxiliary field of a script that is kept: the one in which Redis kept its scripts once.
const scriptField = "lua"

// writePrograms writes the header, and the scripts and functions that go with the data.
func writePrograms(w *rdb.Writer, header map[string]string, set *programs.Set) error {
	err := w.Header(header)
	for _, body := range set.Scripts() {
		err = errors.Join(err, w.Aux(scriptField, body))
	}
	for _, name := range set.Names() {
		code, _ := set.Library(name)
		err = errors.Join(err, w.Function([]byte(code)))
	}
	return err
}

// compatVersion is the Redis that we answer as.
const compatVersion = "7.0.15"

// hasFieldTimes tells whether the store has hashes with fields that expire.
func hasFieldTimes(s *store.Store) bool {
	for i := range s.Databases() {
		if s.DB(i).FieldExpires() > 0 {
			return true
		}
	}
	return false
}
