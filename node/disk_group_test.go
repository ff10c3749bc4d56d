package node

import (
	"sync/atomic"
	"testing"
	"time"

	"holdfast/internal/memfs"
	"holdfast/internal/simnet"
	"holdfast/replication/aof"
)

// heldDisk is a disk whose syncs, while it holds them, tell that they have begun and end when they are let go.
type heldDisk struct {
	*memfs.FS
	holds        atomic.Bool
	syncs        atomic.Int64
	begun, letGo chan struct{}
}

type heldFile struct {
	aof.File
	disk *heldDisk
}

func (h *heldDisk) Update(name string) (aof.File, error) { return h.hold(h.FS.Update(name)) }
func (h *heldDisk) Create(name string) (aof.File, error) { return h.hold(h.FS.Create(name)) }
func (h *heldDisk) hold(f aof.File, err error) (aof.File, error) {
	return heldFile{f, h}, err
}

func (f heldFile) Sync() error {
	f.disk.syncs.Add(1)
	if f.disk.holds.Load() {
		f.disk.begun <- struct{}{}
		<-f.disk.letGo
	}
	return f.File.Sync()
}

// TestGroupCommit: those who write while a sync is under way share the next one, however many they are, and nobody is
// answered before the sync that has his write.
func TestGroupCommit(t *testing.T) {
	const others = 20
	net := simnet.New(1)
	defer net.Close()
	host := net.Host("10.0.0.1")
	files := &heldDisk{FS: memfs.New(), begun: make(chan struct{}), letGo: make(chan struct{})}
	n := start(t, Config{Network: host, Files: files}, "bind 10.0.0.1", "appendonly yes", "appendfsync always")
	incr := func(answer chan string) {
		c := dial(t, host, "10.0.0.1")
		go func() { answer <- c.do("INCR", "k") }()
	}
	dial(t, host, "10.0.0.1").answers("SET k 0", "OK")
	files.syncs.Store(0)
	files.holds.Store(true)
	first, rest := make(chan string), make(chan string)
	before := n.log.End()
	incr(first)
	<-files.begun
	one := n.log.End() - before
	want := n.log.End() + others*one
	for range others {
		incr(rest)
	}
	for n.log.End() < want {
		time.Sleep(time.Millisecond)
	}
	select {
	case r := <-first:
		t.Fatalf("answered %q before the sync", r)
	case r := <-rest:
		t.Fatalf("answered %q before the sync", r)
	default:
	}
	files.letGo <- struct{}{}
	if r := <-first; r != "1" {
		t.Fatalf("the first is answered %q", r)
	}
	<-files.begun
	files.holds.Store(false)
	select {
	case r := <-rest:
		t.Fatalf("answered %q during the sync", r)
	default:
	}
	files.letGo <- struct{}{}
	for range others {
		<-rest
	}
	if syncs := files.syncs.Load(); syncs != 2 {
		t.Errorf("%d syncs for a write and %d that came meanwhile, want 2", syncs, others)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
}
