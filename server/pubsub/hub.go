package pubsub

import (
	"cmp"
	"maps"
	"slices"

	"holdfast/resp"
)

// Subscriber is a connection that messages are pushed to. Its identity is what is compared, so it is a pointer.
type Subscriber interface {
	// Push appends an out-of-band message; write is called before Push returns.
	Push(write func(w *resp.Writer))
}

// Kind is one of the three ways to listen.
type Kind int

// The kinds of subscription.
const (
	Channel Kind = iota
	Pattern
	Shard
	kinds
)

// topic is a channel or a pattern with those who listen to it.
type topic struct {
	name string
	subs []Subscriber
	at   int // of a pattern: its place among all
}

// holdings are a subscriber's subscriptions of one kind, with the order in which they were made.
type holdings map[string]uint64

// Hub is the switchboard of one node.
type Hub struct {
	topics   [kinds]map[string]*topic
	patterns []*topic // the patterns in order of their first subscription; nil where one was
	held     map[Subscriber]*[kinds]holdings
	made     uint64
	reached  []Subscriber // by the message in delivery
	wire     [2][]byte    // the message in delivery, per protocol, encoded when the first subscriber needs it
}

// NewHub has no subscribers.
func NewHub() *Hub {
	h := &Hub{held: map[Subscriber]*[kinds]holdings{}}
	for k := range h.topics {
		h.topics[k] = map[string]*topic{}
	}
	return h
}

// Subscribe has s listen to name; false when it did already.
func (h *Hub) Subscribe(kind Kind, s Subscriber, name string) bool {
	own := h.held[s]
	if own == nil {
		own = &[kinds]holdings{}
		h.held[s] = own
	}
	if own[kind] == nil {
		own[kind] = holdings{}
	}
	if _, there := own[kind][name]; there {
		return false
	}
	h.made++
	own[kind][name] = h.made
	t := h.topics[kind][name]
	if t == nil {
		t = &topic{name: name}
		h.topics[kind][name] = t
		if kind == Pattern {
			t.at = len(h.patterns)
			h.patterns = append(h.patterns, t)
		}
	}
	t.subs = append(t.subs, s)
	return true
}

// Unsubscribe ends a subscription; false when there was none.
func (h *Hub) Unsubscribe(kind Kind, s Subscriber, name string) bool {
	own := h.held[s]
	if own == nil {
		return false
	}
	if _, there := own[kind][name]; !there {
		return false
	}
	delete(own[kind], name)
	if len(own[Channel])+len(own[Pattern])+len(own[Shard]) == 0 {
		delete(h.held, s)
	}
	t := h.topics[kind][name]
	if i := slices.Index(t.subs, s); i >= 0 {
		t.subs = slices.Delete(t.subs, i, i+1)
	}
	if len(t.subs) == 0 {
		delete(h.topics[kind], name)
		if kind == Pattern {
			h.patterns[t.at] = nil
			h.closeGaps()
		}
	}
	return true
}

// closeGaps moves the patterns together once most of their places are empty: for each that goes, that is little work.
func (h *Hub) closeGaps() {
	if left := len(h.topics[Pattern]); left > len(h.patterns)/2 {
		return
	}
	h.patterns = slices.DeleteFunc(h.patterns, func(t *topic) bool { return t == nil })
	for i, t := range h.patterns {
		t.at = i
	}
}

// Drop ends all of s's subscriptions: its connection is gone.
func (h *Hub) Drop(s Subscriber) {
	for kind := range kinds {
		for _, name := range h.Of(kind, s) {
			h.Unsubscribe(kind, s, name)
		}
	}
}

// Of lists what s listens to, in the order in which it subscribed.
func (h *Hub) Of(kind Kind, s Subscriber) []string {
	own := h.held[s]
	if own == nil {
		return nil
	}
	return slices.SortedFunc(maps.Keys(own[kind]),
		func(a, b string) int { return cmp.Compare(own[kind][a], own[kind][b]) })
}

// Count is how many subscriptions of the kind s has.
func (h *Hub) Count(kind Kind, s Subscriber) int {
	if own := h.held[s]; own != nil {
		return len(own[kind])
	}
	return 0
}

// Publish pushes a message to all who listen to the channel, by name or by pattern. It answers whom it has reached,
// once for each delivery, until the next message.
func (h *Hub) Publish(channel, message []byte) []Subscriber {
	h.reached = h.reached[:0]
	h.deliver(h.topics[Channel][string(channel)], "message", channel, message)
	for _, t := range h.patterns {
		if t != nil && resp.Match([]byte(t.name), channel, false) {
			h.deliver(t, "pmessage", []byte(t.name), channel, message)
		}
	}
	return h.reached
}

// PublishShard pushes a message to all who listen to the shard channel, and answers as Publish does.
func (h *Hub) PublishShard(channel, message []byte) []Subscriber {
	h.reached = h.reached[:0]
	h.deliver(h.topics[Shard][string(channel)], "smessage", channel, message)
	return h.reached
}

// deliver encodes a message once for each protocol in use, however many listen.
func (h *Hub) deliver(t *topic, kind string, parts ...[]byte) {
	if t == nil {
		return
	}
	h.wire[0], h.wire[1] = h.wire[0][:0], h.wire[1][:0]
	write := func(w *resp.Writer) {
		form := 0
		if w.Proto == 3 {
			form = 1
		}
		if len(h.wire[form]) == 0 {
			m := resp.Writer{Buf: h.wire[form], Proto: w.Proto}
			m.Push(1 + len(parts))
			m.BulkString(kind)
			for _, p := range parts {
				m.Bulk(p)
			}
			h.wire[form] = m.Buf
		}
		w.Raw(h.wire[form])
	}
	for _, s := range t.subs {
		s.Push(write)
	}
	for i := range h.wire {
		if cap(h.wire[i]) > maxKept {
			h.wire[i] = nil
		}
	}
	h.reached = append(h.reached, t.subs...)
}

// maxKept bounds the encoding buffers that stay between messages.
const maxKept = 64 << 10

// Active lists the channels (or shard channels) that somebody listens to by name and that match pattern; a nil pattern
// matches all.
func (h *Hub) Active(kind Kind, pattern []byte) []string {
	var names []string
	for name := range h.topics[kind] {
		if pattern == nil || resp.Match(pattern, []byte(name), false) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// NumSub counts who listens to a channel by name.
func (h *Hub) NumSub(kind Kind, name []byte) int {
	if t := h.topics[kind][string(name)]; t != nil {
		return len(t.subs)
	}
	return 0
}

// Topics counts the distinct channels, patterns or shard channels that are listened to.
func (h *Hub) Topics(kind Kind) int { return len(h.topics[kind]) }
