package sentinel

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"holdfast/cluster"
	"holdfast/internal/rules"
	"holdfast/membership"
	"holdfast/sentinel/plan"
)

// identity is who a sentinel is: an id that its storage keeps, and the installation that it belongs to.
type identity struct {
	id   string
	firm atomic.Pointer[string] // nil: it is new, or its installation has no group yet and may take over another's id

	level  cluster.Level // the newest that it understands
	agreed atomic.Int64  // the level that sentinels must be of
}

// installation is what it belongs to for good; empty: nothing yet.
func (i *identity) installation() string {
	if id := i.firm.Load(); id != nil {
		return *id
	}
	return ""
}

// greeting is the first thing that a sentinel says to another on a connection, for Raft as for commands: an address may
// be somebody else's by now.
type greeting struct {
	Installation string `json:"installation,omitempty"` // of who dials; empty: it has none yet
	From         string `json:"from"`
	To           string `json:"to"` // who is meant

	Level cluster.Level `json:"level,omitempty"` // the newest that who dials understands
}

func (i *identity) greet(to string) greeting {
	return greeting{Installation: i.installation(), From: i.id, To: to, Level: i.level}
}

// tooOld says why a sentinel of that level can't be one of the quorum, if so.
func (i *identity) tooOld(id string, level cluster.Level) error {
	return cluster.TooOld("sentinel "+plan.ShortID(id), level, cluster.Level(i.agreed.Load()))
}

// check says why a greeting is not for this sentinel, if so.
func (i *identity) check(g greeting) error {
	if err := cluster.Foreign("sentinel "+plan.ShortID(g.From), g.Installation, i.installation()); err != nil {
		return err
	}
	if rules.AnswerToOwnID && g.To != i.id {
		return &strangerError{asked: g.To, is: i.id}
	}
	return i.tooOld(g.From, g.Level)
}

// strangerError says that another sentinel than the one meant is at an address.
type strangerError struct{ asked, is string }

func (e *strangerError) Error() string {
	return fmt.Sprintf("sentinel %s is not here any more, this is sentinel %s", plan.ShortID(e.asked),
		plan.ShortID(e.is))
}

// provenAs compares who a sentinel has proven to be with who it says it is, or is meant. Without a group-key nobody
// proves anything.
func provenAs(peer membership.Peer, id string) error {
	if rules.AnswerToOwnID && peer.Kind != "" && peer.Name != id {
		return fmt.Errorf("it says that it is sentinel %s, and proves to be %s", plan.ShortID(id),
			plan.ShortID(peer.Name))
	}
	return nil
}

// raftAddress is what Raft is told of where a sentinel is: it hands that to streamLayer.Dial, which so learns who is
// meant. And no two sentinels have the same, which Raft insists on, also while they are exchanging their addresses.
func raftAddress(id, addr string) raft.ServerAddress { return raft.ServerAddress(id + "@" + addr) }

// splitRaftAddress undoes that; id is empty in a configuration of an older version.
func splitRaftAddress(a raft.ServerAddress) (id, addr string) {
	if id, addr, ok := strings.Cut(string(a), "@"); ok {
		return id, addr
	}
	return "", string(a)
}

// addressBook tells Raft where the sentinel of an id is: as the gossip says, or said last; else Raft takes the address
// at which it got its vote.
type addressBook struct {
	self string // id
	addr string // its own, for Raft

	mu    sync.Mutex // guards the rest
	find  func(id string) (addr string, ok bool)
	moved func(id string) (addr string, ok bool)
	last  map[string]string // what find said
}

// use has the book ask from now on.
func (b *addressBook) use(find, moved func(id string) (addr string, ok bool)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.find, b.moved, b.last = find, moved, map[string]string{}
}

// elsewhere is where a sentinel may be when it is not where ServerAddr has it.
func (b *addressBook) elsewhere(id string) (addr string, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.moved == nil {
		return "", false
	}
	return b.moved(id)
}

// ServerAddr is raft.ServerAddressProvider's.
func (b *addressBook) ServerAddr(id raft.ServerID) (raft.ServerAddress, error) {
	if string(id) == b.self {
		return raftAddress(b.self, b.addr), nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.find != nil {
		if addr, ok := b.find(string(id)); ok {
			b.last[string(id)] = addr
		}
	}
	if addr := b.last[string(id)]; addr != "" {
		return raftAddress(string(id), addr), nil
	}
	return "", fmt.Errorf("sentinel %s is not in the gossip", id)
}
