package memfs

import "slices"

// Copy is another disk without limits, with all files as processes see them now: what cp -r makes of them.
func (f *FS) Copy() *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	other := New()
	for name, n := range f.names {
		c := &inode{data: slices.Clone(n.data), synced: slices.Clone(n.data)}
		other.names[name], other.kept[name] = c, c
	}
	return other
}
