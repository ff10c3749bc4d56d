package server

import (
	"slices"
	"time"

	"holdfast/internal/rules"
	"holdfast/resp"
	"holdfast/server/session"
)

// Members are let in when there are as many clients as maxclients allows. Nobody can be told from a client before it
// has said something: a few who come then are heard, for a moment. Who proves to be a member of the group stays, or, in
// a group without a key, says what only members say; as does an administrator on this machine. Who says anything else,
// or nothing, is refused.
const (
	// unknownMax is how many may be about to introduce themselves. Members do at once, so the first of more has had its
	// time.
	unknownMax = 8
	// Introduction is how long it may take them to begin.
	Introduction = 250 * time.Millisecond
	// adminPlaces is how many administrators are let in beyond maxclients. One more takes the place of who was silent
	// for longest.
	adminPlaces = 4
)

// Arrive takes in a connection. When all places are taken (full), it is unknown: the caller calls KeepOut after
// Introduction.
func (s *Server) Arrive(client *session.Session, full bool) (unknown bool) {
	s.Clients.Add(client)
	if !full {
		return false
	}
	s.Clients.Stands(client, session.Unknown)
	s.unknown = append(s.unknown, client)
	if len(s.unknown) > unknownMax {
		s.keepOut(s.unknown[0])
	}
	return true
}

// KeepOut refuses a connection that is still unknown. A proof that has begun goes on: it takes as long as the network
// and the processor need, and has a limit of its own.
func (s *Server) KeepOut(client *session.Session) {
	if !client.Proving.Load() {
		s.keepOut(client)
	}
}

func (s *Server) keepOut(client *session.Session) {
	if !slices.Contains(s.unknown, client) {
		return
	}
	s.isKnown(client)
	if closing, _ := client.Closing(); !closing {
		s.Reject(client)
	}
}

// Reject has a connection hear that there is no place for it, and end.
func (s *Server) Reject(client *session.Session) {
	s.Stats.Rejected++
	if client.Close("maxclients are connected"); client.Proving.Load() {
		_ = client.Socket.Close() // what it would hear in the middle of that would mean nothing to it
		return
	}
	client.W.Error(resp.ErrMaxClients)
	s.Push(client)
}

// Stand changes who a connection is taken for.
func (s *Server) Stand(client *session.Session, as session.Standing) {
	s.isKnown(client)
	s.Clients.Stands(client, as)
}

// isKnown takes out a connection that has gone, or is known.
func (s *Server) isKnown(client *session.Session) {
	s.unknown = slices.DeleteFunc(s.unknown, func(u *session.Session) bool { return u == client })
}

// Depart forgets a connection that has ended, and ends everything that it took part in.
func (s *Server) Depart(client *session.Session) {
	s.Forget(client)
	s.Clients.Remove(client)
	s.isKnown(client)
}

// MayStay says whether a connection that is none of the clients that maxclients counts may send a command, nil for one
// that there is not. What tools say before they administer is answered; no place comes of it. introduces says that only
// members say that.
func MayStay[S any](s *Server, client *session.Session, cmd *resp.Command[S], introduces bool, password string,
	args [][]byte) bool {
	switch client.Standing {
	case session.Unknown:
		switch {
		case cmd != nil && (cmd.Name == "auth" || introduces):
			return true
		case !client.IsLocal():
			return false
		case rules.PlacesForAdmins && cmd != nil && (client.Authenticated || password == "") && administers(cmd):
			s.letAdministrate(client)
			return true
		}
		return resp.Greets(args)
	case session.Admin:
		return cmd == nil || cmd.Flags&(resp.Write|resp.ReadOnly|resp.PubSub) == 0 && !listens(cmd)
	}
	return true
}

// administers names the commands by which an administrator is known.
func administers[S any](cmd *resp.Command[S]) bool {
	return cmd.Name == "info" || cmd.Flags&resp.Admin != 0 && !listens(cmd)
}

// listens names what needs a connection for long.
func listens[S any](cmd *resp.Command[S]) bool {
	switch cmd.Name {
	case "psync", "sync", "replconf", "monitor":
		return true
	}
	return false
}

// letAdministrate gives a client one of the places of administrators.
func (s *Server) letAdministrate(client *session.Session) {
	if s.Clients.Count(session.Admin) >= adminPlaces {
		var idlest *session.Session
		for _, o := range s.Clients.All() {
			if o.Standing == session.Admin && (idlest == nil || o.LastActive.Before(idlest.LastActive)) {
				idlest = o
			}
		}
		s.Reject(idlest)
	}
	s.Stand(client, session.Admin)
}
