package cluster

import (
	"bytes"
	"crypto/rand"
	"fmt"

	"github.com/hashicorp/memberlist"
)

// message is what one member broadcasts: on the wire an id of 8 random bytes, the length of the kind in one byte, the
// kind, the payload.
type message struct {
	id      messageID
	kind    string
	payload []byte
}

type messageID [8]byte

const (
	maxMessage      = 1024 // bytes of kind and payload: a message fits one datagram beside its envelope and encryption
	messageEnvelope = len(messageID{}) + 1
	rememberedIDs   = 4096
)

// newMessage is the wire form of a message with an id of its own.
func newMessage(kind string, payload []byte) ([]byte, error) {
	if len(kind) > 255 || len(kind)+len(payload) > maxMessage {
		return nil, fmt.Errorf("gossip: a message of %d bytes is longer than %d", len(kind)+len(payload), maxMessage)
	}
	var id messageID
	_, _ = rand.Read(id[:]) // never fails
	msg := make([]byte, 0, messageEnvelope+len(kind)+len(payload))
	msg = append(append(msg, id[:]...), byte(len(kind)))
	return append(append(msg, kind...), payload...), nil
}

func parseMessage(b []byte) (m message, ok bool) {
	if len(b) < messageEnvelope || len(b) < messageEnvelope+int(b[messageEnvelope-1]) {
		return m, false
	}
	copy(m.id[:], b)
	kindLen := int(b[messageEnvelope-1])
	rest := b[messageEnvelope:]
	m.kind, m.payload = string(rest[:kindLen]), bytes.Clone(rest[kindLen:])
	return m, true
}

// seenMessages remembers the last ids, so that a message is told and passed on once.
type seenMessages struct {
	ids   map[messageID]struct{}
	order []messageID
	next  int
}

// add reports whether id is new.
func (s *seenMessages) add(id messageID) bool {
	if _, known := s.ids[id]; known {
		return false
	}
	if s.ids == nil {
		s.ids = map[messageID]struct{}{}
	}
	if len(s.order) < rememberedIDs {
		s.order = append(s.order, id)
	} else {
		delete(s.ids, s.order[s.next])
		s.order[s.next] = id
		s.next = (s.next + 1) % rememberedIDs
	}
	s.ids[id] = struct{}{}
	return true
}

// queuedMessage is a message that memberlist still sends copies of.
type queuedMessage []byte

// Invalidates says that no message replaces another.
func (queuedMessage) Invalidates(memberlist.Broadcast) bool { return false }

// Message is what to send.
func (q queuedMessage) Message() []byte { return q }

// Finished needs no notice.
func (queuedMessage) Finished() {}

// spread gives a message of this member to gossip.
func (e *gossipEvents) spread(msg []byte) {
	e.mu.Lock()
	e.seen.add(messageID(msg[:len(messageID{})]))
	e.mu.Unlock()
	e.pass(msg)
}

func (e *gossipEvents) pass(msg []byte) {
	e.queue.QueueBroadcast(queuedMessage(msg))
	e.queue.Prune(maxQueued)
}

// NotifyMsg takes in a message of another member and passes it on when it is new.
func (e *gossipEvents) NotifyMsg(b []byte) {
	m, ok := parseMessage(b)
	if !ok {
		return
	}
	e.mu.Lock()
	fresh := e.seen.add(m.id)
	if fresh && len(e.inbox) < maxInbox {
		e.inbox = append(e.inbox, m)
	}
	e.mu.Unlock()
	if fresh {
		e.pass(bytes.Clone(b))
		wake(e.news)
	}
}

// GetBroadcasts hands out copies to send along.
func (e *gossipEvents) GetBroadcasts(overhead, limit int) [][]byte {
	return e.queue.GetBroadcasts(overhead, limit)
}
