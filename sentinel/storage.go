package sentinel

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/hashicorp/raft"

	"holdfast/sentinel/plan"
)

// Storage is what a sentinel must find again after a restart: its id, the Raft log and its fences. A simulation keeps a
// memory Storage over the restart of a sentinel as a machine keeps its disk.
type Storage struct {
	logs      raft.LogStore
	stable    raft.StableStore
	snapshots raft.SnapshotStore
	closer    io.Closer // nil when nothing is open
}

// The keys of the stable store beside Raft's own.
var (
	keyID        = []byte("HoldfastID")
	keyJudgement = []byte("HoldfastJudgement")
	keyPromise   = []byte("HoldfastBootstrap")
	keyRemoved   = []byte("HoldfastRemoved")
	keyInstalled = []byte("HoldfastInstallation")
)

// OpenStorage opens or creates the storage in a directory, which it does not close.
func OpenStorage(dir *os.Root, log *slog.Logger) (*Storage, error) {
	store, err := openKeeper(dir)
	if err != nil {
		return nil, openError(filepath.Join(dir.Name(), keeperFile), err)
	}
	snapshots, err := raft.NewFileSnapshotStoreWithLogger(dir.Name(), 2, raftLogger(log))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open snapshots in %s: %w", dir.Name(), err), store.Close())
	}
	return &Storage{logs: store, stable: store, snapshots: snapshots, closer: store}, nil
}

// NewMemoryStorage is storage that lasts as long as the value does.
func NewMemoryStorage() *Storage {
	store := raft.NewInmemStore()
	return &Storage{logs: store, stable: store, snapshots: raft.NewInmemSnapshotStore()}
}

// on is the same storage, written to by way of d.
func (s *Storage) on(d *disk) *Storage {
	d.LogStore, d.StableStore = s.logs, s.stable
	return &Storage{logs: d, stable: d, snapshots: s.snapshots}
}

// Close gives the files back. The sentinel that used the storage must be closed before.
func (s *Storage) Close() error {
	if s.closer == nil {
		return nil
	}
	return s.closer.Close()
}

// id returns the sentinel's id, drawn at its first start.
func (s *Storage) id(rng *rand.Rand) (string, error) {
	if id, err := s.get(keyID); err != nil || id != nil {
		return string(id), err
	}
	id := randomID(rng)
	if err := s.stable.Set(keyID, []byte(id)); err != nil {
		return "", fmt.Errorf("store id: %w", err)
	}
	return id, nil
}

// get returns nil for a key that was never set. Raft's stores say that in an error that has no value to compare with.
func (s *Storage) get(key []byte) ([]byte, error) {
	val, err := s.stable.Get(key)
	if err != nil && err.Error() == notFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	return val, nil
}

// judgement is the durable half of what a sentinel thinks of each group.
type judgement struct {
	Groups map[string]groupJudgement `json:"groups"`
}

type groupJudgement struct {
	Epoch   uint64       `json:"epoch"`   // heartbeats of older epochs are not accepted any more
	Fenced  []string     `json:"fenced"`  // incarnations, in Epoch
	Reached plan.Reached `json:"reached"` // as of some seconds ago
	// the longest time not to fence that heartbeats of late were answered with
	PromiseMs int64 `json:"promise_ms"`
}

func (s *Storage) loadJudgement() (judgement, error) {
	j := judgement{Groups: map[string]groupJudgement{}}
	val, err := s.get(keyJudgement)
	if err != nil || val == nil {
		return j, err
	}
	if err := json.Unmarshal(val, &j); err != nil {
		return j, fmt.Errorf("stored fences are damaged: %w", err)
	}
	if j.Groups == nil {
		j.Groups = map[string]groupJudgement{}
	}
	return j, nil
}

func (s *Storage) saveJudgement(j judgement) error {
	val, err := json.Marshal(j)
	if err != nil {
		return fmt.Errorf("encode fences: %w", err)
	}
	if err := s.stable.Set(keyJudgement, val); err != nil {
		return fmt.Errorf("store fences: %w", err)
	}
	return nil
}
