package node

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/replication"
	"holdfast/replication/aof"
)

// disk keeps the node's log in append-only files. Whoever has appended to the log calls write before its replies may
// leave; the log's commit point, on which all replies wait, does not pass what is not stored.
//
// Lock order: disk.mu, then the execution lock, then those of replication and aof.
type disk struct {
	n     *Node
	files *aof.Files

	mu      sync.Mutex          // held by whoever writes
	tap     *replication.Reader // reads what is to be written
	pending [][]byte            // from tap, and not yet written
	saved   aof.Identity        // what the log is called on disk

	stored   atomic.Int64              // the log is on disk up to here
	asked    atomic.Int64              // who asked for the round under way; 0: nobody
	roll     atomic.Pointer[rollPoint] // where a new file is to begin
	unsynced atomic.Bool               // there is something for the next fsync
	failed   atomic.Pointer[string]    // why the last write failed; nil: it did not
	ended    chan struct{}             // closed when the log is no longer to be kept
}

// disk is the log on disk; nil when it is not kept there.
func (n *Node) disk() *disk { return n.kept.Load() }

// rollPoint is an offset at which the log goes on in a new file, and the database that it has selected there.
type rollPoint struct {
	offset int64
	db     int
}

// write has the log's new bytes brought to disk: group commit. Who comes first does it for all who are ready to run by then; whoever
// comes before that is done goes on at once, as replies wait for the commit point anyway, and has what it appended
// brought along by the next round. Nobody waits for the disk here, who has other clients to serve: where a sync is to be made, or is being made, by
// who begins a new file or saves a snapshot, or a write has just taken long, that is left to another goroutine.
func (d *disk) write() {
	if d.stored.Load() >= d.n.log.End() || d.asked.Add(1) > 1 {
		return
	}
	if d.n.settings.AppendFsync() == "always" {
		d.n.work.Go(d.rounds)
		return
	}
	runtime.Gosched()
	if d.roll.Load() != nil || d.files.Busy() || !d.mu.TryLock() {
		d.n.work.Go(d.rounds)
		return
	}
	if d.round() {
		d.n.work.Go(d.rounds) // the reply of who came first is not to wait for those of the others
	}
}

// rounds brings to disk what is asked for until nothing is.
func (d *disk) rounds() {
	for more := true; more; {
		d.mu.Lock()
		more = d.round()
	}
}

// round brings to disk what was asked for, and reports whether more was asked for meanwhile. What fails is left to mend. It
// is called with d.mu held, and gives it up.
func (d *disk) round() (more bool) {
	d.asked.Store(1) // whoever asked has appended before
	err := d.writeAll()
	d.note(err)
	d.mu.Unlock()
	if err != nil {
		d.asked.Store(0)
		return false
	}
	return !d.asked.CompareAndSwap(1, 0)
}

// force is write also when there are no new bytes.
func (d *disk) force() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.note(d.writeAll())
}

// writeAll needs d.mu.
func (d *disk) writeAll() error {
	if d.tap == nil {
		return errNotKept
	}
	if d.renamed() {
		id := d.n.logIdentity()
		if err := d.files.SetIdentity(id); err != nil {
			return err
		}
		d.saved = id
	}
	always := d.n.settings.AppendFsync() == "always"
	end := d.n.log.End() // what is appended from here on is left to the next round
	for first := true; ; first = false {
		if err := d.rollIfDue(); err != nil {
			return err
		}
		var chunks [][]byte
		if first || d.files.End() < end {
			var err error
			if chunks, err = d.next(); err != nil {
				return err
			}
		}
		if len(chunks) == 0 {
			if always && d.unsynced.Load() { // of an earlier attempt too, that failed behind its writes
				if err := d.files.Sync(); err != nil {
					return err
				}
				d.unsynced.Store(false)
			}
			d.note(nil) // first: whoever gets a reply by what follows may write at once
			d.tellStored()
			return nil
		}
		d.unsynced.Store(true)
		if err := d.files.Write(chunks...); err != nil {
			return err
		}
		d.pending = d.pending[len(chunks):]
	}
}

// errNotKept: nothing is kept yet, or no more, or not before there is a new base.
var errNotKept = errors.New("the log is not kept on disk now")

// tellStored raises the commit point to what is on disk.
func (d *disk) tellStored() {
	end := d.files.End()
	d.stored.Store(end)
	d.n.log.Stored(d.files.First(), end)
	d.n.feeder.Push()
}

// renamed reports whether the log has got another id, or was written in a newer epoch, since that was last noted.
func (d *disk) renamed() bool {
	return d.saved.ID != d.n.log.ID() || d.saved.Epoch != d.n.logEpoch.Load()
}

