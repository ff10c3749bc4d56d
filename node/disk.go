package node

import (
	"errors"
	"fmt"
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

	mu       sync.Mutex          // held by whoever writes
	tap      *replication.Reader // reads what is to be written
	pending  [][]byte            // from tap, and not yet written
	saved    aof.Identity        // what the log is called on disk
	syncTook time.Duration       // the last sync that writers waited for

	stored   atomic.Int64              // the log is on disk up to here
	arrived  atomic.Int64              // writers since the last write
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

// write brings the log's new bytes to disk. Who comes while somebody writes waits, and as a rule finds its own bytes
// written along with the other's: group commit. A nil disk keeps nothing.
func (d *disk) write() {
	if d == nil {
		return
	}
	end := d.n.log.End()
	if d.stored.Load() >= end {
		return
	}
	d.arrived.Add(1)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stored.Load() < end {
		d.gather()
		d.note(d.writeAll())
	}
}

// gather waits a little before a sync that several clients need: those whose replies the last one let go are about to write again, and
// without it they would come just too late for this one, so that each sync served only half of the clients.
func (d *disk) gather() {
	if d.arrived.Swap(0) > 1 && d.syncTook > gatherFrom {
		time.Sleep(d.syncTook / gatherPart)
	}
}

const (
	gatherFrom = 200 * time.Microsecond // a sync that is faster is not worth waiting for
	gatherPart = 8                      // of a sync's time is waited
)

// force is write also when there are no new bytes.
func (d *disk) force() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.note(d.writeAll())
}

// writeAll needs d.mu.
func (d *disk) writeAll() error {
	if d.tap == nil {
		return nil // nothing is kept yet, or no more
	}
	if d.renamed() {
		id := d.n.logIdentity()
		if err := d.files.SetIdentity(id); err != nil {
			return err
		}
		d.saved = id
	}
	always := d.n.settings.AppendFsync() == "always"
	for wrote := false; ; wrote = true {
		if err := d.rollIfDue(); err != nil {
			return err
		}
		chunks, err := d.next()
		if err != nil {
			return err
		}
		if len(chunks) == 0 {
			if wrote && always {
				began := time.Now()
				if err := d.files.Sync(); err != nil {
					return err
				}
				d.syncTook = time.Since(began)
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

// tellStored raises the commit point to what is on disk.
func (d *disk) tellStored() {
	end := d.files.End()
	d.stored.Store(end)
	d.n.log.Stored(d.files.First(), end)
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

// note remembers how a write ended. While writes fail, clients' are refused, and what was executed already waits
// for its acknowledgement until there is room again.
func (d *disk) note(err error) {
	switch {
	case err == nil:
		if d.failed.Swap(nil) != nil {
			d.n.logger.Info("the log can be written again")
		}
	case errors.Is(err, replication.ErrReset), errors.Is(err, replication.ErrStopped):
		// A full copy is taking the log's place, or the node ends.
	default:
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

// run syncs once a second where appendfsync says so, tries failed writes again, and rewrites the log when it has grown.
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
		if d.n.settings.AppendFsync() == "everysec" && d.unsynced.Swap(false) {
			if err := d.files.Sync(); err != nil {
				d.unsynced.Store(true)
				d.mu.Lock()
				d.note(err)
				d.mu.Unlock()
			}
		}
		d.rewriteIfDue()
	}
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
	err := d.writeAll()
	if d.tap != nil {
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
