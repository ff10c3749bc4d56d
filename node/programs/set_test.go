package programs

import (
	"slices"
	"testing"
)

// TestKeep: the oldest is forgotten first; what is kept anew is the newest.
func TestKeep(t *testing.T) {
	var s Set
	const limit = 3 * (Overhead + 1)
	one, _ := s.Keep("1", limit)
	s.Keep("2", limit)
	three, _ := s.Keep("3", limit)
	if !s.Fading(one, limit) || s.Fading(three, limit) {
		t.Error("the first of three is in the older half, the last is not")
	}
	s.Keep("1", limit)
	_, forgotten := s.Keep("4", limit)
	if len(forgotten) != 1 || forgotten[0].Body != "2" || !slices.Equal(s.Scripts(), []string{"3", "1", "4"}) {
		t.Errorf("%d are forgotten, there are %q", len(forgotten), s.Scripts())
	}
	if scripts, _ := s.Memory(); scripts != limit {
		t.Error(scripts)
	}
	s.Keep("much too large", 1)
	if got := s.Scripts(); len(got) != 1 {
		t.Errorf("the newest stays: %q", got)
	}
	s.Flush()
	if scripts, _ := s.Memory(); scripts != 0 || len(s.Scripts()) != 0 {
		t.Error("something is left")
	}
}

func TestLibraries(t *testing.T) {
	var s Set
	s.SetLibrary("b", "code of b")
	s.SetLibrary("a", "x")
	s.SetLibrary("b", "new")
	if code, ok := s.Library("b"); !ok || code != "new" || !slices.Equal(s.Names(), []string{"a", "b"}) {
		t.Errorf("%q, %q", code, s.Names())
	}
	s.DeleteLibrary("a")
	if _, libraries := s.Memory(); libraries != 3 || s.Version != 4 {
		t.Errorf("%d bytes, version %d", libraries, s.Version)
	}
	s.FlushLibraries()
	if _, libraries := s.Memory(); libraries != 0 || len(s.Names()) != 0 {
		t.Error("something is left")
	}
}

// TestDigest: sets that have come to the same have the same digests, whatever the way.
func TestDigest(t *testing.T) {
	var a, b Set
	a.SetLibrary("x", "1")
	a.SetLibrary("y", "2")
	b.SetLibrary("y", "3")
	b.SetLibrary("z", "")
	b.SetLibrary("x", "1")
	b.SetLibrary("y", "2")
	b.DeleteLibrary("z")
	for _, body := range []string{"p", "q"} {
		a.Keep(body, 1<<20)
	}
	for _, body := range []string{"q", "p", "q"} {
		b.Keep(body, 1<<20)
	}
	libraries, scripts := a.Digest()
	if l, s := b.Digest(); l != libraries || s != scripts {
		t.Errorf("%s %s, want %s %s", l, s, libraries, scripts)
	}
	b.SetLibrary("y", "4")
	b.Keep("p", 1<<20) // it will be forgotten later now
	if l, s := b.Digest(); l == libraries || s == scripts {
		t.Error("what differs has the same digest")
	}
}
