package command

import "holdfast/node/persist"

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
	Info() persist.Info
	// ReloadLog begins to replace the data by the log on disk: DEBUG LOADAOF. unlink ends the link to the predecessor,
	// and relink puts it back. done is told how that ended, in a turn of its own.
	ReloadLog(unlink func() (relink func()), done func(err error)) error
	// MustSave reports whether the data is to be saved before the node ends, by save points unless told otherwise.
	MustSave(save, nosave bool) bool
	// SaveOrWait is Save before the node ends; wait: another image is being made, and SaveLast is to be called, which
	// needs no lock.
	SaveOrWait() (wait bool, err error)
	SaveLast() error
	// Interrupt ends a load.
	Interrupt()
	// Reload reads dump.rdb in place of the data, or beside it.
	Reload(o persist.ReloadOptions) error
}
