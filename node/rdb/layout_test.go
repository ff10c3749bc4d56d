package rdb

import "testing"

// TestEveryLayoutIsWhole: what a callback may get is what Writer takes; and a type that is a form of another one is
// only read.
func TestEveryLayoutIsWhole(t *testing.T) {
	for typ, l := range layouts {
		switch as := layouts[l.as]; {
		case l.read == nil && l.write == nil:
		case l.read == nil:
			t.Errorf("type %d can't be read", typ)
		case as.write == nil || as.as != l.as:
			t.Errorf("type %d is read as %d, which can't be written", typ, l.as)
		case (l.write != nil) != (int(l.as) == typ):
			t.Errorf("type %d is read as %d, and has a way to be written: %v", typ, l.as, l.write != nil)
		case (l.element == nil) != (as.element == nil):
			t.Errorf("type %d and %d, as which it is read, are not both in one run of bytes", typ, l.as)
		}
	}
}
