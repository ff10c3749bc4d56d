package persist

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"holdfast/cluster"
	"holdfast/node/engine"
	"holdfast/replication"
	"holdfast/replication/aof"
)

// writer writes the node's log to append-only files.
//
// Lock order: writer.mu, then the execution lock, then those of replication and aof.
type writer struct {
	*Config
	disk  *Disk
	files *aof.Files

	mu      engine.Locker       // held by whoever writes
	tap     *replication.Reader // reads what is to be written
	pending [][]byte            // from tap, and not yet written
	goesOn  bool                // the log on disk may have been left, and is to be kept again
	saved   aof.Identity        // what the log is called on disk

	stored   atomic.Int64              // the log is on disk up to here
	asked    atomic.Int64              // who asked for the round under way; 0: nobody
	roll     atomic.Pointer[rollPoint] // where a new file is to begin
	unsynced atomic.Bool               // there is something for the next fsync
	renews   atomic.Bool               // the log is looked at for whether it is to be rewritten
	failed   atomic.Pointer[string]    // why the last write failed; nil: it did not
	ended    chan struct{}             // closed when the log is no longer to be kept
}

func newWriter(d *Disk, files *aof.Files) *writer {
	return &writer{Config: d.Config, disk: d, files: files, mu: d.NewLock(), ended: make(chan struct{})}
}

func (w *writer) log() *replication.Log { return w.Engine.Log }

// rollPoint is an offset at which the log goes on in a new file, and the database that it has selected there.
type rollPoint struct {
	offset int64
	db     int
}

// write has the log's new bytes brought to disk: group commit. Who comes first does it for all who are ready to run by
// then; whoever comes before that is done goes on at once, as replies wait for the commit point anyway, and has what it
// appended brought along by the next round. Nobody waits for the disk here, who has other clients to serve: where a
// sync is to be made, or is being made, by who begins a new file or saves a snapshot, or a write has just taken long,
// that is left to another goroutine.
func (w *writer) write() {
	if w.stored.Load() >= w.log().End() || w.asked.Add(1) > 1 {
		return
	}
	if w.Settings.AppendFsync() == "always" {
		w.Go(w.rounds)
		return
	}
	runtime.Gosched()
	if w.roll.Load() != nil || w.files.Busy() || w.log().End()-w.stored.Load() > briefWrite || !w.mu.TryLock() {
		w.Go(w.rounds)
		return
	}
	if w.round() {
		w.Go(w.rounds) // the reply of who came first is not to wait for those of the others
	}
}

// briefWrite is how many bytes a loop writes itself, at most: what comes of a huge command is left to another
// goroutine.
const briefWrite = 1 << 20

// rounds brings to disk what is asked for until nothing is.
func (w *writer) rounds() {
	for more := true; more; {
		w.mu.Lock()
		more = w.round()
	}
}

// round brings to disk what was asked for, and reports whether more was asked for meanwhile. What fails is left to
// mend. It is called with w.mu held, and gives it up.
func (w *writer) round() (more bool) {
	w.asked.Store(1) // whoever asked has appended before
	err := w.writeAll()
	w.note(err)
	w.mu.Unlock()
	if err != nil {
		w.asked.Store(0)
		return false
	}
	return !w.asked.CompareAndSwap(1, 0)
}

// force is write also when there are no new bytes.
func (w *writer) force() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note(w.writeAll())
}

// writeAll needs w.mu.
func (w *writer) writeAll() error {
	if w.tap == nil {
		return errNotKept
	}
	if w.goesOn {
		if err := w.files.Keep(); err != nil {
			return err
		}
		w.goesOn = false
	}
	if w.renamed() {
		id := w.disk.identity()
		if err := w.tap.Err(); err != nil { // that is the name of a log whose bytes are not here
			return err
		}
		if err := w.files.SetIdentity(id); err != nil {
			return err
		}
		w.saved = id
	}
	always := w.Settings.AppendFsync() == "always"
	end := w.log().End() // what is appended from here on is left to the next round
	var unsynced int64
	for first := true; ; first = false {
		if err := w.rollIfDue(); err != nil {
			return err
		}
		var chunks [][]byte
		if first || w.files.End() < end {
			var err error
			if chunks, err = w.next(); err != nil {
				return err
			}
		}
		if len(chunks) == 0 {
			if err := w.files.Ready(); err != nil {
				return err
			}
			if always && w.unsynced.Load() { // of an earlier attempt too, that failed behind its writes
				if err := w.files.Sync(); err != nil {
					return err
				}
				w.unsynced.Store(false)
			}
			w.note(nil) // first: whoever gets a reply by what follows may write at once
			w.tellStored()
			return nil
		}
		w.unsynced.Store(true)
		at := w.files.End()
		if err := w.files.Write(chunks...); err != nil {
			return err
		}
		if unsynced += w.files.End() - at; always && unsynced >= syncPiece {
			if err := w.files.Sync(); err != nil {
				return err
			}
			unsynced = 0
		}
		w.log().Written(at, w.files.End()-at)
		w.pending = w.pending[len(chunks):]
	}
}

// syncPiece is how much of a giant command is synced at once, so that it can be seen how far it has come.
const syncPiece = 8 << 20

// errNotKept: nothing is kept yet, or no more, or not before there is a new base.
var errNotKept = errors.New("the log is not kept on disk now")

