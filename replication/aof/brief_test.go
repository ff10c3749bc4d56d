package aof

import (
	"os"
	"testing"
	"time"
)

// A call is expected to be brief when the one before it was, and has just ended.
func TestBrief(t *testing.T) {
	var b brief
	now := time.Now()
	if b.expected(now) {
		t.Error("nothing is known of the first call: the scheduler must be told")
	}
	for _, c := range []struct {
		name        string
		took, after time.Duration
		expected    bool
	}{
		{"brief, and at once", 200 * time.Microsecond, 0, true},
		{"brief, and soon", 200 * time.Microsecond, 99 * time.Millisecond, true},
		{"brief, and a second ago", 200 * time.Microsecond, time.Second, false},
		{"long", time.Millisecond, 0, false},
		{"brief again", 999 * time.Microsecond, time.Millisecond, true},
		{"a stall", 3 * time.Second, 0, false},
	} {
		ended := now.Add(c.took)
		b.took(now, ended)
		if now = ended.Add(c.after); b.expected(now) != c.expected {
			t.Errorf("%s: expected is %v", c.name, !c.expected)
		}
	}
}

// Writes that the scheduler isn't told of do what others do.
func TestRawWrites(t *testing.T) {
	dir, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	root := NewRoot(dir)
	open := func(open func(string) (File, error)) *osFile {
		file, err := open("log")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		f := file.(*osFile)
		f.writes.took(time.Now(), time.Now())
		return f
	}
	write := func(n int, err error) {
		t.Helper()
		if n != 5 || err != nil {
			t.Errorf("%d bytes were written: %v", n, err)
		}
	}
	f := open(root.Create)
	write(f.Write([]byte("one, ")))
	write(f.Write([]byte("two, ")))
	write(f.WriteAt([]byte("three"), 5))
	write(open(root.Update).WriteAt([]byte(" more"), 10))
	if err := f.Sync(); err != nil {
		t.Error(err)
	}
	text := make([]byte, 100)
	if n, err := open(root.Open).ReadAt(text, 0); string(text[:n]) != "one, three more" {
		t.Errorf("the file holds %q (%v)", text[:n], err)
	}
	if n, err := open(root.Open).Write([]byte("no")); n != 0 || err == nil {
		t.Errorf("of a file that is read: %d bytes were written: %v", n, err)
	}
	if f.Close(); f.Sync() == nil {
		t.Error("a closed file was synced")
	}
}

// A write may have to wait while something is being synced, and when one before has just had to.
func TestBusy(t *testing.T) {
	var d disk
	now := time.Now()
	busy := func(when string, at time.Time, want bool) {
		t.Helper()
		if d.busy(at) != want {
			t.Errorf("%s: busy is %v", when, !want)
		}
	}
	busy("at first", now, false)
	d.working.Add(1)
	busy("during a sync", now, true)
	d.working.Add(-1)
	busy("after it", now, false)
	f := osFile{disk: &d}
	began := time.Now().Add(-time.Second)
	f.wrote(1, began)
	now = time.Now()
	busy("after a write that took long", now, true)
	busy("for longer than that took", now.Add(distrust*time.Second-time.Millisecond), true)
	busy("later", now.Add(distrust*time.Second+time.Second), false)
}

// After much was written the next call may have to wait for the disk, until that has had its time.
func TestBehind(t *testing.T) {
	var d disk
	now := time.Now()
	d.took(maxOwed, now)
	if d.behind(now) {
		t.Error("so much the kernel takes at once")
	}
	d.took(300<<20, now)
	for _, c := range []struct {
		after time.Duration
		want  bool
	}{{0, true}, {18 * time.Second, true}, {19 * time.Second, false}} {
		if d.behind(now.Add(c.after)) != c.want {
			t.Errorf("%v after 300 MB: behind is %v", c.after, !c.want)
		}
	}
	f := osFile{disk: &d}
	f.writes.took(now, now)
	d.took(300<<20, now.Add(19*time.Second))
	if f.expectsBrief(make([]byte, 100), now) {
		t.Error("the scheduler is not told of a write behind 300 MB")
	}
}
