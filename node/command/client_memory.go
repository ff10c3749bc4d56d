package command

import (
	"math"
	"time"

	"holdfast/node/config"
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

// LimitOutput ends a client that doesn't take its replies.
func (e *Env) LimitOutput(s *session.Session) {
	class := config.ClassNormal
	if s.Class() == session.ClassPubSub {
		class = config.ClassPubSub
	}
	limit := e.Config.ClientOutputBufferLimit(class)
	if s.OverLimit(limit.Hard, limit.Soft, time.Duration(limit.SoftSeconds)*time.Second, e.Engine.Now) {
		e.Logger.Warn("closing a client: its output is over the limit",
			"client", s.ID, "addr", s.Addr, "bytes", s.Out.Len(), "hard", limit.Hard, "soft", limit.Soft,
			"directive", "client-output-buffer-limit "+s.Class().String())
		s.Abort("output buffer limit")
	}
}