// tellStored raises the commit point to what is on disk.
func (w *writer) tellStored() {
	end := w.files.End()
	w.stored.Store(end)
	w.Engine.Stored(w.files.First(), end)
}

// renamed reports whether the log has got another id, or was written in a newer epoch, since that was last noted.
func (w *writer) renamed() bool {
	return w.saved.ID != w.log().ID() || w.saved.Epoch != w.Epochs.Log.Load()
}

// next is what is to be written next, at most up to where a new file begins; it stays pending.
func (w *writer) next() ([][]byte, error) {
	if len(w.pending) == 0 {
		chunks, err := w.tap.Poll()
		if err != nil {
			return nil, err
		}
		w.pending = append(w.pending[:0:0], chunks...)
	}
	roll := w.roll.Load()
	if roll == nil {
		return w.pending, nil
	}
	at := w.files.End()
	for i, c := range w.pending {
		end := at + int64(len(c))
		if at < roll.offset && roll.offset < end {
			cut := roll.offset - at
			rest := append([][]byte{c[:cut], c[cut:]}, w.pending[i+1:]...)
			w.pending = append(w.pending[:i:i], rest...)
			return w.pending[:i+1], nil
		}
		if at = end; at == roll.offset {
			return w.pending[:i+1], nil
		}
	}
	return w.pending, nil
}

// rollIfDue begins a new file if the log on disk has come to where one is wanted.
func (w *writer) rollIfDue() error {
	roll := w.roll.Load()
	if roll == nil || w.files.End() != roll.offset {
		return nil
	}
	if err := w.files.Roll(roll.db); err != nil {
		return err
	}
	w.roll.CompareAndSwap(roll, nil)
	return nil
}

// note remembers how a write ended; it needs w.mu. While writes fail, clients' are refused, and what was executed
// already waits for its acknowledgement until there is room again.
func (w *writer) note(err error) {
	switch {
	case err == nil:
		if w.failed.Swap(nil) != nil {
			w.Logger.Info("the log can be written again")
		}
	case errors.Is(err, replication.ErrReset):
		w.endTap() // the data was replaced, and what is on disk with it, or else mend begins the log anew
	case errors.Is(err, replication.ErrStopped), errors.Is(err, errNotKept):
		// A new base is taking the log's place, or the node ends.
	default:
		if errors.Is(err, aof.ErrUnsynced) {
			w.endTap() // mend begins the log anew
		}
		text := err.Error()
		if w.failed.Swap(&text) == nil {
			w.Logger.Error("the log can't be written: no write is acknowledged until it can; make room, or mend "+
				"the disk", "err", err)
		}
	}
}

// endTap has nothing written before there is a new base. It needs w.mu.
func (w *writer) endTap() {
	if w.tap != nil {
		w.tap.Close()
	}
	w.tap, w.pending = nil, nil
	w.stored.Store(0)
}

// isKept reports whether this is the log that is to be kept. It changes under the execution lock.
func (w *writer) isKept() bool { return w.disk.kept.Load() == w }

func (w *writer) isPartial() bool {
	w.lock()
	defer w.unlock()
	return w.Engine.Data.Partial
}

// giveWay has a full copy that came without a base for this log be the data that the log begins with.
func (w *writer) giveWay() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endTap()
}

const (
	syncEvery  = time.Second
	retryEvery = time.Second / 5 // at the times at which a node whose down-after is a second is awake anyway
)

// run syncs once a second unless appendfsync is no, tries failed writes again, and rewrites the log when it has grown.
func (w *writer) run() {
	tick := time.NewTimer(0)
	defer tick.Stop()
	synced := time.Now()
	for {
		tick.Reset(cluster.Tick(time.Now(), retryEvery))
		select {
		case <-w.Stopped:
			return
		case <-w.ended:
			return
		case <-tick.C:
		}
		w.mend()
		if time.Since(synced) < syncEvery-retryEvery/2 {
			continue
		}
		synced = time.Now()
		if w.Settings.AppendFsync() != "no" && w.unsynced.Swap(false) {
			if err := w.syncAll(); err != nil {
				w.unsynced.Store(true)
				w.mu.Lock()
				w.note(err)
				w.mu.Unlock()
			}
		}
		if w.renews.CompareAndSwap(false, true) { // it waits for whoever executes, which syncs do not
			w.Go(func() {
				defer w.renews.Store(false)
				w.rewriteIfDue()
			})
		}
	}
}

// syncAll syncs the log, where its writers have not, and its checksums.
func (w *writer) syncAll() error {
	if err := w.files.Sync(); err != nil {
		return err
	}
	return w.files.SyncSums()
}

// mend does what nobody's write has done: it tries again what failed, and notes what the log is called.
func (w *writer) mend() {
	w.mu.Lock()
	begin, write := w.tap == nil, w.failed.Load() != nil || w.renamed()
	w.mu.Unlock()
	var err error
	switch {
	case begin && w.isPartial():
		return // there is nothing to begin with
	case begin:
		err = w.begin()
	case write:
		w.force()
		return
	default:
		return
	}
	w.mu.Lock()
	w.note(err)
	w.mu.Unlock()
}

// close writes what is left and ends the log on disk.
func (w *writer) close() error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var err error
	if w.tap != nil {
		err = w.writeAll()
		w.tap.Close()
		w.tap = nil
	}
	if err = errors.Join(err, w.files.Close()); err != nil {
		return fmt.Errorf("closing the log: %w", err)
	}
	return nil
}
