package main

import "testing"

// small is how many states an exploration may have to be one for every day; `make model` goes through all.
const small = 1_000_000

// TestSmallWorlds goes through the first scenes, and through what is switched off and breaks soon.
func TestSmallWorlds(t *testing.T) {
	t.Parallel()
	for _, s := range kept {
		s.epochs, s.writes, s.crashes = min(s.epochs, 2), 1, min(s.crashes, 1)
		if s.chain < 3 {
			s.crashes = 0
		}
		r := newWorld(s.bounds, s.off).explore(small)
		t.Logf("%s: %v", s.what, r)
		if wrong := s.wrong(r); wrong != "" {
			t.Errorf("%s: %s: %q", s.what, wrong, r.story)
		}
	}
	for _, s := range broken {
		r := newWorld(s.bounds, s.off).explore(small / 100)
		t.Logf("%s: %v", s.what, r)
		if r.full && r.bad == "" {
			t.Errorf("%s: nothing breaks", s.what)
		}
	}
}
