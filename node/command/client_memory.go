package command

import (
	"math"

	"holdfast/server/session"
)

// leastClientMemory is as low as maxmemory-clients can bring the limit: below it nobody could talk to the server any
// more.
const leastClientMemory = 128 << 10

// clientMemoryLimit is what the buffers of all clients may hold, 0 for no limit. maxmemory-clients may be a share of
// maxmemory.
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

// LimitClients ends connections where all together hold more than maxmemory-clients allows.
func (e *Env) LimitClients() {
	limit := e.clientMemoryLimit()
	e.EvictClients(limit, func(s *session.Session) {
		e.Logger.Warn("closing a client: all together hold more memory than they may",
			"client", s.ID, "addr", s.Addr, "bytes", s.Memory(), "limit", limit, "directive", "maxmemory-clients")
	})
}
