package cluster

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// gossipEvents is memberlist's delegate, and the table of who is there: memberlist's own list may change while it is
// read. Its methods are called under memberlist's locks, so they never wait and never call memberlist.
type gossipEvents struct {
	self    string        // memberlist's name of this member
	addr    string        // and where it is
	news    chan struct{} // a token: something for tell
	renewed chan struct{} // a token: meta was replaced
	lonely  chan struct{} // a token: the last of the others has gone, or somebody is missed
	queue   memberlist.TransmitLimitedQueue

	mu        sync.Mutex // guards the rest
	us        Node
	meta      []byte               // us, as the others are told
	strangers []Node               // of other installations, and not told of yet
	refused   map[string]time.Time // when each was told of last
	alive     map[string]gossipMember
	lost      map[string]lostMember // by memberlist's name
	here      int                   // how often others said that we are where we are; see countSightings
	elsewhere int                   // and that we are elsewhere
	// by memberlist's name: who says to be elsewhere than is known, as long as the others believe that to be alive
	moved     map[string]Node
	changed   bool // hooks are due
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
	maxRefused   = 256
	refusePause  = 5 * time.Second // between two times that one stranger is told of
)

func newGossipEvents(us Node, addr string, meta []byte) *gossipEvents {
	e := &gossipEvents{
		self: us.id(), addr: addr, us: us, meta: meta, refused: map[string]time.Time{}, news: make(chan struct{}, 1),
		renewed: make(chan struct{}, 1), lonely: make(chan struct{}, 1),
		alive: map[string]gossipMember{}, lost: map[string]lostMember{}, moved: map[string]Node{},
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
	for name, m := range e.alive {
		if m.ours && (name == e.self || !e.us.foreign(m.node)) {
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
func (e *gossipEvents) takeNews() (hooks []func(), listeners []func(string, []byte), messages []message,
	strangers []Node) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.changed {
		hooks = slices.Clone(e.hooks)
	}
	listeners, messages, strangers = slices.Clone(e.listeners), e.inbox, e.strangers
	e.changed, e.inbox, e.strangers = false, nil, nil
	return hooks, listeners, messages, strangers
}

// node is this member as it describes itself now.
func (e *gossipEvents) node() Node {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.us
}

// become replaces what this member is. Who was let in before it had an installation may turn out to be of another one.
func (e *gossipEvents) become(us Node, meta []byte) {
	e.mu.Lock()
	if e.us.Installation != us.Installation || e.us.Tentative != us.Tentative {
		e.changed = true
	}
	e.us, e.meta = us, meta
	for name, m := range e.alive {
		if name != e.self && m.ours && us.foreign(m.node) {
			e.refuse(m.node)
		}
	}
	e.mu.Unlock()
	wake(e.news)
}

// refuse notes that a member of another installation is not let in, to be told now and then. It needs mu.
func (e *gossipEvents) refuse(n Node) {
	key, now := n.Installation+" "+n.id(), time.Now()
	at, known := e.refused[key]
	if known && now.Sub(at) < refusePause || !known && len(e.refused) >= maxRefused {
		return
	}
	e.refused[key] = now
	e.strangers = append(e.strangers, n)
	wake(e.news)
}

// errForeign keeps a member out of memberlist's list. Which one it is gossip tells by itself.
var errForeign = errors.New("it is of another installation")

// NotifyAlive refuses members of other installations. One that is in the list already is only hidden: what is said here
// of it may be older than what memberlist knows, which tells put.
func (e *gossipEvents) NotifyAlive(n *memberlist.Node) error {
	m := readMember(n)
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case n.Name != e.self:
	case m.addr == e.addr:
		e.here++
	default:
		e.elsewhere++ // an earlier start of this member, which isn't yet known to be dead
	}
	if _, there := e.alive[n.Name]; there || n.Name == e.self || !m.ours || !e.us.foreign(m.node) {
		return nil
	}
	e.refuse(m.node)
	return errForeign
}

// NotifyJoin notes a member that came or came back.
func (e *gossipEvents) NotifyJoin(n *memberlist.Node) { e.put(n) }

// NotifyUpdate notes what a member says of itself now.
func (e *gossipEvents) NotifyUpdate(n *memberlist.Node) { e.put(n) }

func readMember(n *memberlist.Node) gossipMember {
	m := gossipMember{addr: n.Address()}
	m.ours = json.Unmarshal(n.Meta, &m.node) == nil && m.node.id() == n.Name
	return m
}

func (e *gossipEvents) put(n *memberlist.Node) {
	m := readMember(n)
	e.mu.Lock()
	e.alive[n.Name] = m
	delete(e.moved, n.Name)
	if m.ours && e.us.foreign(m.node) && n.Name != e.self {
		e.refuse(m.node)
	}
	delete(e.lost, n.Name)
	e.changed = true
	e.mu.Unlock()
	wake(e.news)
}

// NotifyLeave notes that a member left or is believed dead.
func (e *gossipEvents) NotifyLeave(n *memberlist.Node) {
	e.mu.Lock()
	delete(e.alive, n.Name)
	delete(e.moved, n.Name)
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

// NotifyConflict hears that two addresses claim one name. One of the two is an earlier start that isn't yet known to be
// dead: both are worth trying.
func (e *gossipEvents) NotifyConflict(_, other *memberlist.Node) {
	m := readMember(other)
	e.mu.Lock()
	defer e.mu.Unlock()
	if other.Name != e.self && m.ours && !e.us.foreign(m.node) && e.moved[other.Name] != m.node {
		e.moved[other.Name] = m.node
		e.changed = true
		wake(e.news)
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
