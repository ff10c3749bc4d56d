package command

import "time"

// Persistence is what commands do about what is on disk.
type Persistence interface {
	// Save writes dump.rdb.
	Save() error
	// BackgroundSave lets the caller go on meanwhile. While another snapshot is being made it is refused, or scheduled;
	// later: it is to begin behind what runs now.
	BackgroundSave(schedule, later bool) (scheduled bool, err error)
	// SaveFailed reports that writes are refused since the data could not be saved.
	SaveFailed() bool
	// Rewrite makes the present data the base of the log on disk; as soon as it can, when it is scheduled; later:
	// behind what runs now.
	Rewrite(schedule, later bool) (scheduled bool, err error)
	// WriteError says why the log can't be written to disk; nil while it can.
	WriteError() error
	// Info describes saves, loads and the log on disk, for INFO and LASTSAVE.
	Info() PersistenceInfo
	// ReloadLog begins to replace the data by the log on disk: DEBUG LOADAOF. done is told how that ended, in a turn of
	// its own.
	ReloadLog(done func(err error)) error
	// Reload reads dump.rdb in place of the data, or beside it.
	Reload(o ReloadOptions) error
}

// ReloadOptions are DEBUG RELOAD's: without a save before, into what is there, and replacing keys that are there.
type ReloadOptions struct{ NoSave, NoFlush, Merge bool }

// PersistenceInfo is the state of snapshots.
type PersistenceInfo struct {
	Loading      bool          // the data is being replaced, and can't be read
	Load         *LoadProgress // nil: nothing is being loaded; without Loading it is beside the present data
	LastSave     time.Time
	Saving       bool
	LastStatusOK bool
	LastDuration time.Duration
	Changes      int64     // since the last save
	Saves        int64     // successful ones since the start
	SavingSince  time.Time // of the save that runs
	KeysLoaded   int64     // by the last load of a dump
	KeysExpired  int64     // left out by it, as their time had passed
	Log          LogFiles

	SliceTook                   time.Duration // the longest that the last snapshot held everybody else up at once
	SnapshotKeys, SnapshotSaved int           // of the snapshot that is being made: keys, and those that are done
}

// LogFiles is the state of the log on disk.
type LogFiles struct {
	Enabled        bool
	Size, BaseSize int64 // bytes: now, and after the last rewrite
	WriteError     error
	Unwritten      int64 // bytes of the log that are not on disk yet
	Scheduled      bool  // a rewrite begins as soon as it can
	Rewriting      bool
	RewritingFor   time.Duration
	RewriteOK      bool // the last one succeeded
	RewriteTook    time.Duration
	Rewrites       int64
	Failures       int64 // in a row
}
