package node

import "io"

// syncedFile is a file that is being written.
type syncedFile interface {
	io.Writer
	Sync() error
}

// piecewise syncs a large file while it is written. If that were left to its end the disk would be busy for seconds, in which
// the log can't be written, and nobody gets an answer.
type piecewise struct {
	syncedFile
	unsynced int
}

// pieceSize is how many bytes may wait for a sync.
const pieceSize = 4 << 20

// piecewise is file, written as directive, rdb-save-incremental-fsync or aof-rewrite-incremental-fsync, says.
func (n *Node) piecewise(file syncedFile, directive string) io.Writer {
	if !n.settings.Bool(directive) {
		return file
	}
	return &piecewise{syncedFile: file}
}

func (w *piecewise) Write(p []byte) (int, error) {
	n, err := w.syncedFile.Write(p)
	if w.unsynced += n; err == nil && w.unsynced >= pieceSize {
		w.unsynced, err = 0, w.Sync()
	}
	return n, err
}
