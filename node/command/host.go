package command

import (
	"strconv"
	"time"

	"holdfast/internal/rules"
	"holdfast/node/member"
	"holdfast/server"
	"holdfast/server/session"
)

// host is a node as the front end sees it.
type host struct {
	Replication
	e *Env
}

// asCall is a command in execution as the front end sees it.
func asCall(c *Context) *server.Call {
	c.call.Server, c.call.S, c.call.Now, c.call.Command = c.Server, c.S, time.UnixMilli(c.Now), c.Cmd.FullName()
	c.call.Password = c.Config.RequirePass()
	if c.call.Role = "replica"; c.Engine.Master() {
		c.call.Role = "master"
	}
	return &c.call
}

// Unblock ends a session's wait for keys or for replicas.
func (h host) Unblock(s *session.Session, asError bool) {
	if cmd := h.e.table.ByName([]byte(s.Blocked().Kind)); cmd != nil {
		h.e.statOf(cmd).Failed++ // as in Redis: either way
	}
	if asError {
		h.e.Unblock(s, "UNBLOCKED client unblocked via CLIENT UNBLOCK")
	} else {
		h.e.endWait(s, s.Blocked().Timeout)
	}
}

// Release ends a session's transaction and its MONITOR.
func (h host) Release(s *session.Session) {
	h.e.discard(s)
	h.e.endMonitor(s)
}

// Replicas are the links of replicas.
func (h host) Replicas() []server.Replica {
	var list []server.Replica
	for _, r := range h.State().Replicas {
		list = append(list, asReplica(r))
	}
	return list
}

func asReplica(r member.ReplicaState) server.Replica {
	return server.Replica{Addr: r.Addr + ":" + strconv.Itoa(r.Port), Idle: r.Lag}
}

// KillReplicas ends and counts some of the links of replicas.
func (h host) KillReplicas(which func(server.Replica) bool) int {
	return h.Replication.KillReplicas(func(r member.ReplicaState) bool { return which(asReplica(r)) })
}

// isOfMembers names what only a member of the group says.
func isOfMembers(cmd *Command) bool {
	return rules.NodePlacesForMembers && cmd != nil && cmd.Name == "replconf"
}
