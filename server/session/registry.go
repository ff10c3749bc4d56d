package session

import (
	"maps"
	"slices"
)

// Registry knows the sessions of a node. It is guarded by the execution lock.
type Registry struct {
	byID   map[int64]*Session
	memory totals // of all sessions' buffers
	counts [standings]int
}

// NewRegistry is empty.
func NewRegistry() *Registry { return &Registry{byID: map[int64]*Session{}} }

// Add registers s.
func (r *Registry) Add(s *Session) {
	r.byID[s.ID] = s
	r.counts[s.Standing]++
	s.countIn(&r.memory)
}

// Remove forgets s.
func (r *Registry) Remove(s *Session) {
	delete(r.byID, s.ID)
	r.counts[s.Standing]--
	s.leave()
}

// Stands changes who a registered session is taken for.
func (r *Registry) Stands(s *Session, as Standing) {
	r.counts[s.Standing]--
	s.Standing = as
	r.counts[as]++
}

// Count counts the sessions with a standing.
func (r *Registry) Count(as Standing) int { return r.counts[as] }

// Each calls fn for every session, in no order.
func (r *Registry) Each(fn func(s *Session)) {
	for _, s := range r.byID {
		fn(s)
	}
}

// Memory is what the buffers of all sessions hold.
func (r *Registry) Memory() int64 { return r.memory.sent.Load() + r.memory.waiting.Load() }

// Waiting is the part of Memory that waits for clients to take it.
func (r *Registry) Waiting() int64 { return r.memory.waiting.Load() }

// Get finds a session by its id, nil when there is none.
func (r *Registry) Get(id int64) *Session { return r.byID[id] }

// Len counts the sessions.
func (r *Registry) Len() int { return len(r.byID) }

// All lists the sessions by ascending id.
func (r *Registry) All() []*Session {
	all := make([]*Session, 0, len(r.byID))
	for _, id := range slices.Sorted(maps.Keys(r.byID)) {
		all = append(all, r.byID[id])
	}
	return all
}
