package member

import (
	"time"

	"holdfast/cluster"
)

// Meetings are what the tail knows of whether its learners are where they say to be. In the chain each has to be
// reached there by who comes to follow it, and by clients when it leads; a copied configuration, say, announces another
// node's address. So none joins before the tail, which it would lead in some order or other, has met it there.
type Meetings struct {
	of map[string]*meeting // by incarnation
}

// meeting is what is known of one learner.
type meeting struct {
	asking bool
	met    bool
	why    string    // it was not met when it was last looked for; empty: it was, or was not looked for yet
	again  time.Time // when it is to be looked for again
}

// Met says whether the tail has met a learner.
func (s *Meetings) Met(m cluster.Member) bool {
	of := s.of[m.Incarnation]
	return of != nil && of.met
}

// Unmet are the learners that don't join as they are not where they say to be.
func (s *Meetings) Unmet() (list []cluster.Unmet) {
	for incarnation, of := range s.of {
		if of.why != "" {
			list = append(list, cluster.Unmet{Incarnation: incarnation, Why: of.why})
		}
	}
	return list
}

// Keep forgets who is not among the learners of g.
func (s *Meetings) Keep(g cluster.Group) {
	for incarnation := range s.of {
		known := false
		for _, l := range g.Learners {
			known = known || l.Incarnation == incarnation
		}
		if !known {
			delete(s.of, incarnation)
		}
	}
}

// Due says whether m is to be looked for now; then it is being looked for.
func (s *Meetings) Due(m cluster.Member, now time.Time) bool {
	of := s.of[m.Incarnation]
	if of == nil {
		of = &meeting{}
		if s.of == nil {
			s.of = map[string]*meeting{}
		}
		s.of[m.Incarnation] = of
	}
	if of.met || of.asking || now.Before(of.again) {
		return false
	}
	of.asking = true
	return true
}

// Ended takes down how looking for m ended; why is empty when it was met, else it is looked for at again once more. It
// answers whether that is news.
func (s *Meetings) Ended(m cluster.Member, why string, again time.Time) (news bool) {
	of := s.of[m.Incarnation]
	if of == nil {
		return false // it is no learner any more
	}
	news = why == "" || why != of.why
	of.asking, of.met, of.why, of.again = false, why == "", why, again
	return news
}
