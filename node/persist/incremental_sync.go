package persist

import (
	"io"

	"holdfast/node/config"
)

// syncedFile is a file that is being written.
type syncedFile interface {
	io.Writer
	Sync() error
}

// incrementalSync syncs a large file while it is written. If that were left to its end the disk would be busy for
// seconds, in which the log can't be written, and nobody gets an answer.
type incrementalSync struct {
	syncedFile
	unsynced int
}

// syncEach is how many bytes may wait for a sync.
const syncEach = 4 << 20

// syncedIncrementally is file, written as directive, rdb-save-incremental-fsync or aof-rewrite-incremental-fsync, says.
func syncedIncrementally(file syncedFile, settings *config.Config, directive string) io.Writer {
	if !settings.Bool(directive) {
		return file
	}
	return &incrementalSync{syncedFile: file}
}

func (w *incrementalSync) Write(p []byte) (int, error) {
	n, err := w.syncedFile.Write(p)
	if w.unsynced += n; err == nil && w.unsynced >= syncEach {
		w.unsynced, err = 0, w.Sync()
	}
	return n, err
}
