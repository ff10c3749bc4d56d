package session

import (
	"maps"
	"slices"
)

// Registry knows the sessions of a node. It is guarded by the execution lock.
type Registry struct {
	byID map[int64]*Session
}

// NewRegistry is empty.
func NewRegistry() *Registry { return &Registry{byID: map[int64]*Session{}} }

// Add registers s.
func (r *Registry) Add(s *Session) { r.byID[s.ID] = s }

// Remove forgets s.
func (r *Registry) Remove(s *Session) { delete(r.byID, s.ID) }

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
