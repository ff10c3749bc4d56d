package command

import (
	"cmp"
	"math"
	"slices"

	"holdfast/node/session"
)

// leastClientMemory is as low as maxmemory-clients can bring the limit: below it nobody could talk to the server any more.
const leastClientMemory = 128 << 10

// clientMemoryLimit is what the buffers of all clients may hold, 0 for no limit. maxmemory-clients may be a share of maxmemory.
func (e *Env) clientMemoryLimit() int64 {
	limit := e.Config.MaxMemoryClients()
	switch {
	case limit == 0:
		return 0
	case limit < 0 && e.Config.MaxMemory() == 0:
		return math.MaxInt64
	case limit < 0:
		limit = int64(float64(e.Config.MaxMemory()) * float64(-limit) / 100)
	}
	return max(limit, leastClientMemory)
}

// EvictClients ends connections, the largest first, until all together hold less than maxmemory-clients allows. Those that
// CLIENT NO-EVICT spares stay.
func (e *Env) EvictClients() {
	limit := e.clientMemoryLimit()
	if limit == 0 || e.Clients.Memory() < limit {
		return
	}
	var clients []*session.Session
	held := int64(0)
	e.Clients.Each(func(s *session.Session) {
		if closing, _ := s.Closing(); closing {
			return
		}
		held += s.Memory()
		if !s.NoEvict {
			clients = append(clients, s)
		}
	})
	slices.SortFunc(clients, func(a, b *session.Session) int { return cmp.Compare(b.Memory(), a.Memory()) })
	for _, s := range clients {
		if held < limit {
			return
		}
		held -= s.Memory()
		e.Stats.EvictedClients++
		e.Logger.Warn("closing a client: all together hold more memory than they may",
			"client", s.ID, "addr", s.Addr, "bytes", s.Memory(), "limit", limit, "directive", "maxmemory-clients")
		s.Abort("client memory limit")
	}
}
