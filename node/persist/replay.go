package persist

import (
	"bufio"
	"errors"
	"fmt"
	"time"

	"holdfast/internal/steps"
	"holdfast/node/engine"
	"holdfast/replication/aof"
)

// Replay executes what a log says, its base first. Nothing of it goes to the node's own log.
type Replay struct {
	engine *engine.Engine
	loader *Loader
}

// NewReplay makes one that begins with the data that there is, in the first database. It needs the execution lock.
func NewReplay(e *engine.Engine, l *Loader) *Replay {
	e.Data.StreamDB = 0
	return &Replay{e, l}
}

// Base loads a snapshot beside the present data and swaps the two.
func (r *Replay) Base(from *bufio.Reader) error {
	fresh := r.loader.NewStore()
	if _, err := r.loader.Load(from, fresh); err != nil {
		return err
	}
	r.engine.Lock()
	defer r.engine.Unlock()
	r.engine.SetStore(fresh)
	return nil
}

// Apply executes a command, or a transaction.
func (r *Replay) Apply(batch []aof.Entry) error {
	if err := r.loader.Loaded(); err != nil {
		return err
	}
	e := r.engine
	e.Lock()
	defer e.Unlock()
	e.Effects.Off = true
	now := r.loader.Now().UnixMilli()
	for _, entry := range batch {
		if err := e.Execute(entry.Args, now, false); err != nil {
			return err
		}
	}
	e.Effects.Drop()
	e.DropChanges()
	return nil
}

// load replaces the data by what is on disk. Meanwhile clients are told to wait. After an error there is a part of it,
// and clients are still told to wait. It needs w.mu.
func (w *writer) load() error {
	total, err := w.files.Stored()
	if err != nil {
		return fmt.Errorf("loading the log: %w", err)
	}
	_, end := w.Loader.Begin(w.Settings.AppendDirName(), total)
	defer end()
	began := time.Now()
	e := w.Engine
	w.lock()
	before := e.Data.StreamDB
	e.Data.Loading, e.Data.Partial = true, true
	e.SetStore(w.Loader.NewStore())
	r := NewReplay(e, w.Loader)
	w.unlock()
	report, err := w.files.Load(r, w.Settings.Bool("aof-load-truncated"))
	w.lock()
	defer w.unlock()
	if err != nil {
		e.Data.StreamDB = before
	}
	switch {
	case errors.Is(err, ErrInterrupted):
		return ErrInterrupted
	case err != nil:
		return fmt.Errorf("loading the log: %w; holdfast check-log tells more", err)
	}
	e.Data.Loading, e.Data.Partial = false, false
	if report.Cut != nil {
		w.Logger.Warn("the log's end was torn: what a crash left of the last write is cut off", "file", report.File,
			"offset", report.Cut.Offset,
			"bytes", report.Cut.Size-report.Cut.Offset, "whole_commands", report.Whole)
	}
	w.disk.rewrites.baseSize.Store(w.files.Size())
	w.Steps.At(steps.LogLoaded)
	w.Logger.Info("loaded the log", "files", report.Files, "bytes", report.Bytes, "end", w.files.End(), "took",
		time.Since(began).Round(time.Millisecond))
	return nil
}

// reload is load, but after an error the node has the data that it had. It needs w.mu.
func (w *writer) reload() error {
	w.lock()
	before, partial := w.Engine.Store, w.Engine.Data.Partial
	w.unlock()
	err := w.load()
	if err != nil {
		w.lock()
		w.Engine.SetStore(before)
		w.Engine.Data.Loading, w.Engine.Data.Partial = false, partial
		w.unlock()
	}
	return err
}
