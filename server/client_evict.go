package server

import (
	"cmp"
	"slices"

	"holdfast/server/session"
)

// EvictClients ends connections, the largest first and those of members last, until the buffers of all together hold
// less than the limit, 0 for none. Those that CLIENT NO-EVICT spares stay. tell is told of each before it ends.
func (s *Server) EvictClients(limit int64, tell func(client *session.Session)) {
	if limit == 0 || s.Clients.Memory() < limit {
		return
	}
	var clients []*session.Session
	held := int64(0)
	s.Clients.Each(func(client *session.Session) {
		if closing, _ := client.Closing(); closing {
			return
		}
		held += client.Memory()
		if !client.NoEvict {
			clients = append(clients, client)
		}
	})
	slices.SortFunc(clients, func(a, b *session.Session) int {
		if am, bm := a.Standing == session.Member, b.Standing == session.Member; am != bm {
			if am {
				return 1
			}
			return -1
		}
		return cmp.Compare(b.Memory(), a.Memory())
	})
	for _, client := range clients {
		if held < limit {
			return
		}
		held -= client.Memory()
		s.Stats.EvictedClients++
		tell(client)
		client.Abort("client memory limit")
	}
}
