package node

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"holdfast/node/command"
	"holdfast/node/session"
	"holdfast/replication"
	"holdfast/replication/aof"
	"holdfast/resp"
)

// openDisk looks at what is on disk, where the log is to be kept there.
func (n *Node) openDisk() error {
	if n.files == nil || !n.settings.AppendOnly() {
		return nil
	}
	files, err := n.openFiles()
	if err != nil {
		return fmt.Errorf("%w; mend it with holdfast check-log, or move the directory away to start empty", err)
	}
	n.kept.Store(&disk{n: n, files: files, ended: make(chan struct{})})
	return nil
}

func (n *Node) openFiles() (*aof.Files, error) {
	return aof.Open(aof.Config{
		FS: n.files, Dir: n.settings.AppendDirName(), Name: n.settings.AppendFilename(), Retain: n.settings.ReplLogRetention, Adopt: true,
		Progress: func(read int) {
			if p := n.progress.Load(); p != nil {
				p.read(read)
			}
		},
	})
}

// start loads the log on disk, or begins one with the data that there is, and has the log's end stored from here on.
func (d *disk) start() error {
	if !d.files.Exists() {
		return d.begin()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.load(); err != nil {
		return err
	}
	n := d.n
	n.mu.Lock()
	n.log.UseDisk(d.files)
	id, ok := d.files.Identity()
	if !ok {
		id.ID = n.log.ID() // Redis wrote it: nobody knows the log by another name
	}
	var formers []replication.Former
	for _, f := range id.Former {
		formers = append(formers, replication.Former{ID: f.ID, Until: f.Until})
	}
	n.log.Restore(replication.Position{ID: id.ID, Offset: d.files.End()}, formers)
	n.logEpoch.Store(id.Epoch)
	if _, _, follows := n.settings.ReplicaOf(); !follows && !n.grouped() {
		// A loss of power may have cut off what replicas have: another history begins here.
		n.newHistory()
	}
	d.tap = n.log.Tap(d.files.End())
	n.mu.Unlock()
	return d.writeAll()
}

// begin makes the present data the base of a new log on disk.
func (d *disk) begin() error {
	n := d.n
	select {
	case <-n.snapshots:
	case <-n.stopped:
		return context.Canceled
	}
	n.mu.Lock()
	im := n.newImage()
	pos, db, tap := im.pos, max(n.streamDB, 0), n.log.Tap(im.pos.Offset)
	n.mu.Unlock()
	base, err := d.files.NewBase()
	if err == nil {
		err = n.writeImage(im, base)
	}
	if err = errors.Join(err, im.Close()); err != nil {
		tap.Close()
		return fmt.Errorf("beginning the log on disk: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.restart(base, pos, db, tap)
}

// restart makes base, at pos of the log, all that is on disk; tap reads what follows. After an error nothing is kept until
// another base is begun. It needs d.mu.
func (d *disk) restart(base *aof.Base, pos replication.Position, db int, tap *replication.Reader) error {
	if d.tap != nil {
		d.tap.Close()
	}
	d.tap, d.pending = nil, nil
	d.stored.Store(0)
	d.roll.Store(nil)
	id := d.n.logIdentity()
	id.ID = pos.ID
	if err := base.Restart(id, pos.Offset, db); err != nil {
		tap.Close()
		return err
	}
	d.saved, d.tap = id, tap
	d.n.log.UseDisk(d.files)
	d.n.rewrites.baseSize.Store(base.Size())
	return d.writeAll()
}

// load replaces the data by what is on disk. Meanwhile clients are told to wait. It needs d.mu.
func (d *disk) load() error {
	n := d.n
	total, err := d.files.Stored()
	if err != nil {
		return fmt.Errorf("loading the log: %w", err)
	}
	_, end := n.beginLoad(n.settings.AppendDirName(), total)
	defer end()
	l, began := &loader{n: n}, time.Now()
	n.mu.Lock()
	n.loading = true
	n.env.SetStore(n.newStore(), n.keyChanged)
	l.c = n.streamContext()
	n.mu.Unlock()
	report, err := d.files.Load(l, n.settings.Bool("aof-load-truncated"))
	n.mu.Lock()
	defer n.mu.Unlock()
	n.loading = false
	if err != nil {
		return fmt.Errorf("loading the log: %w; holdfast check-log tells more", err)
	}
	n.streamDB = l.c.S.DB
	if report.Cut != nil {
		n.logger.Warn("the log's end was torn: what a crash left of the last write was cut off", "file", report.File, "offset", report.Cut.Offset,
			"bytes", report.Cut.Size-report.Cut.Offset)
	}
	d.n.rewrites.baseSize.Store(d.files.Size())
	n.logger.Info("loaded the log", "files", report.Files, "bytes", report.Bytes, "end", d.files.End(), "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// ReloadLog is DEBUG LOADAOF: it parks the session while the data is replaced by what is on disk.
func (n *Node) ReloadLog(s *session.Session) error {
	if n.files == nil {
		return errNoDir
	}
	n.loading = true // nothing may change from here on
	block := &session.Block{Kind: "debug"}
	n.Park(s, block, 0)
	n.work.Go(func() {
		err := n.reloadLog()
		n.do(func(time.Time) {
			n.loading = false
			if s.Blocked() != block {
				return
			}
			n.unblock(s, func(w *resp.Writer) {
				if err != nil {
					w.Error(fmt.Errorf("ERR Error trying to load the AOF files, check server logs: %w", err))
					return
				}
				w.OK()
			})
		})
	})
	return nil
}

func (n *Node) reloadLog() error {
	if d := n.disk(); d != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		if err := d.writeAll(); err != nil {
			return err
		}
		return d.load()
	}
	files, err := n.openFiles()
	if err != nil {
		return err
	}
	return errors.Join((&disk{n: n, files: files}).load(), files.Close())
}

// loader executes what is on disk.
type loader struct {
	n *Node
	c *command.Context
}

// Base loads a snapshot beside the present data and swaps the two.
func (l *loader) Base(r *bufio.Reader) error {
	fresh := l.n.newStore()
	if _, err := l.n.readDump(r, fresh); err != nil {
		return err
	}
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	l.n.env.SetStore(fresh, l.n.keyChanged)
	return nil
}

// Apply executes a command, or a transaction.
func (l *loader) Apply(batch []aof.Entry) error {
	n := l.n
	n.mu.Lock()
	defer n.mu.Unlock()
	l.c.Now = n.now().UnixMilli()
	n.env.Effects.Off = true
	for _, e := range batch {
		if err := n.applyEffect(l.c, e.Args); err != nil {
			return err
		}
	}
	n.env.Effects.Drop()
	n.changed, n.changedAll = n.changed[:0], false
	return nil
}

// rewind drops the log's end from offset on and restores the data as it was there. If that fails the node is left with the data that it
// had, or with none.
func (d *disk) rewind(offset int64, by *applier) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.n
	n.mu.Lock()
	superseded := n.follower != by.of
	n.mu.Unlock()
	if superseded {
		return errSuperseded
	}
	if d.tap != nil {
		d.tap.Close()
		d.tap, d.pending = nil, nil
	}
	if err := d.files.Truncate(offset); err != nil {
		return err
	}
	if err := d.load(); err != nil {
		return errors.Join(err, n.dropData())
	}
	n.mu.Lock()
	n.log.Restore(replication.Position{ID: n.log.ID(), Offset: offset}, n.log.Formers())
	n.touched.restart(offset)
	n.mu.Unlock()
	d.tap = n.log.Tap(offset)
	d.stored.Store(0)
	return d.writeAll()
}

// dropData leaves the node empty, its log under a name that nobody knows: what was loaded in part must not pass for what the log says.
func (n *Node) dropData() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	id, err := replication.NewID(randomBytes{n.env.Rand})
	if err != nil {
		return fmt.Errorf("making a replication id: %w", err)
	}
	n.env.SetStore(n.newStore(), n.keyChanged)
	n.log.Restore(replication.Position{ID: id}, nil)
	n.streamDB = 0
	n.touched.restart(0)
	return nil
}

// tee writes a full copy to disk while it is loaded: it is the log's next base.
func (d *disk) tee(r io.Reader) (io.Reader, *aof.Base, error) {
	if d == nil {
		return r, nil, nil
	}
	base, err := d.files.NewBase()
	if err != nil {
		return nil, nil, err
	}
	return io.TeeReader(r, d.n.piecewise(base, "aof-rewrite-incremental-fsync")), base, nil
}
