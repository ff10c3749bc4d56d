package server

import (
	"holdfast/resp"
	"holdfast/server/session"
	"holdfast/server/tracking"
)

// invalidationChannel is where clients of RESP2 listen for invalidations that are redirected to them.
const invalidationChannel = "__redis__:invalidate"

// invalidate pushes an invalidation to a client, or to the one that it redirects to; without keys all are invalid.
//
// It leaves with the write that caused it (Session.Invalidated), neither later nor earlier. Not later: whoever sees the
// write, or its reply, may count on the caches being told. Not earlier: a reply with the value before the write may
// still wait for the commit point; the connection's own order keeps the invalidation behind it, but one that is
// redirected would arrive first, and its client would then keep the old value for ever.
func (s *Server) invalidate(c *tracking.Client, keys []string) {
	owner := s.Clients.Get(c.ID)
	if owner == nil {
		return
	}
	to := owner
	if c.Redirect != 0 {
		if to = s.open(c.Redirect); to == nil {
			s.redirectionBroken(c, owner)
			return
		}
	}
	w := &to.W
	switch {
	case w.Proto == 3:
		w.Push(2)
		w.BulkString("invalidate")
	case c.Redirect != 0 && to.InPubSub():
		w.Array(3)
		w.BulkString("message")
		w.BulkString(invalidationChannel)
	default:
		return // nothing can be pushed to it
	}
	if keys == nil {
		w.Null()
	} else {
		w.Array(len(keys))
		for _, key := range keys {
			w.BulkString(key)
		}
	}
	to.Invalidated = true
	s.Push(to)
}

// open is a session that is not about to end.
func (s *Server) open(id int64) *session.Session {
	found := s.Clients.Get(id)
	if found != nil {
		if closing, _ := found.Closing(); closing {
			return nil
		}
	}
	return found
}

func (s *Server) redirectionBroken(c *tracking.Client, owner *session.Session) {
	c.Broken = true
	if owner.W.Proto == 3 {
		owner.W.Push(2)
		owner.W.BulkString("tracking-redir-broken")
		owner.W.Int(c.Redirect)
		s.Push(owner)
	}
}

// Broadcast has the clients told that broadcast; it belongs to the end of every turn.
func (s *Server) Broadcast() { s.Tracking.Broadcast() }

func (s *Server) stopTracking(client *session.Session) {
	if client.Tracking != nil {
		s.Tracking.Disable(client.Tracking)
		client.Tracking = nil
	}
}

func clientTracking(c *Call, args [][]byte, w *resp.Writer) error {
	o, err := tracking.Parse(args[3:], func(id int64) bool { return c.Clients.Get(id) != nil })
	if err != nil {
		return err
	}
	on, err := onOff(args[2])
	if err != nil {
		return err
	}
	if !on {
		c.stopTracking(c.S)
	} else if c.S.Tracking, err = c.Tracking.TurnOn(c.S.ID, c.S.Tracking, o); err != nil {
		return err
	}
	w.OK()
	return nil
}

func clientCaching(c *Call, args [][]byte, w *resp.Writer) error {
	if err := c.S.Tracking.Announce(args[2]); err != nil {
		return err
	}
	w.OK()
	return nil
}

func clientGetRedir(c *Call, _ [][]byte, w *resp.Writer) error {
	w.Int(c.S.Tracking.Redirection())
	return nil
}

func clientTrackingInfo(c *Call, _ [][]byte, w *resp.Writer) error {
	c.S.Tracking.Describe(w)
	return nil
}