// next is what is to be written next, at most up to where a new file begins; it stays pending.
func (d *disk) next() ([][]byte, error) {
	if len(d.pending) == 0 {
		chunks, err := d.tap.Poll()
		if err != nil {
			return nil, err
		}
		d.pending = append(d.pending[:0:0], chunks...)
	}
	roll := d.roll.Load()
	if roll == nil {
		return d.pending, nil
	}
	at := d.files.End()
	for i, c := range d.pending {
		end := at + int64(len(c))
		if at < roll.offset && roll.offset < end {
			cut := roll.offset - at
			rest := append([][]byte{c[:cut], c[cut:]}, d.pending[i+1:]...)
			d.pending = append(d.pending[:i:i], rest...)
			return d.pending[:i+1], nil
		}
		if at = end; at == roll.offset {
			return d.pending[:i+1], nil
		}
	}
	return d.pending, nil
}

// rollIfDue begins a new file if the log on disk has come to where one is wanted.
func (d *disk) rollIfDue() error {
	roll := d.roll.Load()
	if roll == nil || d.files.End() != roll.offset {
		return nil
	}
	if err := d.files.Roll(roll.db); err != nil {
		return err
	}
	d.roll.CompareAndSwap(roll, nil)
	return nil
}

// note remembers how a write ended; it needs d.mu. While writes fail, clients' are refused, and what was executed already waits
// for its acknowledgement until there is room again.
func (d *disk) note(err error) {
	switch {
	case err == nil:
		if d.failed.Swap(nil) != nil {
			d.n.logger.Info("the log can be written again")
		}
	case errors.Is(err, replication.ErrReset), errors.Is(err, replication.ErrStopped), errors.Is(err, errNotKept):
		// A full copy or a new base is taking the log's place, or the node ends.
	default:
		if errors.Is(err, aof.ErrUnsynced) && d.tap != nil {
			d.tap.Close() // mend begins the log anew
			d.tap, d.pending = nil, nil
		}
		text := err.Error()
		if d.failed.Swap(&text) == nil {
			d.n.logger.Error("the log can't be written: no write is acknowledged until it can; make room, or mend the disk", "err", err)
		}
	}
}

const (
	syncEvery  = time.Second
	retryEvery = 100 * time.Millisecond
)

// run syncs once a second unless appendfsync is no, tries failed writes again, and rewrites the log when it has grown.
func (d *disk) run() {
	tick := time.NewTicker(retryEvery)
	defer tick.Stop()
	synced := time.Now()
	for {
		select {
		case <-d.n.stopped:
			return
		case <-d.ended:
			return
		case <-tick.C:
		}
		d.mend()
		if time.Since(synced) < syncEvery {
			continue
		}
		synced = time.Now()
		if d.n.settings.AppendFsync() != "no" && d.unsynced.Swap(false) {
			if err := d.syncAll(); err != nil {
				d.unsynced.Store(true)
				d.mu.Lock()
				d.note(err)
				d.mu.Unlock()
			}
		}
		d.rewriteIfDue()
	}
}

// syncAll syncs the log, where its writers have not, and its checksums.
func (d *disk) syncAll() error {
	if err := d.files.Sync(); err != nil {
		return err
	}
	return d.files.SyncSums()
}

// mend does what nobody's write has done: it tries again what failed, and notes what the log is called.
func (d *disk) mend() {
	d.mu.Lock()
	begin, write := d.tap == nil, d.failed.Load() != nil || d.renamed()
	d.mu.Unlock()
	var err error
	switch {
	case begin:
		err = d.begin()
	case write:
		d.force()
		return
	default:
		return
	}
	d.mu.Lock()
	d.note(err)
	d.mu.Unlock()
}

// keepLog follows the directive appendonly when it is changed. It needs the execution lock, which CONFIG SET holds.
func (n *Node) keepLog(yes bool) error {
	d := n.disk()
	switch {
	case yes == (d != nil):
	case yes:
		if err := n.openDisk(); err != nil {
			return err
		}
		if d := n.disk(); d != nil {
			n.work.Go(d.run) // begins the log, as there is none to go on with
		}
	default:
		n.kept.Store(nil)
		n.log.LeaveDisk()
		n.feeder.Push()
		close(d.ended)
		n.work.Go(func() {
			if err := d.close(); err != nil {
				n.logger.Error("ending the log on disk", "err", err)
			}
		})
	}
	return nil
}

// close writes what is left and ends the log on disk.
func (d *disk) close() error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var err error
	if d.tap != nil {
		err = d.writeAll()
		d.tap.Close()
		d.tap = nil
	}
	if err = errors.Join(err, d.files.Close()); err != nil {
		return fmt.Errorf("closing the log: %w", err)
	}
	return nil
}

// logIdentity is what the log is called now.
func (n *Node) logIdentity() aof.Identity {
	id := aof.Identity{ID: n.log.ID(), Epoch: n.logEpoch.Load(), Incarnation: n.self.Incarnation}
	for _, f := range n.log.Formers() {
		id.Former = append(id.Former, aof.Former{ID: f.ID, Until: f.Until})
	}
	return id
}

// WriteError says why nothing can be written to disk; nil while it can.
func (n *Node) WriteError() error {
	if d := n.disk(); d != nil {
		if text := d.failed.Load(); text != nil {
			return errors.New(*text)
		}
	}
	return nil
}
