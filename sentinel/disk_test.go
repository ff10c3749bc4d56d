package sentinel

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// fullStore is a store in memory that takes no writes for a while.
type fullStore struct {
	*raft.InmemStore
	full atomic.Bool
}

var errNoSpace = errors.New("no space left on device")

func (s *fullStore) write(do func() error) error {
	if s.full.Load() {
		return errNoSpace
	}
	return do()
}

func (s *fullStore) StoreLog(l *raft.Log) error {
	return s.write(func() error { return s.InmemStore.StoreLog(l) })
}

func (s *fullStore) StoreLogs(l []*raft.Log) error {
	return s.write(func() error { return s.InmemStore.StoreLogs(l) })
}

func (s *fullStore) Set(key, val []byte) error {
	return s.write(func() error { return s.InmemStore.Set(key, val) })
}

func (s *fullStore) SetUint64(key []byte, val uint64) error {
	return s.write(func() error { return s.InmemStore.SetUint64(key, val) })
}

// TestSentinelsDiskIsFull: a sentinel, the leader too, whose disk is full counts as one that is down: the others decide
// without it, and it answers nothing that may be old. With room it is one of them again. It ends when told, also while
// it waits to store a term.
func TestSentinelsDiskIsFull(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		var stores []*fullStore
		for i := range w.sentinels {
			w.stopSentinel(i)
			s := &fullStore{InmemStore: raft.NewInmemStore()}
			stores = append(stores, s)
			w.storage[i] = &Storage{logs: s, stable: s, snapshots: raft.NewInmemSnapshotStore()}
		}
		for i := range w.sentinels {
			w.startSentinel(i)
		}
		w.trio()
		leader := func() int {
			for i, s := range w.sentinels {
				if s != nil && s.quorum.isLeader() && !stores[i].full.Load() {
					return i
				}
			}
			return -1
		}
		chain := w.agreed().Chain
		first := leader()
		stores[first].full.Store(true)
		w.nodes[chain[0].Name].stop()
		w.until("chain without the head", 5*time.Second, w.chainIs(chain[1].Name, chain[2].Name))
		if w.sentinels[first].quorum.isLeader() || w.sentinels[first].quorum.inTouch() {
			t.Error("the one with a full disk leads, or takes itself for up to date")
		}
		if v, err := w.ask(first, "SENTINEL", "CKQUORUM", testGroup); err == nil {
			t.Errorf("the one with a full disk: %v", v)
		}
		disks := func(want string) func() bool {
			return func() bool {
				for i := range w.sentinels {
					for _, s := range w.sentinels[i].status().Sentinels {
						if s.Disk != "ok" && s.ID != w.sentinels[first].ID() || s.Disk != want &&
							s.ID == w.sentinels[first].ID() {
							return false
						}
					}
				}
				return true
			}
		}
		w.until("all say that it is full, and nobody else", 2*time.Second, disks("full"))
		if v, err := w.ask(leader(), "SENTINEL", "CKQUORUM", testGroup); err != nil ||
			!strings.HasPrefix(v.String(), "OK 2 usable") {
			t.Errorf("with one full disk of three: %v, %v", v, err)
		}
		stores[first].full.Store(false)
		w.until("it is back", 10*time.Second, func() bool {
			s := w.sentinels[first]
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.inTouch && len(s.state.Groups[testGroup].Chain) == 2
		})

		w.until("all say that there is room", 2*time.Second, disks("ok"))

		// The same for one that follows; then the leader dies, and it has to store the term of the next election, which
		// waits.
		second := (leader() + 1) % 3
		stores[second].full.Store(true)
		w.nodes[chain[1].Name].stop()
		w.until("chain of the last", 5*time.Second, w.chainIs(chain[2].Name))
		w.killSentinel(leader())
		time.Sleep(5 * time.Second)
		if _, err := w.ask(second, "PING"); err != nil {
			t.Errorf("the one with a full disk: %v", err)
		}
		if leader() >= 0 {
			t.Error("there is a leader though only one of three can store anything")
		}
		w.stopSentinel(second)
		cfg := Default()
		cfg.GroupKey = testKey
		cfg.AnnounceIP, cfg.Network, cfg.Storage, cfg.Logger = sentinelIP(second),
			w.net.Host(sentinelIP(second)).Restart(), w.storage[second], w.log
		if _, err := New(cfg); !errors.Is(err, errNoSpace) {
			t.Errorf("a sentinel with a full disk starts: %v", err)
		}
		stores[second].full.Store(false)
		w.startSentinel(second)
		w.until("a leader", 10*time.Second, func() bool { return leader() >= 0 })
	})
}
