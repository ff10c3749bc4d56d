package persist

import (
	"bytes"

	"holdfast/replication/aof"
)

// What tests of the whole look at, which run real commands and so stand outside.
const (
	SplitSize = splitSize
	SyncEvery = syncEvery
	// SliceEntries is how many entries one slice of an image saves.
	SliceEntries = sliceEntries
	NeedsField   = needsField
)

// FirstKept is where the log on disk begins.
func (d *Disk) FirstKept() int64 { return d.kept.Load().files.First() }

// Step makes the next slice, which is in Ready then.
func (im *Image) Step() (done bool, err error) { return im.step() }

// Ready is what is made and not written yet.
func (im *Image) Ready() *bytes.Buffer { return &im.ready }

// Frozen is how many large values are to be written.
func (im *Image) Frozen() int { return len(im.frozen) }

// LoadLog puts what the files of a log say in the place of the data.
func (d *Disk) LoadLog(files aof.FS) error {
	d.Files = files
	opened, err := d.openFiles(false)
	if err != nil {
		return err
	}
	return newWriter(d, opened).load()
}
