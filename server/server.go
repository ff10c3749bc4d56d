package server

import (
	"time"

	"holdfast/server/pubsub"
	"holdfast/server/session"
	"holdfast/server/tracking"
)

// RedisVersion is the version of Redis whose commands and replies these are; clients choose commands by it.
const RedisVersion = "7.0.15"

// The modes of a server, as HELLO names them.
const (
	Standalone = "standalone"
	Sentinel   = "sentinel"
)

// Host is what is behind the connections: a node or a sentinel.
type Host interface {
	// Pause holds clients' commands back until the deadline; writesOnly lets reads through. The zero time ends it.
	Pause(until time.Time, writesOnly bool)
	// Unblock ends the command in which a session waits, with an error or as if its time were up.
	Unblock(s *session.Session, asError bool)
	// Release ends what a session takes part in that only the host knows of, as a transaction.
	Release(s *session.Session)
	// Replicas are the links of replicas, which are connections and no sessions any more. KillReplicas ends and counts
	// some of them.
	Replicas() []Replica
	KillReplicas(which func(Replica) bool) int
}

// Replica is the link of a replica in CLIENT LIST.
type Replica struct {
	Addr string
	Idle int64 // seconds
}

// Stats are the counters that connections have in INFO.
type Stats struct {
	Connections, Rejected int64
	NetInput, NetOutput   int64 // bytes
	Reads, Writes         int64 // of sockets
	EvictedClients        int64
	ReplyShrinks          int64
}

// Server is what the clients of one process share.
type Server struct {
	Host     Host
	Mode     string // Standalone or Sentinel
	Clients  *session.Registry
	Hub      *pubsub.Hub
	Tracking *tracking.Table
	Stats    *Stats

	// RepliesIdle is from when on the buffers for the replies of an idle session are given back.
	RepliesIdle time.Duration

	pushed    []*session.Session // see Push
	unknown   []*session.Session // in the order in which they came; see Arrive
	importers int                // sessions with CLIENT IMPORT-SOURCE ON
}

// New is a server without clients.
func New(mode string, host Host, stats *Stats) *Server {
	s := &Server{
		Host: host, Mode: mode, Stats: stats,
		Clients: session.NewRegistry(), Hub: pubsub.NewHub(), Tracking: tracking.New(), RepliesIdle: RepliesIdle,
	}
	s.Tracking.Send = s.invalidate
	return s
}

// Push has the new output of sessions staged and the sessions woken after the execution.
func (s *Server) Push(sessions ...*session.Session) {
	for _, to := range sessions {
		if !to.Pushed {
			to.Pushed = true
			s.pushed = append(s.pushed, to)
		}
	}
}

// Publish sends a message to all who listen to the channel, by name or by pattern, and counts the deliveries.
func (s *Server) Publish(channel, message []byte) int {
	return s.delivered(s.Hub.Publish(channel, message))
}

// PublishShard sends a message to all who listen to the shard channel, and counts the deliveries.
func (s *Server) PublishShard(channel, message []byte) int {
	return s.delivered(s.Hub.PublishShard(channel, message))
}

func (s *Server) delivered(to []pubsub.Subscriber) int {
	for _, sub := range to {
		s.Push(sub.(*session.Session))
	}
	clear(to) // who leaves is not to be kept
	return len(to)
}

// TakePushed hands over the sessions that got output from others since the last call.
func (s *Server) TakePushed() []*session.Session {
	pushed := s.pushed
	for _, p := range pushed {
		p.Pushed = false
	}
	s.pushed = nil
	return pushed
}

// Forget ends everything that a session takes part in.
func (s *Server) Forget(client *session.Session) {
	s.Host.Release(client)
	s.importSource(client, false)
	s.stopTracking(client)
	s.Hub.Drop(client)
}

// Imports reports whether a client passes on what another server has decided.
func (s *Server) Imports() bool { return s.importers > 0 }

func (s *Server) importSource(client *session.Session, on bool) {
	switch {
	case on && !client.ImportSource:
		s.importers++
	case !on && client.ImportSource:
		s.importers--
	}
	client.ImportSource = on
}

const (
	// inputIdle is how long a session is idle before the buffer of its input is given back.
	inputIdle = 2 * time.Second
	// RepliesIdle is how it is with replies, unless DEBUG REPLYBUFFER says otherwise.
	RepliesIdle = 5 * time.Second
)

// ReleaseIdle gives back the buffers of sessions that have been idle for a while.
func (s *Server) ReleaseIdle(now time.Time) {
	s.Clients.Each(func(client *session.Session) {
		idle := now.Sub(client.LastActive)
		if idle >= inputIdle && client.Blocked() == nil && client.Hijacked() == nil && client.ReleaseInput() {
			s.Push(client)
		}
		if idle >= s.RepliesIdle && client.ShrinkReplies() {
			s.Stats.ReplyShrinks++
		}
	})
}
