package sentinel

import (
	"sync"

	"holdfast/resp"
)

// subscriber is a connection that wants messages. push must not block.
type subscriber interface {
	push(write func(w *resp.Writer))
}

// hub hands messages to subscribers. Its lock comes after the sentinel's.
type hub struct {
	mu       sync.Mutex // protects both maps and what is in them
	channels map[string]map[subscriber]struct{}
	patterns map[string]map[subscriber]struct{}
}

func newHub() *hub {
	return &hub{channels: map[string]map[subscriber]struct{}{}, patterns: map[string]map[subscriber]struct{}{}}
}

// subscribe adds a subscription and reports whether it is new; pattern says what kind of name it is.
func (h *hub) subscribe(sub subscriber, name string, pattern bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	set := h.set(pattern)
	if set[name] == nil {
		set[name] = map[subscriber]struct{}{}
	}
	_, had := set[name][sub]
	set[name][sub] = struct{}{}
	return !had
}

// unsubscribe ends a subscription.
func (h *hub) unsubscribe(sub subscriber, name string, pattern bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	set := h.set(pattern)
	delete(set[name], sub)
	if len(set[name]) == 0 {
		delete(set, name)
	}
}

func (h *hub) set(pattern bool) map[string]map[subscriber]struct{} {
	if pattern {
		return h.patterns
	}
	return h.channels
}

// publish sends a message to everyone who wants it and returns how many those are.
func (h *hub) publish(channel, message string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for sub := range h.channels[channel] {
		n++
		sub.push(func(w *resp.Writer) { writePush(w, "message", channel, message) })
	}
	for pattern, subs := range h.patterns {
		if !resp.Match([]byte(pattern), []byte(channel), false) {
			continue
		}
		for sub := range subs {
			n++
			sub.push(func(w *resp.Writer) { writePush(w, "pmessage", pattern, channel, message) })
		}
	}
	return n
}

func writePush(w *resp.Writer, words ...string) {
	w.Push(len(words))
	for _, word := range words {
		w.BulkString(word)
	}
}
