package identity

import (
	"fmt"
	"sync/atomic"

	"holdfast/cluster"
)

// Features are what the node's group may use, and what the node's own data need.
type Features struct {
	identity   *Identity
	understood cluster.Level
	agreed     atomic.Pointer[cluster.Features]
	needs      atomic.Int64 // the level of the newest thing that the data, or the files that they are kept in, may hold
}

// NewFeatures is what a node begins with that understands all up to a level.
func NewFeatures(understood cluster.Level, of *Identity) *Features {
	return &Features{understood: understood, identity: of}
}

// Understood is the newest feature level that the node understands.
func (f *Features) Understood() cluster.Level { return f.understood }

// Hear takes in what somebody says of the group. The node need not know it at once: whoever speaks understands all that
// may be used.
func (f *Features) Hear(word cluster.Features) {
	for {
		known := f.agreed.Load()
		if known != nil && known.Newest(word) == *known {
			return
		}
		if f.agreed.CompareAndSwap(known, &word) {
			return
		}
	}
}

// Heard is the newest word on the group.
func (f *Features) Heard() cluster.Features {
	if word := f.agreed.Load(); word != nil {
		return *word
	}
	return cluster.Features{}
}

// Needs is the level that the data may need.
func (f *Features) Needs() cluster.Level { return cluster.Level(f.needs.Load()) }

// Need notes, on disk first, that the data are about to need a feature level. They go on needing it, as what is deleted
// may still be in the log.
func (f *Features) Need(level int) error {
	if level <= int(f.needs.Load()) {
		return nil
	}
	if err := f.identity.Change(func(p *Papers) { p.Needs = max(p.Needs, cluster.Level(level)) }); err != nil {
		return err // what is not noted is not needed yet: whoever comes next tries again
	}
	for known := f.needs.Load(); known < int64(level); known = f.needs.Load() {
		f.needs.CompareAndSwap(known, int64(level))
	}
	return nil
}

// Read reads what the node noted in its directory, before anything there is touched. It says why the node can't go on
// with the data, if so.
func (f *Features) Read() error {
	if err := f.identity.Read(); err != nil {
		return err
	}
	needs := f.identity.Now().Needs
	f.needs.Store(int64(needs.OrBase()))
	if err := cluster.TooOld("this version", f.understood, needs); err != nil {
		return fmt.Errorf("the data here are of a newer version: %w", err)
	}
	return nil
}

// Asked is of which level who follows this node must be: that in use, or that of the data which it would get.
func (f *Features) Asked() cluster.Level { return max(f.Heard().Level, f.Needs()) }
