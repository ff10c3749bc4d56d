package sentinel

import (
	"encoding/json"
	"sync"
	"time"

	"holdfast/cluster"
	"holdfast/internal/rules"
	"holdfast/resp"
	"holdfast/server"
	"holdfast/server/session"
)

// front is a sentinel's clients, and what they share. It has a lock of its own, which comes after the sentinel's: what
// is about connections only waits for nothing else.
type front struct {
	mu sync.Mutex // protects the rest, and the state of all sessions
	*server.Server
	links map[int64]*link // by the session's id
	stats server.Stats
}

func (f *front) init(h host) {
	f.Server, f.links = server.New(server.Sentinel, h, &f.stats), map[int64]*link{}
}

// host is a sentinel as the front end sees it: it has no replicas, and no command of it waits for
// another client's.
type host struct {
	pause *pause
	now   func() time.Time
}

// Pause holds all commands back; what only keeps writes back keeps nothing back here.
func (h host) Pause(until time.Time, writesOnly bool) {
	switch {
	case until.IsZero():
		h.pause.end()
	case !writesOnly:
		h.pause.begin(time.Now().Add(until.Sub(h.now())))
	}
}

// Unblock has nothing to do.
func (host) Unblock(*session.Session, bool) {}

// Release has nothing to do: there are no transactions.
func (host) Release(*session.Session) {}

// Replicas are none.
func (host) Replicas() []server.Replica { return nil }

// KillReplicas ends none.
func (host) KillReplicas(func(server.Replica) bool) int { return 0 }

// arrive takes in a connection; keepOut is to follow when it is unknown.
func (f *front) arrive(l *link, places int) (unknown bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.links[l.s.ID] = l
	unknown = f.Arrive(l.s, f.Clients.Count(session.Client) >= places)
	f.deliver()
	return unknown
}

// keepOut refuses a connection that has not said who it is.
func (f *front) keepOut(l *link) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.KeepOut(l.s)
	f.deliver()
}

// proven notes that the other end is a member, who has proven more than that it knows the password.
func (f *front) proven(l *link, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l.s.Member, l.s.Authenticated = name, true
	if rules.SentinelPlacesForProven {
		f.Stand(l.s, session.Member)
	}
}

// depart forgets a connection that has ended.
func (f *front) depart(l *link) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.links, l.s.ID)
	f.Depart(l.s)
	l.s.Out.Discard()
}

// closing reports whether a connection is to end.
func (f *front) closing(l *link) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	closing, _ := l.s.Closing()
	return closing
}

// send gives a connection bytes beside its replies. It never blocks; a peer that lets too much pile up loses the
// connection.
func (f *front) send(l *link, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l.s.W.Raw(data)
	f.Push(l.s)
	f.deliver()
}

// publish tells subscribers of an event.
func (f *front) publish(event, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Publish([]byte(event), []byte(text))
	f.deliver()
}

// deliver has everybody sent what they were given. The caller holds the lock.
func (f *front) deliver() {
	for _, s := range f.TakePushed() {
		s.Stage(0, 0)
		if s.OverLimit(outputMax, 0, 0, time.Now) {
			s.Abort("it does not read")
		}
		s.Wake()
	}
}

// maxHeld bounds what the buffers of all connections hold.
const maxHeld = 64 << 20

// limitMemory ends who holds most where all together hold too much.
func (s *Sentinel) limitMemory() {
	f := &s.front
	if f.Clients.Memory() < maxHeld {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.EvictClients(maxHeld, func(c *session.Session) {
		if s.toldOfHeld.Due(s.now(), time.Minute) {
			s.log.Warn("ending connections that hold most: all together hold more memory than they may",
				"limit", maxHeld, "addr", c.Addr, "bytes", c.Memory())
		}
	})
}

// nodesOf are the connections of a group's nodes.
func (f *front) nodesOf(group string) (nodes []*link) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.links {
		if l.beats.Group == group {
			nodes = append(nodes, l)
		}
	}
	return nodes
}

// push is one message for one link.
type push struct {
	link *link
	data []byte
}

// pushesOf are the messages that tell a group's nodes its new state. The caller holds mu and sends them afterwards.
func (s *Sentinel) pushesOf(g cluster.Group) []push {
	data, err := json.Marshal(g)
	if err != nil {
		s.log.Error("cannot encode a group", "group", g.Name, "error", err)
		return nil
	}
	w := resp.Writer{Proto: 3}
	w.Push(3)
	w.BulkString("holdfast")
	w.BulkString("group")
	w.Bulk(data)
	var pushes []push
	for _, l := range s.front.nodesOf(g.Name) {
		pushes = append(pushes, push{l, w.Buf})
	}
	return pushes
}
