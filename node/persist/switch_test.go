package persist_test

import (
	"bytes"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/memfs"
	"holdfast/node/engine"
	"holdfast/node/persist"
	"holdfast/replication"
	"holdfast/replication/aof"
)

// switchable has the directive appendonly followed when it is changed, as a node does that has a log in any case.
func (k *keeper) switchable() *keeper {
	k.followed = true
	k.engine.Do(func(time.Time) { k.engine.NoteRole() })
	k.settings.OnChange("appendonly", func(_, now string) error {
		defer k.engine.NoteRole()
		return k.Keep(now == "yes")
	})
	return k
}

// goesOn writes more than the log keeps in memory: all of it is committed, and nobody holds the log back.
func (k *keeper) goesOn() {
	k.t.Helper()
	for range 4 {
		k.answers("SET filler "+strings.Repeat("x", 1<<20), "+OK")
		time.Sleep(time.Second)
	}
	k.answers("SET last v", "+OK")
	time.Sleep(time.Second)
	if commit, end := k.log.Commit(), k.log.End(); commit != end {
		k.t.Errorf("the log is committed to %d of %d", commit, end)
	}
	if first, end := k.log.First(), k.log.End(); end-first > 3<<20 {
		k.t.Errorf("the log holds %d bytes in memory", end-first)
	}
}

// image is a snapshot of some data.
func image(t *testing.T) []byte {
	t.Helper()
	k := newKeeper(t, kept{})
	k.allTypes()
	var b bytes.Buffer
	if _, err := k.snapshot().WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pausing reads text, and in the middle of it calls then.
type pausing struct {
	text []byte
	then func()
}

func (p *pausing) Read(b []byte) (int, error) {
	if then := p.then; len(p.text) < 100 && then != nil {
		p.then = nil
		then()
	}
	if len(p.text) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), 50)], p.text)
	p.text = p.text[n:]
	return n, nil
}

// TestLogIsSwitchedWhileACopyComes: whether the log is to be kept on disk may change while a full copy comes, which
// then is not, or not yet, what is there. The node goes on, and a later start has what it had.
func TestLogIsSwitchedWhileACopyComes(t *testing.T) {
	for _, c := range []struct {
		before   string
		switches []string
	}{{"no", []string{"yes"}}, {"yes", []string{"no"}}, {"yes", []string{"no", "yes"}}, {"no", []string{"yes", "no"}}} {
		t.Run(c.before+" to "+strings.Join(c.switches, " to "), func(t *testing.T) {
			copied := image(t)
			synctest.Test(t, func(t *testing.T) {
				in := kept{files: memfs.New(), lines: []string{"appendonly " + c.before}}
				k := startKeeper(t, in).switchable()
				k.answers("SET old v", "+OK")
				from := new(engine.Source)
				k.engine.Do(func(time.Time) { k.engine.Follow(from) })
				err := k.LoadCopy(&pausing{text: copied, then: func() {
					for _, s := range c.switches {
						k.answers("CONFIG SET appendonly "+s, "+OK")
						time.Sleep(3 * time.Second)
					}
				}}, persist.Copy{By: from, From: "a master",
					Position: replication.Position{ID: strings.Repeat("z", 40), Offset: 7}})
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(3 * time.Second)
				k.goesOn()
				want, kept := k.digest(), k.Kept()
				k.end()
				if !kept {
					return
				}
				in.lines = []string{"appendonly yes"}
				k = startKeeper(t, in)
				if k.digest() != want {
					t.Error("a later start has other data")
				}
				k.end()
			})
		})
	}
}

// slowDisk is a disk that can be held: then a new file's first write waits.
type slowDisk struct {
	*memfs.FS
	held atomic.Pointer[chan struct{}]
}

func (d *slowDisk) Create(name string) (aof.File, error) {
	f, err := d.FS.Create(name)
	return slowFile{f, d}, err
}

type slowFile struct {
	aof.File
	d *slowDisk
}

func (f slowFile) Write(p []byte) (int, error) {
	if held := f.d.held.Load(); held != nil {
		<-*held
	}
	return f.File.Write(p)
}

// TestLogIsSwitchedOffWhileItIsBegun: its base is still being written when nobody wants it any more.
func TestLogIsSwitchedOffWhileItIsBegun(t *testing.T) {
	for _, again := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			disk := &slowDisk{FS: memfs.New()}
			in := kept{files: disk, lines: []string{"appendonly no"}}
			k := startKeeper(t, in).switchable()
			k.allTypes()
			hold := make(chan struct{})
			disk.held.Store(&hold)
			k.answers("CONFIG SET appendonly yes", "+OK")
			time.Sleep(3 * time.Second)
			k.answers("CONFIG SET appendonly no", "+OK")
			k.answers("SET meanwhile v", "+OK")
			if again {
				k.answers("CONFIG SET appendonly yes", "+OK")
			}
			disk.held.Store(nil)
			close(hold)
			time.Sleep(3 * time.Second)
			k.goesOn()
			want := k.digest()
			k.end()
			if !again {
				return
			}
			in.lines = []string{"appendonly yes"}
			k = startKeeper(t, in)
			if k.digest() != want {
				t.Error("a later start has other data")
			}
			k.end()
		})
	}
}
