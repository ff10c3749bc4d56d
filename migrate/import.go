package migrate

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"holdfast/node/rdb"
	"holdfast/replication/aof"
)

// AllDatabases is for Import.Only.
const AllDatabases = -1

// Progress says how far an import is.
type Progress struct {
	Bytes     atomic.Int64 // of the source that were read
	Total     atomic.Int64 // of the source; 0 when nobody knows
	Keys      atomic.Int64 // the target has taken
	Busy      atomic.Int64 // were there already, and left alone
	Commands  atomic.Int64 // of a log or stream that were passed on
	Functions atomic.Int64 // libraries of functions
	Following atomic.Bool  // a server's log
	Behind    atomic.Int64 // bytes of it that the server is ahead; -1 when nobody knows
}

// Import brings data to a target.
type Import struct {
	To       *Target
	Only     int   // the one database that is wanted, or AllDatabases
	Replace  bool  // keys that are there already
	Existing int64 // keys that the target had before
	Stale    bool  // a log is brought also where there is later data without it
	Progress *Progress

	db    int  // that the log or stream has selected
	multi bool // it is in a transaction
}

// BusyError says that keys were left out because they are there already.
type BusyError struct{ Keys int64 }

func (e *BusyError) Error() string {
	return fmt.Sprintf("%d keys are there already and were left as they are", e.Keys)
}

// ExistingError says that a target is not empty, where commands of a log would meet the keys that it has.
type ExistingError struct{ Keys int64 }

func (e *ExistingError) Error() string {
	return fmt.Sprintf("the target has %d keys already, which the source's commands would meet", e.Keys)
}

// StaleError says that a log does not have all the data there was, as that went on without it.
type StaleError struct{ Left aof.Left }

func (e *StaleError) Error() string {
	text := "the log ends where appendonly was switched to no, at " +
		time.UnixMilli(e.Left.At).UTC().Format(time.RFC3339) + "; what was written since "
	if e.Left.Saved {
		return text + "was saved to a snapshot (dump.rdb) beside it: import that"
	}
	return text + "is not there"
}

// snapshot brings an RDB stream. at are the bytes of the source before it.
func (im *Import) snapshot(ctx context.Context, r io.Reader, at int64) (end int64, err error) {
	in := rdb.NewReader(r)
	err = in.Read(rdb.Callbacks{
		Aux: func(name, value []byte) (err error) {
			if string(name) == "repl-stream-db" {
				im.db, err = strconv.Atoi(string(value))
			}
			return err
		},
		Function: func(code []byte) error {
			im.Progress.Functions.Add(1)
			return im.To.function(code, im.Replace)
		},
		Entry: func(e rdb.Entry) error {
			im.Progress.Bytes.Store(at + in.Offset())
			if im.Only != AllDatabases && e.DB != im.Only {
				return ctx.Err()
			}
			return errors.Join(ctx.Err(), im.To.restore(e, im.Replace))
		},
	})
	end = at + in.Offset()
	im.Progress.Bytes.Store(end)
	if err == nil {
		err = im.To.flush()
	}
	return end, err
}

// busy is the error for keys that were left out.
func (im *Import) busy() error {
	if n := im.Progress.Busy.Load(); n > 0 {
		return &BusyError{Keys: n}
	}
	return nil
}

// alone is the error for commands of a log that would meet keys that are not the source's.
func (im *Import) alone() error {
	if im.Existing > 0 && !im.Replace {
		return &ExistingError{Keys: im.Existing}
	}
	return nil
}

// File brings a snapshot, or a log that is one file, with or without a snapshot in front.
func (im *Import) File(ctx context.Context, r io.Reader) (err error) {
	in := bufio.NewReader(r)
	var at int64
	if head, _ := in.Peek(1); string(head) != "*" && string(head) != "#" {
		if at, err = im.snapshot(ctx, in, 0); err != nil {
			return err
		}
	}
	if _, err := in.Peek(1); errors.Is(err, io.EOF) {
		return im.busy()
	}
	if err := im.alone(); err != nil {
		return err
	}
	s := aof.NewScanner(in, at)
	for {
		batch, err := s.Next()
		if errors.Is(err, io.EOF) {
			return im.To.settle()
		}
		if err == nil {
			err = im.logged(ctx, batch)
		}
		if err != nil {
			return err
		}
	}
}

// Log brings what a log on disk has, whose files it only reads. What a crash has left at its end is not whole, and left
// out: the report says so.
func (im *Import) Log(ctx context.Context, cfg aof.Config) (aof.LoadReport, error) {
	if err := im.alone(); err != nil {
		return aof.LoadReport{}, err
	}
	cfg.ReadOnly = true
	files, err := aof.Open(cfg)
	if err != nil {
		return aof.LoadReport{}, err
	}
	if !files.Exists() {
		return aof.LoadReport{}, fmt.Errorf("there is no log: %s is missing", cfg.Dir)
	}
	if l, left := files.Left(); left && !im.Stale {
		return aof.LoadReport{}, &StaleError{l}
	}
	total, err := files.Stored()
	if err != nil {
		return aof.LoadReport{}, err
	}
	im.Progress.Total.Store(total)
	report, err := files.Load(loader{ctx, im}, true)
	if err == nil {
		err = im.To.settle()
	}
	return report, errors.Join(err, files.Close())
}

// loader is handed a log's parts.
type loader struct {
	ctx context.Context
	im  *Import
}

// Base brings the snapshot with which the log begins.
func (l loader) Base(r *bufio.Reader) error {
	_, err := l.im.snapshot(l.ctx, r, 0)
	return err
}

// Apply passes commands on.
func (l loader) Apply(batch []aof.Entry) error { return l.im.logged(l.ctx, batch) }

func (im *Import) logged(ctx context.Context, batch []aof.Entry) error {
	for _, e := range batch {
		if err := im.command(e.Args); err != nil {
			return err
		}
		im.Progress.Bytes.Add(int64(len(e.Raw)))
	}
	return ctx.Err()
}

// errBetween: with one database there is no place for what moves keys into or out of it.
var errBetween = errors.New("moves keys between databases, which can't be followed for one database alone")

// between tells whether a COPY may end in another database.
func between(args [][]byte) bool {
	return slices.ContainsFunc(args[min(len(args), 3):],
		func(a []byte) bool { return strings.EqualFold(string(a), "db") })
}

// command passes on a command of a log or stream. What has the whole server for its object is confined to the one
// database that is wanted.
func (im *Import) command(args [][]byte) error {
	all := im.Only == AllDatabases
	db := im.db
	if !all {
		db = im.Only
	}
	name := strings.ToLower(string(args[0][:min(len(args[0]), maxShown)]))
	switch name {
	case "ping", "replconf":
		return nil
	case "select":
		n, err := strconv.Atoi(string(bytes.Join(args[1:], []byte(" "))))
		if err != nil || n < 0 {
			return fmt.Errorf("the source selects the database %q", args[1:])
		}
		im.db = n
		return nil
	case "multi", "exec": // all is sent in transactions, of which none ends within one of the source's
		im.multi = name == "multi"
		return nil
	case "discard":
		return errors.New("the source's log has a transaction that was discarded")
	case "flushall":
		if !all {
			args = [][]byte{[]byte("FLUSHDB")}
		}
	case "swapdb", "move":
		if !all {
			return fmt.Errorf("%s %w", name, errBetween)
		}
	default:
		if !all && name == "copy" && between(args) {
			return fmt.Errorf("%s %w", name, errBetween)
		}
		if !all && im.db != im.Only {
			return nil
		}
	}
	im.Progress.Commands.Add(1)
	return im.To.command(db, args, im.multi)
}
