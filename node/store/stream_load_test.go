package store

import (
	"errors"
	"testing"
)

// TestStreamBlockAfterItsEntries: no block has an id behind its entries, by which it would stand in the wrong place: an
// entry that is added after the last one would begin a block before it.
func TestStreamBlockAfterItsEntries(t *testing.T) {
	s := newTestStore(1)
	for _, c := range []struct {
		entry StreamID
		want  error
	}{
		{StreamID{10, 0}, nil}, {StreamID{10, 1}, nil}, {StreamID{5, 0}, errStreamOrder},
		{StreamID{9, 1 << 63}, errStreamOrder},
	} {
		pairs := [][]byte{[]byte("field"), []byte("value")}
		fields := appendFields(nil, pairs)
		block := newStreamBlock(StreamID{10, 0}, fields, 0)
		block.add(c.entry, fields, pairs)
		b := s.NewStream()
		if err := b.AddBlock(block.id, block.listpack(nil)); !errors.Is(err, c.want) {
			t.Errorf("entry %v in block %v: %v, want %v", c.entry, block.id, err, c.want)
		} else if err != nil {
			continue
		}
		if err := b.SetMeta(StreamMeta{Length: 1, Last: c.entry, Added: 1}); err != nil {
			t.Fatal(err)
		}
		s.Limits.StreamEntries = 1
		b.s.Append(StreamID{c.entry.Ms + 1, 0}, pairs)
		if err := b.s.check(); err != nil {
			t.Error(err)
		}
	}
}
