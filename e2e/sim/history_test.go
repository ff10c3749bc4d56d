package sim

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// history is what clients did and were told. It judges answers when they come.
type history struct {
	story *story

	mu        sync.Mutex
	acked     map[string]string // unique keys that were acknowledged
	keys      []string          // of acked, in order
	unknown   int               // writes without an answer
	registers map[string]*register
	incrTried int
	incrAcked int
	incrSeen  map[int64]bool
	incrMax   int64 // the largest value that an answered INCR gave
	writer    map[uint64]string
	answers   int             // to writes of all kinds
	reads     int             // answered by slaves
	lost      map[string]bool // acknowledged keys that a member lacked at the end, or had wrong
	lastAck   map[int]time.Time
	maxGap    map[int]time.Duration // between two acknowledgements of one client
}

// register is a key that one client overwrites with growing numbers.
type register struct {
	tried int64
	floor int64 // what anybody knows it to be at least
}

func newHistory(s *story) *history {
	return &history{story: s, acked: map[string]string{}, registers: map[string]*register{}, incrSeen: map[int64]bool{},
		writer: map[uint64]string{}, lost: map[string]bool{}, lastAck: map[int]time.Time{},
		maxGap: map[int]time.Duration{}}
}

// wrote notes the outcome of writing a unique key.
func (h *history) wrote(client int, key, value string, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !ok {
		h.unknown++
		return
	}
	h.acked[key] = value
	h.keys = append(h.keys, key)
	h.answered(client)
}

// wroteShared notes that a write of a shared key was acknowledged.
func (h *history) wroteShared(client int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answered(client)
}

// answered measures the time in which a client could not write; it needs mu.
func (h *history) answered(client int) {
	h.answers++
	now := time.Now()
	if last, ok := h.lastAck[client]; ok {
		h.maxGap[client] = max(h.maxGap[client], now.Sub(last))
	}
	h.lastAck[client] = now
}

// read judges the answer of a node to the read of a unique key that had been acknowledged before.
func (h *history) read(who, key, value string, null bool) {
	h.mu.Lock()
	want := h.acked[key]
	h.reads++
	h.mu.Unlock()
	if null || value != want {
		h.story.violated("history", "%s answered %q (nil: %v) for %s, acknowledged as %q", who, value, null, key, want)
	}
}

// someKey is a random acknowledged key.
func (h *history) someKey(pick func(n int) int) (string, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.keys) == 0 {
		return "", false
	}
	return h.keys[pick(len(h.keys))], true
}

func (h *history) register(name string) *register {
	r := h.registers[name]
	if r == nil {
		r = &register{}
		h.registers[name] = r
	}
	return r
}

// beginSet draws the next number of a register.
func (h *history) beginSet(name string) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.register(name)
	r.tried++
	return r.tried
}

// endSet notes an acknowledged SET.
func (h *history) endSet(client int, name string, value int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.register(name)
	r.floor = max(r.floor, value)
	h.answered(client)
}

// beginRead is what a read that begins now must at least answer.
func (h *history) beginRead(name string) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.register(name).floor
}

// endRead judges a read. What it showed must never be unseen.
func (h *history) endRead(who, name string, floor, value int64) {
	h.mu.Lock()
	r := h.register(name)
	r.floor = max(r.floor, value)
	tried := r.tried
	h.reads++
	h.mu.Unlock()
	if value < floor || value > tried {
		h.story.violated("history", "%s answered %d for %s: older than %d, or never written (%d is the newest)", who,
			value, name, floor, tried)
	}
}

// beginIncr is the largest value of the counter that was seen before.
func (h *history) beginIncr() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.incrTried++
	return h.incrMax
}

// newest is the largest value of the counter that was acknowledged.
func (h *history) newest() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.incrMax
}

// endIncr judges the answer of an INCR.
func (h *history) endIncr(client int, who string, before, value int64) {
	h.mu.Lock()
	again := h.incrSeen[value]
	h.incrSeen[value] = true
	h.incrAcked++
	h.incrMax = max(h.incrMax, value)
	tried := h.incrTried
	h.answered(client)
	h.mu.Unlock()
	if again || value <= before || value > int64(tried) {
		h.story.violated("history", "%s answered %d to INCR: given twice (%v), or not above %d, or above the %d tried",
			who, value, again, before, tried)
	}
}

// acknowledged notes which node acknowledged a write as the master of an epoch.
func (h *history) acknowledged(epoch uint64, who string) {
	h.mu.Lock()
	was, known := h.writer[epoch]
	if !known {
		h.writer[epoch] = who
	}
	h.mu.Unlock()
	if !known {
		h.story.tell("history", "%s acknowledges writes in epoch %d", who, epoch)
	} else if was != who {
		h.story.violated("one master", "%s and %s both acknowledged writes in epoch %d", was, who, epoch)
	}
}

// writes is how many writes were acknowledged.
func (h *history) writes() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.answers
}

// answeredReads is how many reads slaves have answered.
func (h *history) answeredReads() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.reads
}

// gap is the longest time that any client could not write.
func (h *history) gap() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	var longest time.Duration
	for _, d := range h.maxGap {
		longest = max(longest, d)
	}
	return longest
}

// resetGaps begins to measure anew.
func (h *history) resetGaps() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.maxGap)
}

func (h *history) summary() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return fmt.Sprintf("%d writes acknowledged, %d unanswered, %d of %d INCR, %d reads, longest pause %v",
		len(h.acked), h.unknown, h.incrAcked, h.incrTried, h.reads,
		slices.Max(append(slices.Collect(maps.Values(h.maxGap)), 0)))
}
