package persist

import "time"

// ReloadOptions are DEBUG RELOAD's: without a save before, into what is there, and replacing keys that are there.
type ReloadOptions struct{ NoSave, NoFlush, Merge bool }

// Info is the state of snapshots, saves, loads and the log on disk.
type Info struct {
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

// LoadProgress is how far a load has come.
type LoadProgress struct {
	Started    time.Time
	Total      int64 // bytes; 0: not known before the end
	UsedMemory int64 // bytes that the data took in memory where a snapshot was made; 0: it does not say
	Done       int64 // bytes
}

// Percent is how much of it is done: where the length is not known, by what the data took in memory, as Redis has it.
func (p LoadProgress) Percent() float64 {
	switch {
	case p.Total > 0:
		return 100 * float64(p.Done) / float64(p.Total)
	case p.UsedMemory > 0:
		return min(100*float64(p.Done)/float64(p.UsedMemory), 99.99)
	}
	return 0
}

// Left is how many bytes are to come, at least one.
func (p LoadProgress) Left() int64 {
	switch {
	case p.Total > 0:
		return p.Total - p.Done
	case p.UsedMemory > 0:
		return max(p.UsedMemory-p.Done, 1)
	}
	return 1
}
