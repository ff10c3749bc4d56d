package sentinel

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// disk is a sentinel's stores, which may take no writes for a while. Raft says little of a write that failed, and
// nothing that a user sees; and it would panic over a term that it cannot store.
type disk struct {
	raft.LogStore
	raft.StableStore
	ctx context.Context // of the sentinel
	out *slog.Logger

	mu     sync.Mutex // protects the rest
	tell   func(full bool)
	log    bool // the last write to the log failed
	values bool // the last write of a value failed: it may find room where one to the log does not
}

// diskRetry is the pause between attempts at a write that has to succeed.
const diskRetry = 100 * time.Millisecond

// StoreLog is raft.LogStore's.
func (d *disk) StoreLog(l *raft.Log) error { return d.note(&d.log, d.LogStore.StoreLog(l)) }

// StoreLogs is raft.LogStore's.
func (d *disk) StoreLogs(l []*raft.Log) error { return d.note(&d.log, d.LogStore.StoreLogs(l)) }

// Set is raft.StableStore's.
func (d *disk) Set(key, val []byte) error { return d.note(&d.values, d.StableStore.Set(key, val)) }

// SetUint64 stores a term for Raft, which must not go on without: it waits for room, as long as the sentinel runs.
func (d *disk) SetUint64(key []byte, val uint64) error {
	for d.note(&d.values, d.StableStore.SetUint64(key, val)) != nil {
		select {
		case <-time.After(diskRetry):
		case <-d.ctx.Done():
			// Raft is being shut down: an error would have it panic, and to say that all is well would be a lie
			runtime.Goexit()
		}
	}
	return nil
}

// note keeps account of how a write of a kind went, and tells the user when that changes.
func (d *disk) note(failed *bool, err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.log || d.values
	*failed = err != nil
	switch after := d.log || d.values; {
	case after && !before:
		d.out.Error("the disk takes no writes: make room; until then this sentinel counts as one that is down", "error",
			err)
		d.say(true)
	case before && !after:
		d.out.Info("the disk takes writes again")
		d.say(false)
	}
	return err
}

// onChange has tell called, which must not wait, whenever the disk becomes full or has room again, and now if it is
// full.
func (d *disk) onChange(tell func(full bool)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.tell = tell; d.log || d.values {
		tell(true)
	}
}

// say needs mu.
func (d *disk) say(full bool) {
	if d.tell != nil {
		d.tell(full)
	}
}

// refusedValue says whether the last write of a value failed: only another shows that there is room.
func (d *disk) refusedValue() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.values
}

// isFull says whether the last write of either kind failed.
func (d *disk) isFull() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log || d.values
}
