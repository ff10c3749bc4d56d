package cluster

import (
	"cmp"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// gossipEvents is memberlist's delegate, and the table of who is there: memberlist's own list may change while it is read.
// Its methods are called under memberlist's locks, so they never wait and never call memberlist.
type gossipEvents struct {
	self    string        // memberlist's name of this member
	news    chan struct{} // a token: something for tell
	renewed chan struct{} // a token: meta was replaced
	lonely  chan struct{} // a token: the last of the others has gone
	queue   memberlist.TransmitLimitedQueue

	mu        sync.Mutex // guards the rest
	meta      []byte
	alive     map[string]gossipMember
	lost      map[string]lostMember // by memberlist's name
	clashed   bool                  // another address still holds our name
	changed   bool                  // hooks are due
	hooks     []func()
	listeners []func(kind string, payload []byte)
	inbox     []message
	seen      seenMessages
}

// gossipMember is somebody who is alive.
type gossipMember struct {
	node Node
	ours bool // its meta could be read; a stranger's is none of ours
	addr string
}

// lostMember is somebody who isn't any more, and may only be behind a cut.
type lostMember struct {
	addr string
	at   time.Time
}

const (
	spreadCopies = 8   // datagrams in which each member passes a message on, per decimal digit of the number of members
	maxQueued    = 256 // messages being spread
	maxInbox     = 1024
	maxLost      = 64
)

func newGossipEvents(meta []byte, self string) *gossipEvents {
	e := &gossipEvents{
		self: self, meta: meta, news: make(chan struct{}, 1), renewed: make(chan struct{}, 1), lonely: make(chan struct{}, 1),
		alive: map[string]gossipMember{}, lost: map[string]lostMember{},
	}
	e.queue = memberlist.TransmitLimitedQueue{RetransmitMult: spreadCopies, NumNodes: e.count}
	return e
}

// wake leaves a token for a goroutine that may be busy.
func wake(token chan struct{}) {
	select {
	case token <- struct{}{}:
	default:
	}
}

func (e *gossipEvents) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.alive)
}

// nodes lists the members that are alive, in no order.
func (e *gossipEvents) nodes() []Node {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := make([]Node, 0, len(e.alive))
	for _, m := range e.alive {
		if m.ours {
			list = append(list, m.node)
		}
	}
	return list
}

// others lists where everybody else is.
func (e *gossipEvents) others() []memberlist.Address {
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []memberlist.Address
	for name, m := range e.alive {
		if name != e.self {
			list = append(list, memberlist.Address{Name: name, Addr: m.addr})
		}
	}
	slices.SortFunc(list, func(a, b memberlist.Address) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// takeNews hands over what tell has to tell.
func (e *gossipEvents) takeNews() (hooks []func(), listeners []func(string, []byte), messages []message) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.changed {
		hooks = slices.Clone(e.hooks)
	}
	listeners, messages = slices.Clone(e.listeners), e.inbox
	e.changed, e.inbox = false, nil
	return hooks, listeners, messages
}

// NotifyJoin notes a member that came or came back.
func (e *gossipEvents) NotifyJoin(n *memberlist.Node) { e.put(n) }

// NotifyUpdate notes what a member says of itself now.
func (e *gossipEvents) NotifyUpdate(n *memberlist.Node) { e.put(n) }

func (e *gossipEvents) put(n *memberlist.Node) {
	m := gossipMember{addr: n.Address()}
	m.ours = json.Unmarshal(n.Meta, &m.node) == nil && m.node.id() == n.Name
	e.mu.Lock()
	e.alive[n.Name] = m
	delete(e.lost, n.Name)
	e.changed = true
	e.mu.Unlock()
	wake(e.news)
}

// NotifyLeave notes that a member left or is believed dead.
func (e *gossipEvents) NotifyLeave(n *memberlist.Node) {
	e.mu.Lock()
	delete(e.alive, n.Name)
	if len(e.lost) < maxLost && n.Name != e.self {
		e.lost[n.Name] = lostMember{addr: n.Address(), at: time.Now()}
	}
	e.changed = true
	alone := len(e.alive) < 2
	e.mu.Unlock()
	wake(e.news)
	if alone {
		wake(e.lonely)
	}
}

// NotifyConflict hears that two addresses claim one name. When it is ours, the other is an earlier start of this member that isn't
// yet known to be dead: we announce ourselves until it is.
func (e *gossipEvents) NotifyConflict(existing, _ *memberlist.Node) {
	if existing.Name == e.self {
		e.mu.Lock()
		e.clashed = true
		e.mu.Unlock()
	}
}

// NodeMeta is what the others are told of this member.
func (e *gossipEvents) NodeMeta(int) []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.meta
}

// LocalState adds nothing to an exchange of members.
func (e *gossipEvents) LocalState(bool) []byte { return nil }

// MergeRemoteState has nothing to take in.
func (e *gossipEvents) MergeRemoteState([]byte, bool) {}
